"""The writes of a migration: each reads AWS first, decides, and writes through its FencedWriter. All are safe to repeat."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.aws import ec2, ecr, one_off_tasks, rds
from include.aws.clients import Clients
from include.aws.ecs import Task
from include.aws.logs import read_stream
from include.aws.sts import ask_who
from include.aws.task_definitions import describe_definition, describe_newest, image_of, log_prefix
from include.ecs.task_log import Excerpt, log_url, read_log, stream_name
from include.errors import MigrationFailedError, PreconditionError
from include.inventory import Target
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
from include.run.migration_attempts import Attempt, add_attempt, add_end, keep_arn, list_attempts
from include.run.store import RunStore
from include.run.writer import FencedWriter

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


def make_plan(
    clients: Clients, store: RunStore, target: Target, request: MigrationRequest
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
            preset=request.preset,
            command=request.command,
            cpu=request.cpu,
            memory=request.memory,
            again=request.again,
            snapshot=request.snapshot,
        )

    key = plan(()).migration.key  # the key of the attempts on record
    return plan(list_attempts(store, target.name, key)), since


def resolve_digest(clients: Clients, target: Target, image: str) -> str:
    """Return the digest that an image's name resolves to now. Raises: PreconditionError."""
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


def make_snapshot(clients: Clients, writer: FencedWriter, target: Target, migration: Migration) -> str:
    """Request the snapshot of the plan and return its name, or "" if the plan has none."""
    if not migration.snapshot:
        return ""
    # one per run, however often the step is retried
    name = f"{migration.snapshot}-{migration_key(writer.target, writer.owner, ())[:12]}"
    reconcile(clients, writer)
    if rds.describe_snapshot(clients.rds, name) is None:
        writer.write(rds.create_snapshot(clients.rds, migration.snapshot, name))
    return name


def start(
    clients: Clients, writer: FencedWriter, target: Target, migration: Migration, definition: str
) -> dict[str, Any]:
    """Start the migration's task, or find the existing one. Return its attempt as JSON: number, arn, whether it is over.

    The attempt is on record before RunTask is called, and the task's ARN before the wait begins (I17).
    """
    reconcile(clients, writer)
    now, store = datetime.now(UTC), writer.store
    following = look(clients, store, target, migration, writer.owner, now)
    if following.do == "done":
        writer.note(f"This migration is made already, in attempt {following.number} ({_task(following.arn)}).")
        return {"number": following.number, "arn": following.arn, "over": True}
    if following.do == "follow":
        writer.note(f"Task {_task(following.arn)} makes this migration already; it is followed, none is started.")
        add_attempt(store, target.name, migration.key, following.number, writer.owner, now)
        keep_arn(store, target.name, migration.key, following.number, following.arn)
        return {"number": following.number, "arn": following.arn, "over": False}
    number = following.number
    if not add_attempt(store, target.name, migration.key, number, writer.owner, now):
        raise PreconditionError(
            f"Another run has begun attempt {number} of this migration at the same moment; nothing was started, look at that run."
        )
    network = find_network(clients, target, migration)
    token = client_token(migration.key, number)
    tasks, failures = writer.write(
        one_off_tasks.run_task(
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
        if not tasks:  # ECS placed no task, so there is nothing to follow
            add_end(store, target.name, migration.key, number, "failed", {"text": str(error), "exit_code": None})
        raise
    keep_arn(store, target.name, migration.key, number, arn)
    return {"number": number, "arn": arn, "over": False}


def look(clients: Clients, store: RunStore, target: Target, migration: Migration, run: str, now: datetime) -> Next:
    """Decide what to do about a migration now. Raises: MigrationFailedError."""
    seen = _started(clients, target, migration)
    kept = list_attempts(store, target.name, migration.key)
    return decide_next(kept, seen, migration.container, run, now, again=migration.again)


def verify(
    clients: Clients,
    writer: FencedWriter,
    target: Target,
    migration: Migration,
    definition: str,
    attempt: Mapping[str, Any],
    end: Mapping[str, Any] | None = None,
) -> str:
    """Record how the task ended, show its log, and return the proof that it ended well. `end` is what the wait saw.

    Raises: MigrationFailedError.
    """
    writer.check()
    arn, number = str(attempt["arn"]), int(attempt["number"])
    on_record = next(
        (each for each in list_attempts(writer.store, target.name, migration.key) if each.number == number), None
    )
    task, now = one_off_tasks.last_seen(clients.ecs, str(target.environment.cluster), arn, end)
    if task is None and on_record and on_record.outcome == "succeeded":
        return f"`{' '.join(migration.command)}` was made before, by {on_record.run}"
    excerpt = read_excerpt(clients, target, migration, definition, arn)
    for line in excerpt.tail:
        log.info("| %s", line)
    if task and task.last_status == "STOPPED":
        container = task.container(migration.container)
        outcome = "succeeded" if has_succeeded(task, migration.container) else "failed"
        details = {"exit_code": container.exit_code if container else None, "text": excerpt.text, "log": excerpt.url}
        add_end(writer.store, target.name, migration.key, number, outcome, details)  # type: ignore[arg-type]
    try:
        progress = judge_migration(task, arn, migration.container, now)
    except MigrationFailedError as error:
        raise MigrationFailedError(f"{str(error).rstrip('.')}. Its log says: {excerpt.text}") from error
    if not progress.done:
        raise MigrationFailedError(f"{progress.text}, so it is not proved to have ended; look at it, it still runs.")
    writer.note(f"{progress.text}; {excerpt.text}")
    return f"`{' '.join(migration.command)}`: {progress.text}"


def read_excerpt(clients: Clients, target: Target, migration: Migration, definition: str, arn: str) -> Excerpt:
    """Return the excerpt of a task's log."""
    prefix = log_prefix(describe_definition(clients.ecs, definition), migration.container)
    stream = stream_name(prefix, migration.container, arn)
    lines = read_stream(clients.logs, migration.log_group, stream, LINES)
    return read_log(lines, log_url(target.environment.region, migration.log_group, stream))


def find_network(clients: Clients, target: Target, migration: Migration) -> one_off_tasks.Network:
    """Return the network of a target's one-off task, in the form RunTask takes. Raises: PreconditionError."""
    if migration.network is None:
        return one_off_tasks.describe_network(clients.ecs, str(target.environment.cluster), migration.network_of)
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
    return one_off_tasks.list_started(
        clients.ecs, str(target.environment.cluster), migration.family, started_by(migration.key)
    )


def _task(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
