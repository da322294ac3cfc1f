"""Data that a destruction has taken out of an environment, on record until it is back: a run that stopped half way loses none of it."""

from __future__ import annotations

from datetime import UTC, datetime

from include.aws.bucket_contents import count_objects
from include.errors import CopyFailedError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.kept import list_kept, note_back
from include.infrastructure.recreation.plan import Bucket, InfrastructureRecreationPlan
from include.infrastructure.state import read_target_state
from include.run import terraform_documents as documents
from include.s3copy import CopyOptions, Folder, Location, copy_folder, verify


def keep(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> None:
    """Put on record, before anything is destroyed, where the data of each database and bucket is."""
    _note_restored(ctx)
    places = [(each.address, each.instance, each.snapshot, 0) for each in plan.databases if not each.earlier]
    places += [
        (each.address, each.bucket, each.archive, _archived(ctx, each)) for each in plan.buckets if not each.earlier
    ]
    for address, name, place, objects in places:
        document: documents.KeptDataDocument = {
            "at": datetime.now(UTC).isoformat(),
            "address": address,
            "name": name,
            "place": place,
            "objects": objects,
            "run": ctx.run,
        }
        ctx.store.add(*documents.kept_data(ctx.target.name, place), document)


def _archived(ctx: InfrastructureContext, bucket: Bucket) -> int:
    archive = Location.parse(bucket.archive)
    return count_objects(ctx.clients.s3, archive.bucket, archive.prefix)


def _note_restored(ctx: InfrastructureContext) -> None:
    """Note what an earlier run has restored before it stopped: that data is in the database, and goes into its next snapshot."""
    state = read_target_state(ctx)
    for each in list_kept(ctx, None).values():
        if state and state.restored.get(each.address) == each.place:
            note_back(ctx, each.place)


def return_objects(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Copy the archived objects into the new buckets, and prove that they are there. Raises: CopyFailedError."""
    said = []
    for each in plan.buckets:
        kept = ctx.store.get(*documents.kept_data(ctx.target.name, each.archive))
        assert kept  # it was put there before anything was destroyed
        if plan.choices.objects == "return" and (kept["objects"] or _archived(ctx, each)):
            said.append(_return(ctx, each, kept["objects"]))
        note_back(ctx, each.archive)
    for database in plan.databases:
        note_back(ctx, database.snapshot)
    return "; ".join(said) or "there is no object to be returned"


def _return(ctx: InfrastructureContext, bucket: Bucket, objects: int) -> str:
    client = ctx.clients.s3
    archive, place = Folder(client, Location.parse(bucket.archive)), Folder(client, Location(bucket.bucket, ""))
    what = f"the objects of {bucket.archive} to {bucket.bucket}"
    ctx.writer.write(copy_folder(what, archive, place, CopyOptions(), lambda progress: ctx.writer.await_permission()))
    count = verify(archive, place).source.count
    if count < objects:
        raise CopyFailedError(
            f"{bucket.archive} holds {count:,} objects, and {objects:,} were archived; find out who deleted some, put them back, then "
            "clear this step."
        )
    return f"{count:,} objects are back in {bucket.bucket}"
