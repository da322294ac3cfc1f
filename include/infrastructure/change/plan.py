"""The plan of infrastructure_change: what Terraform will do, bound to everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from include.inventory import Target
from include.inventory.infrastructure import Terraform
from include.run.plan.model import Plan, Skip
from include.terraform.durations import Took, last_times
from include.terraform.plan import TerraformPlan, fingerprint
from include.terraform.progress import operations
from include.terraform.state import State
from include.terraform.summary import refuse_beyond, second_approver_reasons, summarize

NAMED = 3  # reasons in a sentence
LOOKS = 60  # seconds that the second plan and the proof take


class InfrastructureChangePlan(Plan):
    """The plan of a change. Everything that Terraform's plan rests on is part of its digest."""

    commit: str
    tool: str  # with its version
    lock_file: str  # SHA-256; it fixes the providers
    workspace: str
    lineage: str  # of the state; "" before the first apply
    serial: int
    variables: Mapping[str, str]  # a hash of each by its name
    fingerprint: str  # of all that will be done, shown or not
    plan_file: str  # SHA-256 of the file that is applied
    summary: str  # of what is done, in one line
    approvers: int  # at least so many people, whatever the target's policy asks
    operations: int  # on resources; a replacement is two
    took: tuple[str, ...] = ()  # how long such operations took in the target's last applies

    @property
    def details(self) -> tuple[str, ...]:
        return (f"It took the last times, each at most: {'; '.join(self.took)}.",) if self.took else ()


def plan_change(
    target: Target,
    terraform: Terraform,
    commit: str,
    plan: TerraformPlan,
    state: State | None,
    *,
    lock_file: str,
    variables: Mapping[str, str],
    plan_file: str,
    remarks: tuple[str, ...] = (),
    took: Took | None = None,
) -> InfrastructureChangePlan:
    """Build the plan from Terraform's. `took`: how long operations took in the target's last applies.

    Raises: PreconditionError beyond the target's limits.
    """
    refuse_beyond(terraform.limits, plan)
    summary, reasons = summarize(plan, took), second_approver_reasons(plan)
    two = (f"Two people have to approve, since the plan {_listed(reasons)}.",) if reasons else ()
    return InfrastructureChangePlan(
        runbook="infrastructure_change",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=summary.changes,
        skips=tuple(Skip(what=each, why="Terraform leaves it for a later plan") for each in plan.deferred),
        notes=(*two, *summary.notes, *remarks, f"In all: {summary.counts}."),
        expected_seconds=summary.expected_seconds + LOOKS,
        commit=commit,
        tool=f"{terraform.tool} {terraform.version}",
        lock_file=lock_file,
        workspace=terraform.workspace,
        lineage=state.lineage if state else "",
        serial=state.serial if state else 0,
        variables=variables,
        fingerprint=fingerprint(plan),
        plan_file=plan_file,
        summary=str(summary.counts),
        approvers=2 if reasons else 1,
        operations=operations(plan),
        took=last_times(plan.changes, took or {}),
    )


def _listed(reasons: tuple[str, ...]) -> str:
    more = f" and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
    return f"{', '.join(reasons[:NAMED])}{more}"
