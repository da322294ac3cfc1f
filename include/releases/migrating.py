"""The writes of a migration: each reads the world again, decides, and writes under its permit. All safe to repeat."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.aws import ec2, ecr, one_offs, rds
from include.aws.clients import Clients
from include.aws.ecs import Task
from include.aws.logs import read_stream
from include.aws.sts import ask_who
from include.aws.task_definitions import describe_definition, describe_newest, image_of, log_prefix
from include.errors import MigrationFailedError, PreconditionError
from include.inventory import Target
from include.operations.migrations import Attempt, add_attempt, add_end, keep_arn, list_attempts
from include.operations.permit import Permit
from include.operations.table import OperationsTable
from include.reconcile import reconcile
from include.releases.migration import (
    Next,
    client_token,
    decide_next,
    has_succeeded,
    judge_migration,
    migration_key,
    read_start,
    started_by,
)
from include.releases.one_off_log import Excerpt, log_url, read_log, stream_name
from include.releases.parts import Migration
from include.releases.plans.database_migration import DatabaseMigrationPlan, one_off_of, plan_database_migration

log = logging.getLogger(__name__)

GROUP = "migrations"
LINES = 200  # read of a task's log


@dataclass(frozen=True)
class Wish:
    """What a person asks of database_migration besides its target."""

    preset: str = ""
    command: tuple[str, ...] = ()
    cpu: int | None = None
    memory: int | None = None
    again: bool = False
    snapshot: bool = False


def make_plan(
    clients: Clients, table: OperationsTable, target: Target, wish: Wish
) -> tuple[DatabaseMigrationPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    account, since = ask_who(clients.sts)
    one_off = one_off_of(target)
    definition = describe_newest(clients.ecs, one_off.family, one_off.launch_type)
    arn = str(definition["taskDefinitionArn"])
    digest = resolve_digest(clients, target, image_of(definition, one_off.container))

    def plan(kept: Sequence[Attempt]) -> DatabaseMigrationPlan:
        return plan_database_migration(
            target,
            arn,
            digest,
            kept,
            account,
            since,
            preset=wish.preset,
            command=wish.command,
            cpu=wish.cpu,
            memory=wish.memory,
            again=wish.again,
            snapshot=wish.snapshot,
        )

    key = plan(()).migration.key  # by which the attempts on record are found
    return plan(list_attempts(table, target.name, key)), since


def resolve_digest(clients: Clients, target: Target, image: str) -> str:
    """Return the digest an image's name stands for now. Raises: PreconditionError."""
    name, at, digest = image.partition("@")
    if at:
        return digest
    tag = name.rpartition("/")[2].partition(":")[2] or "latest"
    found = ecr.describe_image(clients.ecr, target.registry, tag)
    if found is None:
        raise PreconditionError(
            f"Image {image} is not in the registry any more, so its task could not start; deploy a release to {target.name} "
            "first, nothing was changed."
        )
    return found.digest


def make_snapshot(clients: Clients, permit: Permit, target: Target, migration: Migration) -> str:
    """Ask for the snapshot of the plan and return its name; "" if none was asked for."""
    if not migration.snapshot:
        return ""
    name = f"{migration.snapshot}-{migration_key(permit.target, permit.owner, ())[:12]}"  # one a run, however often it is retried
    reconcile(clients, permit)
    if rds.describe_snapshot(clients.rds, name) is None:
        permit.write(rds.create_snapshot(clients.rds, migration.snapshot, name))
    return name


def start(clients: Clients, permit: Permit, target: Target, migration: Migration, definition: str) -> dict[str, Any]:
    """Start the migration's task, or find the one there is; returns its attempt as JSON: number, arn, whether it is over.

    The attempt is on record before RunTask is called, and the task's ARN before anybody waits for it (I17).
    """
    reconcile(clients, permit)
    now, table = datetime.now(UTC), permit.table
    following = look(clients, table, target, migration, permit.owner, now)
    if following.do == "done":
        permit.note(f"This migration is made already, in attempt {following.number} ({_task(following.arn)}).")
        return {"number": following.number, "arn": following.arn, "over": True}
    if following.do == "follow":
        permit.note(f"Task {_task(following.arn)} makes this migration already; it is followed, none is started.")
        add_attempt(table, target.name, migration.key, following.number, permit.owner, now)
        keep_arn(table, target.name, migration.key, following.number, following.arn)
        return {"number": following.number, "arn": following.arn, "over": False}
    number = following.number
    if not add_attempt(table, target.name, migration.key, number, permit.owner, now):
        raise PreconditionError(
            f"Another run has begun attempt {number} of this migration at the same moment; nothing was started, look at that run."
        )
    network = find_network(clients, target, migration)
    token = client_token(migration.key, number)
    tasks, failures = permit.write(
        one_offs.run_task(
            clients.ecs,
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
        if not tasks:  # ECS placed nothing, so there is nothing to follow
            add_end(table, target.name, migration.key, number, "failed", {"text": str(error), "exit_code": None})
        raise
    keep_arn(table, target.name, migration.key, number, arn)
    return {"number": number, "arn": arn, "over": False}


def look(
    clients: Clients, table: OperationsTable, target: Target, migration: Migration, run: str, now: datetime
) -> Next:
    """Decide what there is to do about a migration now. Raises: MigrationFailedError."""
    seen = _started(clients, target, migration)
    kept = list_attempts(table, target.name, migration.key)
    return decide_next(kept, seen, migration.container, run, now, again=migration.again)


def verify(
    clients: Clients,
    permit: Permit,
    target: Target,
    migration: Migration,
    definition: str,
    attempt: Mapping[str, Any],
    end: Mapping[str, Any] | None = None,
) -> str:
    """Put on record how the task ended, show its log, and return the proof that it ended well; `end` is what the wait saw.

    Raises: MigrationFailedError.
    """
    permit.check()
    arn, number = str(attempt["arn"]), int(attempt["number"])
    on_record = next(
        (each for each in list_attempts(permit.table, target.name, migration.key) if each.number == number), None
    )
    task, now = one_offs.last_seen(clients.ecs, str(target.environment.cluster), arn, end)
    if task is None and on_record and on_record.outcome == "succeeded":
        return f"`{' '.join(migration.command)}` was made before, by {on_record.run}"
    excerpt = read_excerpt(clients, target, migration, definition, arn)
    for line in excerpt.tail:
        log.info("| %s", line)
    if task and task.last_status == "STOPPED":
        container = task.container(migration.container)
        outcome = "succeeded" if has_succeeded(task, migration.container) else "failed"
        details = {"exit_code": container.exit_code if container else None, "text": excerpt.text, "log": excerpt.url}
        add_end(permit.table, target.name, migration.key, number, outcome, details)  # type: ignore[arg-type]
    try:
        progress = judge_migration(task, arn, migration.container, now)
    except MigrationFailedError as error:
        raise MigrationFailedError(f"{str(error).rstrip('.')}. Its log says: {excerpt.text}") from error
    if not progress.done:
        raise MigrationFailedError(f"{progress.text}, so it is not proved to have ended; look at it, it still runs.")
    permit.note(f"{progress.text}; {excerpt.text}")
    return f"`{' '.join(migration.command)}`: {progress.text}"


def read_excerpt(clients: Clients, target: Target, migration: Migration, definition: str, arn: str) -> Excerpt:
    """Return what is shown of a task's log."""
    prefix = log_prefix(describe_definition(clients.ecs, definition), migration.container)
    stream = stream_name(prefix, migration.container, arn)
    lines = read_stream(clients.logs, migration.log_group, stream, LINES)
    return read_log(lines, log_url(target.environment.region, migration.log_group, stream))


def find_network(clients: Clients, target: Target, migration: Migration) -> one_offs.Network:
    """Return where a one-off task of a target runs, as RunTask takes it. Raises: PreconditionError."""
    if migration.network is None:
        return one_offs.describe_network(clients.ecs, str(target.environment.cluster), migration.network_of)
    network = migration.network
    subnets = ec2.find_subnets(clients.ec2, network.vpc, network.subnet_name)
    return {
        "awsvpcConfiguration": {
            "subnets": list(subnets),
            "securityGroups": list(network.security_groups),
            "assignPublicIp": "DISABLED",  # S2: it is reached by nobody
        }
    }


def _started(clients: Clients, target: Target, migration: Migration) -> tuple[Task, ...]:
    return one_offs.list_started(
        clients.ecs, str(target.environment.cluster), migration.family, started_by(migration.key)
    )


def _task(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
