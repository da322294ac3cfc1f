"""The writes of a migration: each reads the world again, decides, and writes with its writer. All safe to repeat."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import ec2, ecr, one_off_tasks, rds
from include.aws.ecs import Task
from include.aws.image_names import DIGEST, ImageName, read_image_name
from include.aws.logs import read_stream
from include.aws.refusals import translated
from include.aws.sts import ask_who
from include.aws.task_definitions import (
    container_of,
    describe_definition,
    describe_newest,
    essential_names,
    image_of,
    log_prefix,
)
from include.ecs.running_images import read_other_images
from include.ecs.task_log import Excerpt, log_url, read_log, stream_name
from include.errors import ApprovalError, LeaseLostError, MigrationFailedError, PreconditionError, RefusedError
from include.inventory.models import Registry
from include.reconcile import reconcile
from include.releases.deployment.definitions import register_with_image
from include.releases.image.platforms import platforms_of, refuse_missing
from include.releases.migration.plan import DatabaseMigrationPlan, one_off_of, plan_database_migration
from include.releases.migration.request import MigrationRequest
from include.releases.migration.rules import (
    Next,
    client_token,
    decide_next,
    find_ends,
    judge_migration,
    migration_key,
    read_start,
    started_by,
)
from include.releases.model import Migration, revision
from include.run.context import Context
from include.run.migration_attempts import Attempt, add_attempt, add_end, keep_arn, list_attempts
from include.text import one_line

log = logging.getLogger(__name__)

GROUP = "migrations"
LINES = 200  # lines to read from a task's log


def make_plan(ctx: Context, request: MigrationRequest) -> tuple[DatabaseMigrationPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    clients, target = ctx.clients, ctx.target
    account, since = ask_who(clients.sts)
    one_off = one_off_of(target)
    definition = describe_newest(clients.ecs, one_off.family, one_off.launch_type)
    arn = str(definition["taskDefinitionArn"])
    image = image_of(definition, one_off.container)
    digest = resolve_digest(ctx, image)
    _ensure_platform(ctx, image, digest, definition)

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
            tagged=not read_image_name(image).digest,
        )

    key = plan(()).migration.key  # by which the attempts on record are found
    planned = plan(list_attempts(ctx.store, target.name, key))
    if not planned.changes:
        return planned, since
    notes = ensure_startable(ctx, planned.migration, definition, since)
    return planned.model_copy(update={"notes": (*planned.notes, *notes)}), since


def ensure_migratable(ctx: Context, migration: Migration | None, now: datetime) -> list[str]:
    """Refuse a release whose migration could not be started, while nothing is published yet. Return notes on its other containers.

    Raises: PreconditionError.
    """
    if migration is None:
        return []
    one_off = one_off_of(ctx.target)
    return ensure_startable(ctx, migration, describe_newest(ctx.clients.ecs, one_off.family, one_off.launch_type), now)


def ensure_startable(ctx: Context, migration: Migration, definition: Mapping[str, Any], now: datetime) -> list[str]:
    """Refuse by the plan what would keep a migration from being started later, or its end from being proved.

    `definition` is its task definition, or one that will be registered anew with another image. Return notes on the images of its
    other containers, which a tag may name. Raises: PreconditionError.
    """
    if migration.container not in essential_names(definition):
        container_of(definition, migration.container)
        raise PreconditionError(
            f"Container {migration.container} of task definition {migration.family} is not essential, so its end does not end the task, "
            "and the end of another container would; register it as essential, nothing was started."
        )
    find_network(ctx, migration)
    if migration.snapshot:
        rds.ensure_snapshot_possible(ctx.clients.rds, migration.snapshot)
    if migration.key:  # it has none while its image has not been built, and so no earlier attempts
        try:
            look(ctx, migration, now)
        except MigrationFailedError as error:
            raise PreconditionError(str(error)) from error
    return _note_beside(ctx, migration, definition)


def _note_beside(ctx: Context, migration: Migration, definition: Mapping[str, Any]) -> list[str]:
    accounts = {ctx.target.environment.account, ctx.target.registry.account}
    found = read_other_images(ctx.clients, definition, {}, accounts).beside(migration.container)
    for other in found.others:
        if not other.names:
            raise PreconditionError(other.explain_unstartable(revision(str(definition["taskDefinitionArn"]))))
    notes = [
        f"Container {other.container} beside it runs {other.image}, which stands for {other.names[:19]} now."
        for other in found.others
    ]
    return [*notes, *(f"Not checked: what stands behind {each}." for each in found.unread)]


def resolve_digest(ctx: Context, image: str) -> str:
    """Return the digest an image's name stands for now, in its own repository. Raises: PreconditionError."""
    named = read_image_name(image)
    if named.digest:
        if DIGEST.fullmatch(named.digest):
            return named.digest
        raise PreconditionError(
            f"Image {image} has no digest of 64 digits; correct its task definition, nothing was started."
        )
    own = ctx.target.registry
    if not named.account or named.region != own.region:
        where = f"region {named.region}" if named.account else named.host or "Docker Hub"
        raise PreconditionError(
            f"Image {image} is in {where}, where nobody asks which image its tag stands for (the registry of {ctx.target.name} is "
            f"in {own.region}); name it by its digest (@sha256:...) in its task definition, nothing was started."
        )
    registry = own if named.is_in(own) else own.model_copy(update=_place(named))
    found = ecr.describe_image(ctx.clients.ecr, registry, named.tag)
    if found is None:
        raise PreconditionError(
            f"Image {image} is not in the registry any more, so its task could not start; deploy a release to {ctx.target.name} "
            "first, nothing was started."
        )
    return found.digest


def _ensure_platform(ctx: Context, image: str, digest: str, definition: Mapping[str, Any]) -> None:
    """Refuse an index without the platform that the task needs, where its registry can be asked. Raises: PreconditionError."""
    named = read_image_name(image)
    if named.account and named.region == ctx.target.registry.region:
        registry = Registry(account=named.account, region=named.region, repository=named.repository)
        if listed := ecr.list_platforms(ctx.clients.ecr, registry, digest):
            refuse_missing(digest, listed, str(definition["taskDefinitionArn"]), platforms_of(definition))


def _place(named: ImageName) -> dict[str, str]:
    return {"account": named.account, "region": named.region, "repository": named.repository}


def make_snapshot(ctx: Context, migration: Migration) -> str:
    """Ask for the snapshot of the plan and return its name; "" if none was asked for."""
    if not migration.snapshot:
        return ""
    name = f"{migration.snapshot}-{migration_key(ctx.target.name, ctx.run, ())[:12]}"  # one a run, however often it is retried
    reconcile(ctx.clients, ctx.writer)
    if rds.describe_snapshot(ctx.clients.rds, name) is None:
        ctx.writer.write(rds.create_snapshot(ctx.clients.rds, migration.snapshot, name))
    return name


def pin(ctx: Context, migration: Migration, definition: str, digest: str) -> str:
    """Return the revision that names the approved image by its digest: a tag may have moved since, and RunTask takes no image."""
    found = describe_definition(ctx.clients.ecs, definition)
    named = read_image_name(image_of(found, migration.container))
    return definition if named.digest else register_with_image(ctx, found, migration.container, named.pinned(digest))


def start(ctx: Context, migration: Migration, definition: str, digest: str) -> dict[str, Any]:
    """Start the migration's task, or find the one there is. Return its attempt as JSON: number, arn, whether it is over.

    `digest` is the approved image's, and the task runs no other. The attempt is on record before RunTask is called, and the task's
    ARN before the wait begins (I17).
    """
    reconcile(ctx.clients, ctx.writer)
    now, store, target, writer = datetime.now(UTC), ctx.store, ctx.target, ctx.writer
    keep_ends(ctx, migration, now)
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
    network, pinned = find_network(ctx, migration), pin(ctx, migration, definition, digest)
    if not add_attempt(store, target.name, migration.key, number, ctx.run, now):
        raise PreconditionError(
            f"Another run has begun attempt {number} of this migration at the same moment; nothing was started, look at that run."
        )
    try:
        tasks, failures = writer.write(
            one_off_tasks.run_task(
                ctx.clients.ecs,
                str(target.environment.cluster),
                pinned,
                migration.container,
                migration.command,
                network,
                cpu=migration.cpu,
                memory=migration.memory,
                group=GROUP,
                started_by=started_by(migration.key),
                token=client_token(migration.key, number),
            )
        )
    except (
        RefusedError,
        LeaseLostError,
        ApprovalError,
    ) as error:  # ECS was not asked, or has answered that it did nothing
        add_end(store, target.name, migration.key, number, "refused", {"text": str(error), "exit_code": None})
        raise
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
    return decide_next(
        kept, seen, migration.container, ctx.run, now, again=migration.again, essential=_essential(ctx, seen)
    )


def keep_ends(ctx: Context, migration: Migration, now: datetime) -> None:
    """Record the ends of earlier attempts while AWS still knows them: their own runs may never have come to that."""
    seen, kept = _started(ctx, migration), list_attempts(ctx.store, ctx.target.name, migration.key)
    for end in find_ends(kept, seen, migration.container, now, _essential(ctx, seen)):
        assert end.outcome  # only such attempts are found
        keep_arn(ctx.store, ctx.target.name, migration.key, end.number, end.arn)
        details = {"text": f"seen by {ctx.run}", "exit_code": end.exit_code}
        add_end(ctx.store, ctx.target.name, migration.key, end.number, end.outcome, details)


def _essential(ctx: Context, tasks: Iterable[Task]) -> dict[str, frozenset[str] | None]:
    return {task.task_definition: find_essential(ctx, task.task_definition) for task in tasks}


def find_essential(ctx: Context, definition: str) -> frozenset[str] | None:
    """Return the essential containers of a task definition, or None if it cannot be read any more."""
    try:
        with translated():
            return essential_names(describe_definition(ctx.clients.ecs, definition))
    except PreconditionError as error:
        log.warning("Which containers are essential is not known, so every one counts: %s", error)
        return None


def verify(
    ctx: Context,
    migration: Migration,
    definition: str,
    attempt: Mapping[str, Any],
    end: Mapping[str, Any] | None = None,
) -> str:
    """Record how the task ended, show its log, and return the proof that it ended well. `end` is what the wait saw.

    The verdict is on record before the log is read, and stands without it. Raises: MigrationFailedError.
    """
    store, target, command = ctx.store, ctx.target, f"`{' '.join(migration.command)}`"
    arn, number = str(attempt["arn"]), int(attempt["number"])
    recorded = next((each for each in list_attempts(store, target.name, migration.key) if each.number == number), None)
    task, now = one_off_tasks.last_seen(ctx.clients.ecs, str(target.environment.cluster), arn, end)
    if task is None and recorded and recorded.outcome == "succeeded":
        return f"{command} was made before, by {recorded.run}"
    essential = find_essential(ctx, task.task_definition) if task else None
    failed: MigrationFailedError | None = None
    try:
        progress = judge_migration(task, arn, migration.container, now, essential=essential)
    except MigrationFailedError as error:
        failed = error
    if task and task.last_status == "STOPPED":
        container = task.container(migration.container)
        text = str(failed) if failed else progress.text
        details = {"exit_code": container.exit_code if container else None, "text": text}
        add_end(store, target.name, migration.key, number, "failed" if failed else "succeeded", details)
    ctx.writer.check()
    said = tell_log(ctx, migration, definition, arn)
    if failed:
        raise MigrationFailedError(f"{str(failed).rstrip('.')}. {said}") from failed
    if not progress.done:
        raise MigrationFailedError(f"{progress.text}, so it is not proved to have ended; look at it, it still runs.")
    ctx.writer.note(f"{progress.text}. {said}")
    return f"{command}: {progress.text}"


def tell_log(ctx: Context, migration: Migration, definition: str, arn: str) -> str:
    """Show the end of a task's log, and return what is told of it in one sentence. It decides nothing, so it may be missing."""
    try:
        with translated():
            excerpt = read_excerpt(ctx, migration, definition, arn)
    except (PreconditionError, BotoCoreError, ClientError) as error:
        log.warning("The log of task %s cannot be read: %s", _task(arn), error)
        return f"Its log in {migration.log_group} cannot be read: {one_line(str(error))}"
    for line in excerpt.tail:
        log.info("| %s", line)
    return f"Its log says: {excerpt.text}"


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
