"""The steps that replace a region's old data with new data, and load it."""

from __future__ import annotations

from typing import Any

from include.errors import PreconditionError, RunbookError, ServiceUnavailableError
from include.reconcile import reconcile
from include.region_data import backup, cache_keys, new_regions
from include.region_data import overwrite as region_data_overwrite
from include.region_data.plan import RegionDataPlan
from include.region_data.qa import list_answers
from include.region_data.transfer import WAY_BACK, read_mark, refuse_after_way_back
from include.run.data_attestations import add_data_attestation
from include.run.journal import list_events
from include.sheets import note_uris
from include.text import joined
from opskit.approval.confirm_maps import ConfirmQaOperator, ConfirmTestMapsOperator
from opskit.approval.decide_restore import state_of_regions
from opskit.connections.external_services import open_worksheet
from opskit.context import StepContext
from opskit.groups.restart import verify_restart
from opskit.step import OperatorStep, step


def plan_of(ctx: StepContext) -> RegionDataPlan:
    """Return the confirmed plan, after recording what became of unanswered writes."""
    plan = RegionDataPlan.model_validate(ctx.guard["plan"])
    reconcile(ctx.clients, ctx.writer)
    return plan


def is_live(ctx: StepContext) -> bool:
    """Tell whether the new data is live for good: proved, confirmed by people, and not restored since."""
    return ctx.passed(bump_versions) and read_mark(ctx, WAY_BACK) is None


def left_behind(ctx: StepContext) -> str:
    """Return the state in which a run stopped half way, or nothing if it has written nothing."""
    begun = any(event["phase"] == "intent" for event in list_events(ctx.store, ctx.run))
    return joined(state_of_regions(ctx)) if begun else ""


def found_bad(ctx: StepContext) -> bool:
    """Tell whether somebody has found the new data of a region bad."""
    return any(not answer.good for answer in list_answers(ctx.store, ctx.run))


@step
def back_up_data(ctx: StepContext) -> None:
    """Back up the current data, region by region."""
    for region in plan_of(ctx).regions:
        backup.back_up(ctx, region)


@step
def verify_backup(ctx: StepContext) -> str:
    """Prove every backup before anything is overwritten."""
    proved = [backup.verify_backup(ctx, region) for region in plan_of(ctx).regions]
    return "; ".join(proved) or "no region had data to keep"


@step
def overwrite_data(ctx: StepContext) -> None:
    """Copy the new data over the old, region by region."""
    ctx.proof_of(verify_backup)
    for region in plan_of(ctx).regions:
        region_data_overwrite.overwrite(ctx, region)


@step
def verify_data(ctx: StepContext) -> str:
    """Prove that every region has its new data, and remove stale objects if that was requested."""
    plan = plan_of(ctx)
    proved = [region_data_overwrite.verify_data(ctx, region, remove=plan.remove_stale) for region in plan.regions]
    return "; ".join(proved) or "no region had data to overwrite"


@step
def publish_regions(ctx: StepContext) -> str:
    """Insert new regions into the table from which services learn what to load."""
    ctx.proof_of(verify_data)
    refuse_after_way_back(ctx)
    return new_regions.publish(ctx, plan_of(ctx).publications)


@step
def name_regions(ctx: StepContext) -> list[str]:
    """Return the regions that people are asked to look at."""
    ctx.proof_of(verify_restart)  # so that nobody mistakes old data for new
    plan = ctx.guard["plan"]
    return [each["region"] for each in (*plan["regions"], *plan["publications"])]


@step
def bump_versions(ctx: StepContext) -> str:
    """Give maps a new cache key, now that every task runs on the new data and people have found it good."""
    plan = plan_of(ctx)
    refuse_after_way_back(ctx)
    ctx.proof_of(verify_restart)
    looks = {answer.region: answer for answer in list_answers(ctx.store, ctx.run) if answer.good}
    if missing := [each.region for each in plan.everything if each.region not in looks]:
        raise PreconditionError(
            f"Nobody is on record as having found {', '.join(missing)} good; a question marked as success by hand is no answer, "
            "clear confirm_qa to have it asked again."
        )
    said = cache_keys.bump_cache_keys(ctx, plan.regions, attempt="update")
    if ctx.target.looked_at_on is None:
        for each in plan.everything:
            by = str(looks[each.region].by)
            add_data_attestation(ctx.store, ctx.target.name, each.region, each.digest, ctx.run, by)
    return said


@step
def update_sheet(ctx: StepContext) -> str:
    """Put every region's URI into the tracking sheet. An outage of the sheet does not fail the run."""
    sheet = ctx.target.region_data.sheet
    if sheet is None:
        return f"no sheet is kept for {ctx.target.name}"
    plan = ctx.guard["plan"]
    uris = {each["region"]: each["existing"] for each in plan["regions"]}
    uris |= {publication["region"]: publication["data"] for publication in plan["publications"]}
    try:
        said = note_uris(open_worksheet(sheet), sheet, uris)
    except (ServiceUnavailableError, RunbookError) as error:
        pairs = ", ".join(f"{region}: {uri}" for region, uri in uris.items())
        said = f"the tracking sheet was not updated ({error}); put this into its column {sheet.uri!r}: {pairs}"
    ctx.writer.note(said)
    return said


confirm_test_maps = OperatorStep(ConfirmTestMapsOperator, "confirm_test_maps")


class QaStep(OperatorStep):
    """One question for each region that `name_regions` returns."""

    def make(self) -> Any:
        return self.operator.partial(task_id=self.name, **self.arguments).expand(region=name_regions.last.output)


confirm_qa = QaStep(ConfirmQaOperator, "confirm_qa")
