"""What is done about what is in the way of a destruction, and what keeps its data: each step looks first and may be repeated."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from include.aws import rds, rds_clusters, secrets_manager, task_definitions
from include.aws.bucket_contents import count_contents, delete_versions, has_objects, list_versions
from include.errors import CopyFailedError, PreconditionError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.recreation.plan import Bucket, Database, InfrastructureRecreationPlan
from include.s3copy import CopyOptions, Folder, Location, copy_folder, verify
from include.waiters.progress import Progress
from include.write import RecordedWrite

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

PASSES = 5  # over a bucket that somebody fills while it is being emptied


def make_snapshots(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Ask for a snapshot of each database that is destroyed."""
    client = ctx.clients.rds
    ctx.writer.reconcile(lambda write: _was_applied(client, write))
    for each in plan.databases:
        if not each.earlier and _snapshot_of(ctx, each) is None:
            create = rds_clusters.create_snapshot if each.cluster else rds.create_snapshot
            ctx.writer.write(create(client, each.instance, each.snapshot))
    return ", ".join(each.snapshot for each in plan.databases) or "there is no database"


def _was_applied(client: RDSClient, write: RecordedWrite) -> bool | None:
    found = rds.was_applied(client, write)
    return rds_clusters.was_applied(client, write) if found is None else found


def _snapshot_of(ctx: InfrastructureContext, database: Database) -> rds.Snapshot | None:
    describe = rds_clusters.describe_snapshot if database.cluster else rds.describe_snapshot
    return describe(ctx.clients.rds, database.snapshot)


def look_at_snapshots(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> Progress:
    """Tell how far the snapshots are. Raises: PreconditionError if one cannot be used."""
    waiting = []
    for each in plan.databases:
        found = _snapshot_of(ctx, each)
        if found is None or found.status == "failed":
            raise PreconditionError(
                f"Snapshot {each.snapshot} of {each.instance} {'is gone' if found is None else 'failed'}, so nothing was destroyed; find "
                "out why, then start a new run."
            )
        if found.status != "available":
            waiting.append(f"{each.snapshot} is {found.status}, {found.percent}%")
    return Progress(not waiting, ", ".join(waiting) or "all snapshots are available")


def note_snapshots(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Put on record what is needed to use each snapshot."""
    for each in plan.databases:
        found = _snapshot_of(ctx, each)
        assert found  # it was waited for
        ctx.writer.note(f"snapshot {each.snapshot} of {each.instance} is available: {found.about}")
    return f"snapshots that are available: {len(plan.databases)}"


def archive_buckets(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Copy the current objects of each bucket to the archive, and prove that they are there. Raises: CopyFailedError."""
    said = []
    for each in plan.buckets:
        if _is_there(ctx, each.bucket) and has_objects(ctx.clients.s3, each.bucket):
            said.append(f"{each.bucket}: {_archive(ctx, each):,} objects are in {each.archive}")
    return "; ".join(said) or "no bucket holds an object"


def empty_buckets(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Delete all that is in the buckets. Raises: CopyFailedError if one does not get empty, since somebody fills it."""
    said = [text for each in plan.buckets if (text := _empty(ctx, each))]
    return "; ".join(said) or "every bucket is empty"


def _empty(ctx: InfrastructureContext, bucket: Bucket) -> str:
    """Empty one bucket. Only versions that were there before the archive was brought up to date are deleted after it."""
    client, deleted = ctx.clients.s3, 0
    for _ in range(PASSES):
        if not _is_there(ctx, bucket.bucket) or not count_contents(client, bucket.bucket).total:
            return f"{deleted:,} versions in {bucket.bucket} were deleted" if deleted else ""
        with _kept(list_versions(client, bucket.bucket)) as versions:
            if has_objects(client, bucket.bucket):
                _archive(ctx, bucket)
            deleted += ctx.writer.write(delete_versions(client, bucket.bucket, versions, ctx.writer.await_permission))
    left = count_contents(client, bucket.bucket)
    if left.total:
        raise CopyFailedError(
            f"Bucket {bucket.bucket} still holds {left} after it was emptied {PASSES} times, so somebody fills it; stop whoever writes "
            f"there, then clear this step. What was in it is in {bucket.archive}."
        )
    return f"{deleted:,} versions in {bucket.bucket} were deleted"


@contextmanager
def _kept(versions: Iterator[ObjectIdentifierTypeDef]) -> Iterator[Iterator[ObjectIdentifierTypeDef]]:
    """Keep a listing in a file: there may be millions."""
    with tempfile.TemporaryFile("w+") as file:
        for each in versions:
            print(json.dumps(each), file=file)
        file.seek(0)
        yield (json.loads(line) for line in file)


def _archive(ctx: InfrastructureContext, bucket: Bucket) -> int:
    """Copy what the archive does not hold yet, and return how many objects it holds of the bucket, proved."""
    client = ctx.clients.s3
    source, archive = Folder(client, Location(bucket.bucket, "")), Folder(client, Location.parse(bucket.archive))
    what = f"the objects of {bucket.bucket} to {bucket.archive}"
    ctx.writer.write(copy_folder(what, source, archive, CopyOptions(), lambda progress: ctx.writer.await_permission()))
    return verify(source, archive).source.count


def _is_there(ctx: InfrastructureContext, bucket: str) -> bool:
    return bucket in {each["Name"] for each in ctx.clients.s3.list_buckets()["Buckets"]}


def remove_replicas(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Remove the replicas of the secrets, with which AWS does not delete them."""
    client, said = ctx.clients.secretsmanager, []
    for each in plan.secrets:
        found = secrets_manager.describe_secret(client, each.name)
        if found and found.replicas:
            ctx.writer.write(secrets_manager.remove_replicas(client, found))
            said.append(f"{each.name} in {', '.join(found.replicas)}")
    return "; ".join(said) or "no secret has replicas"


def deregister_definitions(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Deregister the task definitions that Terraform leaves behind, and delete them. ECS waits with that until no task uses them."""
    client = ctx.clients.ecs
    for each in plan.definitions:
        if task_definitions.is_active(client, each):
            ctx.writer.write(task_definitions.deregister(client, each))
    if plan.definitions:
        ctx.writer.write(task_definitions.delete(client, plan.definitions))
    return f"{len(plan.definitions)} revisions were deregistered" if plan.definitions else "none is left behind"
