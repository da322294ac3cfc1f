"""Release to production what staging has proved, watch it, and roll back on failure (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.releases.production import preflight
from include.releases.production.plan import ProductionReleasePlan
from opskit.connections.aws import run_store
from opskit.connections.external_services import sentry_client
from opskit.context import StepContext
from opskit.fields import BUMP, COMMIT_OR_NONE, VERSION_OR_NONE
from opskit.groups.bake import await_bake, bake_held, keep_baseline
from opskit.groups.definitions import register_definitions, tag_image
from opskit.groups.deployment import (
    deploy_services,
    hand_back_groups,
    raise_group_capacity,
    return_services,
    verify_deployment,
    verify_return,
)
from opskit.groups.github_release import await_pipeline, draft_release, publish_release
from opskit.groups.migration import migration
from opskit.groups.other_deployments import await_other_deployments, await_staging, only_waited
from opskit.groups.tickets import mark_tickets, move_tickets
from opskit.runbook import Aside, KeptTarget, Proof, Stage, runbook


def plan_release(ctx: StepContext) -> tuple[ProductionReleasePlan, datetime]:
    """Plan from the current state of AWS and GitHub."""
    params = ctx.params
    # the approved commit, even if staging has proved a newer one since
    commit = params["commit"] or ctx.planned.get("commit", "")
    request = preflight.ReleaseRequest(commit, params["version"], params["bump"])
    staging = run_store(ctx.target.proved_on.name)
    return preflight.make_plan(ctx, staging, request, ctx.context["dag_run"].run_after, sentry_client(ctx.target))


dag = runbook(
    subject="release",
    risk="disruptive",
    targets=load().releasable(),
    params={"commit": COMMIT_OR_NONE, "version": VERSION_OR_NONE, "bump": BUMP},
    before_plan=[await_staging],
    plan=plan_release,
    steps=[
        Stage("Publication", await_other_deployments, draft_release, keep_baseline, publish_release, await_pipeline),
        Stage("Preparation", tag_image, register_definitions, migration, raise_group_capacity),
        Stage("Deployment", deploy_services),
    ],
    verification=[verify_deployment, await_bake],
    proof=Proof((verify_deployment, await_bake), returned=verify_return),
    recovery=[return_services, verify_return],
    asides=[Aside(after=await_bake, step=move_tickets), Aside(after=verify_return, step=mark_tickets)],
    hand_back=hand_back_groups,
    kept=KeptTarget(holds=bake_held, why_not=only_waited),
)
