"""Destroy an environment, or some of its modules, and build it again with its data (an Airflow DAG)."""

from datetime import datetime

from include.infrastructure.recreation.plan import InfrastructureRecreationPlan
from include.inventory import load
from opskit.context import StepContext
from opskit.fields import COMMIT, DATABASES, MODULES, OBJECTS, SECRETS
from opskit.groups.recreation import (
    archive_buckets,
    await_names,
    await_seed,
    await_services,
    await_snapshots,
    build_first,
    build_rest,
    deregister_definitions,
    destroy,
    empty_buckets,
    enter_secrets,
    give_back_secrets,
    lift_protection,
    make_snapshots,
    plan_again,
    publish_new_outputs,
    remove_replicas,
    return_objects,
    settle_applies,
    start_seed,
    verify_recreation,
    verify_seed,
    what_is_left,
)
from opskit.queues import TERRAFORM
from opskit.runbook import Proof, Stage, runbook


def plan_recreation(ctx: StepContext) -> tuple[InfrastructureRecreationPlan, datetime]:
    """Find everything that is in the way, and plan what is done about it."""
    return plan_again(ctx)


dag = runbook(
    subject="recreation",
    risk="destructive",
    targets=load().recreatable(),
    params={"commit": COMMIT, "modules": MODULES, "databases": DATABASES, "objects": OBJECTS, "secrets": SECRETS},
    plan=plan_recreation,
    steps=[
        Stage("Safety", make_snapshots, await_snapshots, archive_buckets),
        Stage("Destruction", lift_protection, empty_buckets, remove_replicas, destroy, deregister_definitions),
        Stage("Build", give_back_secrets, await_names, build_first, enter_secrets, build_rest, publish_new_outputs),
        Stage("Data", start_seed, await_seed, verify_seed, return_objects),
    ],
    verification=[await_services, verify_recreation],
    proof=Proof((destroy, build_rest, verify_seed, await_services, verify_recreation), left=what_is_left),
    hand_back=settle_applies,
    plan_queue=TERRAFORM,
)
