"""The steps that restore the old data of every region of a run, and load it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import task_group
from airflow.sdk.exceptions import AirflowSkipException

from include.aws.sts import ask_who
from include.region_data import cache_keys, new_regions, service_refresh
from include.region_data import restore as region_data_restore
from include.region_data.overwrite import has_begun
from include.region_data.transfer import WAY_BACK, mark
from include.restart import steps
from include.text import joined
from opskit.approval.decide_restore import RETURN, DecideRestoreOperator, nothing_overwritten
from opskit.context import StepContext
from opskit.groups.region_data import bump_versions, plan_of
from opskit.groups.restart import plan_renewal, verify_restart
from opskit.groups.service_refresh import renewal
from opskit.restart_source import RestartSource
from opskit.step import OperatorStep, step
from opskit.waits.settle_services import SettleServicesOperator

NONE_TO_RENEW = "every task had loaded the old data before any of the new was written, so none is renewed"

decide_way_back = OperatorStep(DecideRestoreOperator, "decide_way_back", live=bump_versions)


def nothing_to_look_at(ctx: StepContext) -> str | None:
    """Return why nobody has to check the target before other runs may use it, or None if somebody has to."""
    if ctx.passed(return_versions):
        return "Every region is as it was before, proved."
    return nothing_overwritten(ctx)


def _touched(ctx: StepContext) -> list[Any]:
    return [region for region in plan_of(ctx).regions if has_begun(ctx, region)]


def _left_half_way(ctx: StepContext) -> RestartSource | None:
    """Return the restart that began and was not verified, or None."""
    found = ctx.result_of(plan_renewal, first=True)
    return RestartSource.read(found) if found and not ctx.passed(verify_restart, first=True) else None


@step
def restore_data(ctx: StepContext) -> None:
    """Restore the old data, region by region."""
    if ctx.result_of(decide_way_back) != RETURN:
        raise AirflowSkipException("Everything is left as it is.")
    mark(ctx, WAY_BACK)  # from now on nothing of this run goes forward any more
    new_regions.retire(ctx, plan_of(ctx).publications)
    for region in _touched(ctx):
        region_data_restore.restore(ctx, region)


@step
def verify_return(ctx: StepContext) -> str:
    """Prove that every region has its old data again."""
    ctx.writer.check()
    proved = [region_data_restore.verify_restored(ctx, region) for region in _touched(ctx)]
    retired = new_regions.retire(ctx, plan_of(ctx).publications)
    return "; ".join(filter(None, [*proved, retired]))


@step
def return_counts(ctx: StepContext) -> dict[str, Any]:
    """Set back the counts that a restart left raised."""
    ctx.writer.check()
    left, said = _left_half_way(ctx), "no restart was left half way"
    if left:
        said = service_refresh.restore_counts(ctx, left.services)
    ctx.log(said)
    return {"said": said, "since": ask_who(ctx.clients.sts)[1].isoformat()}


def _half_way(ctx: StepContext) -> RestartSource | None:
    left, since = _left_half_way(ctx), ctx.proof_of(return_counts)["since"]
    return left and RestartSource(left.services, datetime.fromisoformat(since))


settle_services = OperatorStep(SettleServicesOperator, "settle_services", source=_half_way)


@step
def unprotect_tasks(ctx: StepContext) -> str:
    """Lift the protection of tasks that a restart left protected."""
    left = _left_half_way(ctx)
    surged = left.of_kind("surge") if left else ()
    for service in surged:
        steps.unprotect_tasks(ctx, service)
    if left:  # before another plan takes our hold for somebody else's
        steps.restore_group_scaling(ctx, left.services)
    return f"no task is protected any more: {', '.join(service.service for service in surged) or 'none was'}"


@plan_renewal.variant
def plan_renewal_back(ctx: StepContext) -> Any:
    """Plan another restart, unless no task can have loaded any of the new data."""
    if not service_refresh.may_hold_new_data(ctx, plan_of(ctx).services):
        raise AirflowSkipException(NONE_TO_RENEW)
    return plan_renewal.function(ctx)


@step(name="bump_versions", trigger_rule="none_failed")
def return_versions(ctx: StepContext) -> str:
    """Give maps a new cache key for the old data."""
    if not ctx.passed(verify_return):
        raise AirflowSkipException("Nothing went back.")
    proved, plan = ctx.proof_of(verify_return), plan_of(ctx)
    said = cache_keys.bump_cache_keys(ctx, plan.regions, attempt="way back")
    return joined((proved, said))


@task_group(group_id="way_back", group_display_name="Way back")
def way_back() -> None:
    """Restore the data, finish a half-done restart, restart again, and give maps a new cache key."""
    (
        restore_data()
        >> verify_return()
        >> return_counts()
        >> settle_services()
        >> unprotect_tasks()
        >> renewal(plan_renewal_back)
        >> return_versions()
    )
