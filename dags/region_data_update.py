"""Replace a region's data with new data, have people check it, and restore the old data on failure (an Airflow DAG)."""

from datetime import UTC, datetime

from include.inventory import load
from include.region_data import preflight
from include.region_data.plan import RegionDataPlan
from opskit.connections.aws import run_store
from opskit.context import StepContext
from opskit.fields import REGIONS, REMOVE_STALE, REQUESTS_PER_SECOND
from opskit.groups.region_data import (
    back_up_data,
    bump_versions,
    confirm_qa,
    confirm_test_maps,
    found_bad,
    is_live,
    left_behind,
    name_regions,
    overwrite_data,
    publish_regions,
    update_sheet,
    verify_backup,
    verify_data,
)
from opskit.groups.restart import verify_restart
from opskit.groups.restore import decide_way_back, nothing_to_look_at, return_versions, way_back
from opskit.groups.service_refresh import hand_back_group, renewal
from opskit.runbook import KeptTarget, Proof, Stage, runbook


def plan_update(ctx: StepContext) -> tuple[RegionDataPlan, datetime]:
    """Plan from the current state of AWS and the database."""
    first, day, given = ctx.target.looked_at_on, ctx.context["dag_run"].run_after, ctx.params
    asked = preflight.UpdateRequest(given["regions"], given["remove_stale"], ctx.run, day, given["requests_per_second"])
    return preflight.make_plan(ctx, run_store(first.name) if first else None, asked, datetime.now(UTC))


dag = runbook(
    subject="update",
    risk="disruptive",
    targets=load().updatable(),
    params={
        "regions": REGIONS,
        "remove_stale": REMOVE_STALE,
        "requests_per_second": REQUESTS_PER_SECOND,
    },
    plan=plan_update,
    steps=[
        Stage("Backup", confirm_test_maps, back_up_data, verify_backup),
        Stage("New data", overwrite_data, verify_data, publish_regions),
        Stage("Services", renewal),
    ],
    verification=[name_regions, confirm_qa, bump_versions, update_sheet],
    proof=Proof(
        (verify_data, verify_restart, bump_versions),
        returned=return_versions,
        holds=is_live,
        rejected=found_bad,
        left=left_behind,
    ),
    recovery=[decide_way_back, way_back],
    at_once_after=[confirm_qa],  # one bad map rolls everything back, even while others are still being checked
    hand_back=hand_back_group,
    kept=KeptTarget(holds=is_live, why_not=nothing_to_look_at, besides="Every backup is left where it is."),
)
