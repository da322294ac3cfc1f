"""The writes of a migration: each reads the world again, decides, and writes with its writer. All safe to repeat."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.aws import ec2, ecr, one_off_tasks, rds
from include.aws.ecs import Task
from include.aws.logs import read_stream
from include.aws.sts import ask_who
from include.aws.task_definitions import describe_definition, describe_newest, image_of, log_prefix
from include.ecs.task_log import Excerpt, log_url, read_log, stream_name
from include.errors import MigrationFailedError, PreconditionError
from include.reconcile import reconcile
from include.releases.migration.plan import DatabaseMigrationPlan, one_off_of, plan_database_migration
from include.releases.migration.rules import (
    Next,
    client_token,
    decide_next,
    has_succeeded,
    judge_migration,
    migration_key,
    read_start,
    started_by,
)
from include.releases.model import Migration
from include.run.context import Context
from include.run.migration_attempts import Attempt, add_attempt, add_end, keep_arn, list_attempts

log = logging.getLogger(__name__)

GROUP = "migrations"
LINES = 200  # lines to read from a task's log


@dataclass(frozen=True)
class MigrationRequest:
    """A person's request to database_migration, without its target."""

    preset: str = ""
    command: tuple[str, ...] = ()
    cpu: int | None = None
    memory: int | None = None
    again: bool = False
    snapshot: bool = False


def make_plan(ctx: Context, request: MigrationRequest) -> tuple[DatabaseMigrationPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    clients, target = ctx.clients, ctx.target
    account, since = ask_who(clients.sts)
    one_off = one_off_of(target)
    definition = describe_newest(clients.ecs, one_off.family, one_off.launch_type)
    arn = str(definition["taskDefinitionArn"])
    digest = resolve_digest(ctx, image_of(definition, one_off.container))

    def plan(kept: Sequence[Attempt]) -> DatabaseMigrationPlan:
        return plan_database_migration(
            target,
            arn,
            digest,
            kept,
            account,
            since,
            preset=request.preset,
            command=request.command,
            cpu=request.cpu,
            memory=request.memory,
            again=request.again,
            snapshot=request.snapshot,
        )

    key = plan(()).migration.key  # by which the attempts on record are found
    return plan(list_attempts(ctx.store, target.name, key)), since


def resolve_digest(ctx: Context, image: str) -> str:
    """Return the digest an image's name stands for now. Raises: PreconditionError."""
    name, at, digest = image.partition("@")
    if at:
        return digest
    tag = name.rpartition("/")[2].partition(":")[2] or "latest"
    found = ecr.describe_image(ctx.clients.ecr, ctx.target.registry, tag)
    if found is None:
        raise PreconditionError(
            f"Image {image} is not in the registry any more, so its task could not start; deploy a release to {ctx.target.name} "
            "first, nothing was changed."
        )
    return found.digest


def make_snapshot(ctx: Context, migration: Migration) -> str:
    """Ask for the snapshot of the plan and return its name; "" if none was asked for."""
    if not migration.snapshot:
        return ""
    name = f"{migration.snapshot}-{migration_key(ctx.target.name, ctx.run, ())[:12]}"  # one a run, however often it is retried
    reconcile(ctx.clients, ctx.writer)
    if rds.describe_snapshot(ctx.clients.rds, name) is None:
        ctx.writer.write(rds.create_snapshot(ctx.clients.rds, migration.snapshot, name))
    return name


def start(ctx: Context, migration: Migration, definition: str) -> dict[str, Any]:
    """Start the migration's task, or find the one there is; returns its attempt as JSON: number, arn, whether it is over.

    The attempt is on record before RunTask is called, and the task's ARN before the wait begins (I17).
    """
    reconcile(ctx.clients, ctx.writer)
    now, store, target, writer = datetime.now(UTC), ctx.store, ctx.target, ctx.writer
    following = look(ctx, migration, now)
    if following.do == "done":
        writer.note(f"This migration is made already, in attempt {following.number} ({_task(following.arn)}).")
        return {"number": following.number, "arn": following.arn, "over": True}
    if following.do == "follow":
        writer.note(f"Task {_task(following.arn)} makes this migration already; it is followed, none is started.")
        add_attempt(store, target.name, migration.key, following.number, ctx.run, now)
        keep_arn(store, target.name, migration.key, following.number, following.arn)
        return {"number": following.number, "arn": following.arn, "over": False}
    number = following.number
    if not add_attempt(store, target.name, migration.key, number, ctx.run, now):
        raise PreconditionError(
            f"Another run has begun attempt {number} of this migration at the same moment; nothing was started, look at that run."
        )
    network = find_network(ctx, migration)
    token = client_token(migration.key, number)
    tasks, failures = writer.write(
        one_off_tasks.run_task(
            ctx.clients.ecs,
            str(target.environment.cluster),
            definition,
            migration.container,
            migration.command,
            network,
            cpu=migration.cpu,
            memory=migration.memory,
            group=GROUP,
            started_by=started_by(migration.key),
            token=token,
        )
    )
    try:
        arn = read_start(tasks, failures)
    except MigrationFailedError as error:
        if not tasks:  # ECS placed no task, so there is nothing to follow
            add_end(store, target.name, migration.key, number, "failed", {"text": str(error), "exit_code": None})
        raise
    keep_arn(store, target.name, migration.key, number, arn)
    return {"number": number, "arn": arn, "over": False}


def look(ctx: Context, migration: Migration, now: datetime) -> Next:
    """Decide what there is to do about a migration now. Raises: MigrationFailedError."""
    seen = _started(ctx, migration)
    kept = list_attempts(ctx.store, ctx.target.name, migration.key)
    return decide_next(kept, seen, migration.container, ctx.run, now, again=migration.again)


def verify(
    ctx: Context,
    migration: Migration,
    definition: str,
    attempt: Mapping[str, Any],
    end: Mapping[str, Any] | None = None,
) -> str:
    """Record how the task ended, show its log, and return the proof that it ended well. `end` is what the wait saw.

    Raises: MigrationFailedError.
    """
    target, writer = ctx.target, ctx.writer
    writer.check()
    arn, number = str(attempt["arn"]), int(attempt["number"])
    on_record = next(
        (each for each in list_attempts(ctx.store, target.name, migration.key) if each.number == number), None
    )
    task, now = one_off_tasks.last_seen(ctx.clients.ecs, str(target.environment.cluster), arn, end)
    if task is None and on_record and on_record.outcome == "succeeded":
        return f"`{' '.join(migration.command)}` was made before, by {on_record.run}"
    excerpt = read_excerpt(ctx, migration, definition, arn)
    for line in excerpt.tail:
        log.info("| %s", line)
    if task and task.last_status == "STOPPED":
        container = task.container(migration.container)
        outcome = "succeeded" if has_succeeded(task, migration.container) else "failed"
        details = {"exit_code": container.exit_code if container else None, "text": excerpt.text, "log": excerpt.url}
        add_end(ctx.store, target.name, migration.key, number, outcome, details)  # type: ignore[arg-type]
    try:
        progress = judge_migration(task, arn, migration.container, now)
    except MigrationFailedError as error:
        raise MigrationFailedError(f"{str(error).rstrip('.')}. Its log says: {excerpt.text}") from error
    if not progress.done:
        raise MigrationFailedError(f"{progress.text}, so it is not proved to have ended; look at it, it still runs.")
    writer.note(f"{progress.text}; {excerpt.text}")
    return f"`{' '.join(migration.command)}`: {progress.text}"


def read_excerpt(ctx: Context, migration: Migration, definition: str, arn: str) -> Excerpt:
    """Return what is shown of a task's log."""
    prefix = log_prefix(describe_definition(ctx.clients.ecs, definition), migration.container)
    stream = stream_name(prefix, migration.container, arn)
    lines = read_stream(ctx.clients.logs, migration.log_group, stream, LINES)
    return read_log(lines, log_url(ctx.target.environment.region, migration.log_group, stream))


def find_network(ctx: Context, migration: Migration) -> one_off_tasks.Network:
    """Return where a one-off task of a target runs, as RunTask takes it. Raises: PreconditionError."""
    if migration.network is None:
        return one_off_tasks.describe_network(
            ctx.clients.ecs, str(ctx.target.environment.cluster), migration.network_of
        )
    network = migration.network
    subnets = ec2.find_subnets(ctx.clients.ec2, network.vpc, network.subnet_name)
    return {
        "awsvpcConfiguration": {
            "subnets": list(subnets),
            "securityGroups": list(network.security_groups),
            "assignPublicIp": "DISABLED",  # S2: it is reached by nobody
        }
    }


def _started(ctx: Context, migration: Migration) -> tuple[Task, ...]:
    return one_off_tasks.list_started(
        ctx.clients.ecs, str(ctx.target.environment.cluster), migration.family, started_by(migration.key)
    )


def _task(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
