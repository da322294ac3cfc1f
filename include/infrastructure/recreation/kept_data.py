"""Data that a destruction has taken out of an environment, on record until it is back: a run that stopped half way loses none of it."""

from __future__ import annotations

from datetime import UTC, datetime

from include.aws.bucket_contents import count_objects
from include.errors import CopyFailedError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.recreation.plan import Bucket, InfrastructureRecreationPlan
from include.run import terraform_documents as documents
from include.s3copy import CopyOptions, Folder, Location, copy_folder, verify


def keep(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> None:
    """Put on record, before anything is destroyed, where the data of each database and bucket is."""
    places = [(each.address, each.snapshot, 0) for each in plan.databases if not each.earlier]
    places += [(each.address, each.archive, _archived(ctx, each)) for each in plan.buckets if not each.earlier]
    for address, place, objects in places:
        document: documents.KeptDataDocument = {
            "at": datetime.now(UTC).isoformat(),
            "address": address,
            "place": place,
            "objects": objects,
            "run": ctx.run,
        }
        ctx.store.add(*documents.kept_data(ctx.target.name, place), document)


def _archived(ctx: InfrastructureContext, bucket: Bucket) -> int:
    archive = Location.parse(bucket.archive)
    return count_objects(ctx.clients.s3, archive.bucket, archive.prefix)


def list_kept(ctx: InfrastructureContext) -> dict[str, str]:
    """Return where earlier runs have put data that is not back yet: a snapshot or an archive, the newest, by address."""
    key = documents.target_key(ctx.target.name)
    back = {each["place"] for each in ctx.store.list(key, documents.DATA_BACK)}
    found = sorted(ctx.store.list(key, documents.DATA_KEPT), key=lambda each: str(each["at"]))
    return {each["address"]: each["place"] for each in found if each["place"] not in back}


def note_back(ctx: InfrastructureContext, place: str) -> None:
    """Put on record that the data of a snapshot or an archive is where it was, or that it was left out as approved."""
    document: documents.DataBackDocument = {"at": datetime.now(UTC).isoformat(), "place": place, "run": ctx.run}
    ctx.store.add(*documents.data_back(ctx.target.name, place), document)


def return_objects(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Copy the archived objects into the new buckets, and prove that they are there. Raises: CopyFailedError."""
    said = []
    for each in plan.buckets:
        kept = ctx.store.get(*documents.kept_data(ctx.target.name, each.archive))
        assert kept  # it was put there before anything was destroyed
        if kept["objects"] and plan.choices.objects == "return":
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
