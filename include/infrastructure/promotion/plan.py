"""The plan of account_promotion: Terraform's changes, the functions and the log groups of one account, bound to commit and artefact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from include.infrastructure.change.plan import InfrastructureChangePlan
from include.infrastructure.promotion.retention import Retention
from include.inventory import Target
from include.inventory.promotion import Artefact
from include.run.plan.model import Change, Skip

SHOWN = 12  # characters of a digest
FUNCTION_SECONDS = 60  # that a stack usually takes


class PromotionPlan(InfrastructureChangePlan):
    """The plan of one account's part. The artefact is the same in every account, what the account adds to it is not."""

    earlier: str  # the target that has proved this, "" for the first one
    artefact: str  # SHA-256 of the package's content before the account's own files; "" without one
    settings: Mapping[str, str]  # a hash by name of each value that the account adds to the artefact
    templates: Mapping[str, str]  # of the functions: the SHA-256 of each template


@dataclass(frozen=True)
class Package:
    """What a build has made, and the state of the stacks that get it."""

    artefact: Artefact
    digest: str
    templates: Mapping[str, str]  # SHA-256 by function
    settings: Mapping[str, str]  # a hash by name of each value that the account adds
    current: Mapping[str, str]  # the SHA-256 of the template that a stack has now, if there is a stack


def plan_promotion(
    target: Target, base: InfrastructureChangePlan, earlier: str, package: Package | None, retention: Retention | None
) -> PromotionPlan:
    """Build the plan of one account's part from Terraform's plan of the commit."""
    functions, same = _functions(package) if package else ((), ())
    return PromotionPlan.model_validate(
        {
            **base.model_dump(),
            "runbook": "account_promotion",
            "changes": (*base.changes, *functions, *_log_groups(retention)),
            "skips": (*base.skips, *same, *_left_alone(retention)),
            "notes": (*_came_from(target, base.commit, earlier), *base.notes, *_about(package)),
            "expected_seconds": base.expected_seconds
            + FUNCTION_SECONDS * len(functions)
            + int(target.promotion.watch.total_seconds()),
            "earlier": earlier,
            "artefact": package.digest if package else "",
            "settings": package.settings if package else {},
            "templates": package.templates if package else {},
        }
    )


def _came_from(target: Target, commit: str, earlier: str) -> Sequence[str]:
    if not earlier:
        return (f"{target.name} is the first account that gets commit {commit[:SHOWN]}.",)
    return (f"{earlier} has proved commit {commit[:SHOWN]}, and none of the alarms before {target.name} fires.",)


def _about(package: Package | None) -> Sequence[str]:
    if package is None:
        return ()
    tool = package.artefact
    return (f"{tool.tool} {tool.version} has built the package {package.digest[:SHOWN]}, the same for every account.",)


def _functions(package: Package) -> tuple[tuple[Change, ...], tuple[Skip, ...]]:
    changes, same = [], []
    for name, template in package.templates.items():
        now = package.current.get(name)
        if now == template:
            same.append(Skip(what=f"function {name}", why="its stack has this template and this package already"))
            continue
        changes.append(
            Change(
                what=f"{'Update' if now else 'Create'} function {name}",
                before=f"template {now[:SHOWN]}" if now else "no stack",
                after=f"template {template[:SHOWN]}, package {package.digest[:SHOWN]}",
                undo="promote the earlier commit",
            )
        )
    return tuple(changes), tuple(same)


def _log_groups(retention: Retention | None) -> Sequence[Change]:
    if retention is None:
        return ()
    return [
        Change(
            what=f"Keep the lines of log group {group.name} for {retention.days} days",
            before="for ever" if group.days is None else f"{group.days} days",
            after=f"{retention.days} days",
            undo="set it back; lines that are gone do not come back",
        )
        for group in retention.to_set
    ]


def _left_alone(retention: Retention | None) -> Sequence[Skip]:
    if retention is None:
        return ()
    return [
        Skip(
            what=f"log group {name}",
            why=f"Terraform declares {said}; {retention.days} days would be undone by the next apply, so change it in the code",
        )
        for name, said in retention.declared.items()
    ]
