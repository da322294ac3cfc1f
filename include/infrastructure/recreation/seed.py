"""The seed of databases that a recreation makes empty: a command of the inventory, run once in a task of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from include.aws.image_names import read_image_name
from include.aws.task_definitions import describe_newest, image_of
from include.errors import PreconditionError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.recreation.obstacles import DATABASES, DEFINITION, REPOSITORY, new_value, shown_value
from include.infrastructure.recreation.plan import Choices, InfrastructureRecreationPlan
from include.infrastructure.state import terraform_of
from include.releases.migration import steps
from include.releases.migration.plan import one_off_of, plan_task
from include.releases.migration.rules import migration_key
from include.releases.model import Migration
from include.run.migration_attempts import list_attempts
from include.run.plan.model import Change
from include.terraform.plan import ResourceChange

NO_SEED = "no seed was asked for"


def find_seed(ctx: InfrastructureContext, choices: Choices) -> Migration | None:
    """Return the one-off task that was asked for, or None. It is the run's own: what seeded an earlier database is not done again here.

    Raises: PreconditionError if the inventory names none.
    """
    if choices.databases != "seed":
        return None
    recreation = terraform_of(ctx).recreation
    if recreation is None or recreation.seed is None:
        raise PreconditionError(
            f"{ctx.target.name} names no seed in the inventory (terraform.recreation.seed); add one, or choose 'restore' or 'empty' for "
            "databases. Nothing was changed."
        )
    task = plan_task(ctx.target, "", preset=recreation.seed)
    return task.model_copy(update={"key": migration_key(ctx.target.name, ctx.run, task.command)})


def find_unseedable(
    ctx: InfrastructureContext,
    seed: Migration | None,
    doomed: Sequence[ResourceChange],
    missing: Sequence[ResourceChange],
) -> Iterator[str]:
    """Yield what would keep the seed from being run after the build, or would have it run on data that is there."""
    if seed is None:
        return
    if not any(each.type in DATABASES for each in (*doomed, *missing)):
        yield "no database is built, and a seed is for an empty one; choose 'restore' for databases"
    try:
        definition = describe_newest(ctx.clients.ecs, seed.family, one_off_of(ctx.target).launch_type)
        image = image_of(definition, seed.container)
        steps.resolve_digest(ctx, image)
        steps.find_network(ctx, seed)
    except PreconditionError as error:
        if not any(each.type == DEFINITION and new_value(each, "family") == seed.family for each in missing):
            yield f"the seed could not be started: {str(error).rstrip('.')}"
        return
    repository = read_image_name(image).repository
    if any(each.type == REPOSITORY and shown_value(each, "name") == repository for each in doomed):
        yield f"the seed runs image {image}, whose repository goes with all its images; choose 'restore' or 'empty' for databases"


def seed_change(seed: Migration) -> Change:
    """Return what an approver is shown of the seed."""
    return Change(
        what=f"Run `{' '.join(seed.command)}` once in a task of {seed.family}, as the build makes it (ecs.RunTask)",
        before="the databases as the code makes them",
        after=f"the command exited with 0 ({seed.cpu} CPU units, {seed.memory} MiB)",
        undo="restore the snapshots by hand",
    )


def start(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> dict[str, Any]:
    """Start the seed, or find the task of an earlier attempt; returns the attempt as JSON, and {} if no seed was asked for.

    Raises: PreconditionError, MigrationFailedError.
    """
    if plan.seed is None:
        return {}
    definition = describe_newest(ctx.clients.ecs, plan.seed.family, one_off_of(ctx.target).launch_type)
    digest = steps.resolve_digest(ctx, image_of(definition, plan.seed.container))
    arn = str(definition["taskDefinitionArn"])
    return {**steps.start(ctx, plan.seed, arn, digest), "definition": arn}


def verify(
    ctx: InfrastructureContext,
    plan: InfrastructureRecreationPlan,
    attempt: Mapping[str, Any],
    end: Mapping[str, Any] | None,
) -> str:
    """Return the proof that the seed ended well. Raises: MigrationFailedError."""
    return steps.verify(ctx, plan.seed, attempt["definition"], attempt, end) if plan.seed else NO_SEED


def what_is_unseeded(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Return what is missing of the seed and how to make it, or ""."""
    if plan.seed is None:
        return ""
    attempts = list_attempts(ctx.store, ctx.target.name, plan.seed.key)
    if attempts and attempts[-1].outcome == "succeeded":
        return ""
    began = "did not end well" if attempts else "was not started"
    command = " ".join(plan.seed.command)
    return (
        f"the seed {began}, so the databases may be empty; once they are built, run `{command}` by database_migration"
    )
