"""The steps that destroy an environment, or some of its modules, and build it again with its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from include.infrastructure import settle
from include.infrastructure.change import steps as change
from include.infrastructure.recreation import (
    applies,
    kept_data,
    preflight,
    remedies,
    secret_values,
    seed,
    serving,
    steps,
)
from include.infrastructure.recreation.plan import Choices, InfrastructureRecreationPlan
from include.waiters.progress import Progress
from opskit.approval.enter_secrets import EnterSecretsOperator
from opskit.context import StepContext
from opskit.groups.terraform import terraform_step
from opskit.queues import TERRAFORM
from opskit.step import OperatorStep, poll, step
from opskit.waits.await_state import AwaitStateOperator

SNAPSHOT_TIMEOUT = 12 * 3600  # seconds: a first snapshot of a large database
SERVING_TIMEOUT = 2 * 3600  # seconds until new tasks are healthy: they may wait for images and for certificates
NAMES_TIMEOUT = 3600  # seconds until a name of a deleted secret is free

Apply = Callable[[StepContext, InfrastructureRecreationPlan], str]


def plan_again(ctx: StepContext) -> tuple[InfrastructureRecreationPlan, datetime]:
    """Plan what is destroyed and built again, from Terraform, the state and the account."""
    given = ctx.params
    choices = Choices(databases=given["databases"], objects=given["objects"], secrets=given["secrets"])
    request = preflight.Request(given["commit"], tuple(given["modules"] or ()), choices)
    return preflight.make_plan(ctx, request)


def planned(ctx: StepContext) -> InfrastructureRecreationPlan:
    """Return the plan that was confirmed."""
    return InfrastructureRecreationPlan.model_validate(ctx.guard["plan"])


def _part(name: str, part: str, body: Apply) -> OperatorStep:
    return terraform_step(name, lambda ctx: body(ctx, planned(ctx)), part)


@step
def make_snapshots(ctx: StepContext) -> str:
    """Ask RDS for a snapshot of each database."""
    return remedies.make_snapshots(ctx, planned(ctx))


@poll(timeout=SNAPSHOT_TIMEOUT)
def await_snapshots(ctx: StepContext) -> Progress:
    """Wait until the snapshots are available."""
    return remedies.look_at_snapshots(ctx, planned(ctx))


@step
def archive_buckets(ctx: StepContext) -> str:
    """Copy the objects of the buckets to the archive, and compare."""
    remedies.note_snapshots(ctx, planned(ctx))
    return remedies.archive_buckets(ctx, planned(ctx))


lift_protection = _part("lift_protection", applies.LIFT, applies.lift_protection)


@step
def empty_buckets(ctx: StepContext) -> str:
    """Empty the buckets."""
    return remedies.empty_buckets(ctx, planned(ctx))


@step
def remove_replicas(ctx: StepContext) -> str:
    """Remove the replicas of secrets."""
    return remedies.remove_replicas(ctx, planned(ctx))


destroy = _part("destroy", applies.DESTROY, steps.destroy)


@step
def deregister_definitions(ctx: StepContext) -> str:
    """Deregister the task definitions that Terraform leaves behind."""
    return remedies.deregister_definitions(ctx, planned(ctx))


@step
def give_back_secrets(ctx: StepContext) -> str:
    """Restore the secrets, or delete them for good."""
    return secret_values.give_back_secrets(ctx, planned(ctx))


@poll(timeout=NAMES_TIMEOUT)
def await_names(ctx: StepContext) -> Progress:
    """Wait until AWS has freed the names of deleted secrets."""
    return secret_values.look_at_names(ctx, planned(ctx))


build_first = _part("build_first", applies.FIRST, steps.build_first)
enter_secrets = OperatorStep(EnterSecretsOperator, "enter_secrets")
build_rest = _part("build_rest", applies.BUILD, applies.build)


@step(queue=TERRAFORM)
def publish_new_outputs(ctx: StepContext) -> str:
    """Store Terraform's outputs where other systems read them."""
    return change.publish_outputs(ctx, planned(ctx).commit)


@step
def start_seed(ctx: StepContext) -> dict[str, Any]:
    """Start the seed of the databases, or find its task."""
    return seed.start(ctx, planned(ctx))


def _started(ctx: StepContext) -> dict[str, Any] | str:
    attempt, task = ctx.result_of(start_seed), planned(ctx).seed
    if task is None:
        return seed.NO_SEED
    if attempt["over"]:
        return "it was made before"
    return {"cluster": ctx.target.environment.cluster, "arn": attempt["arn"], "container": task.container}


await_seed = OperatorStep(AwaitStateOperator, "await_seed", watch="task_stopped", arguments=_started)


@step
def verify_seed(ctx: StepContext) -> str:
    """Judge how the seed ended."""
    return seed.verify(ctx, planned(ctx), ctx.result_of(start_seed), ctx.end_of(await_seed))


@step
def return_objects(ctx: StepContext) -> str:
    """Copy the archived objects back."""
    return kept_data.return_objects(ctx, planned(ctx))


@poll(timeout=SERVING_TIMEOUT)
def await_services(ctx: StepContext) -> Progress:
    """Wait until the target's services serve."""
    return serving.look_at_services(ctx)


@step(queue=TERRAFORM)
def verify_recreation(ctx: StepContext) -> str:
    """Prove that everything is there again, and serves."""
    return steps.verify(ctx, planned(ctx))


@step(queue=TERRAFORM)
def settle_applies(ctx: StepContext) -> str:
    """Follow every apply to its end, and put its lock and state in order."""
    said = [settle.settle(replace(ctx, part=part)) for part in applies.PARTS]
    return "; ".join(dict.fromkeys(each for each in said if each != settle.NEVER)) or settle.NEVER


def what_is_left(ctx: StepContext) -> str:
    """Return in what state an unfinished recreation has left things."""
    return steps.what_is_left(ctx, planned(ctx), str(ctx.result_of(settle_applies) or ""))
