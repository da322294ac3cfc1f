"""What an update of region data reads from the database, S3 and staging's records before it plans."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from include.aws.clients import Clients
from include.errors import PreconditionError
from include.inventory.region_data import RegionData
from include.region_data.context import RegionDataContext
from include.region_data.new_regions import look_at
from include.region_data.plan import RegionDataPlan, Seen, SeenNew, plan_region_data
from include.region_data.region_config import list_regions, refuse_missing_rights
from include.region_data.request import Publication, Update, match_publications, match_regions, read_requests
from include.restart import steps
from include.run.data_attestations import read_data_attestation
from include.run.store import RunStore
from include.s3copy import Folder, Location, compare
from include.s3copy.listing import Pair
from include.s3copy.rights import refuse_missing_reads


@dataclass(frozen=True)
class UpdateRequest:
    """A run's request, without its target. `run` and `day` name the backups, and both are constant for the run's lifetime."""

    regions: Any  # as given
    remove_stale: bool
    run: str
    day: datetime
    requests_per_second: int = 0


def make_plan(
    ctx: RegionDataContext, proving: RunStore | None, asked: UpdateRequest, now: datetime
) -> tuple[RegionDataPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on.

    `proving` keeps the records of the target that gets the data first. Raises: PreconditionError.
    """
    target, data = ctx.target, ctx.target.region_data
    requests = read_requests(asked.regions, data.buckets)
    with ctx.database() as connection:
        known = list_regions(connection)
        refuse_missing_rights(connection, insert=any(request.name for request in requests))
    updates = match_regions(requests, known)
    for update in updates:
        _refuse_other_bucket(update, data)
    restart, since = steps.make_plan(ctx, now)
    seen = {update.config.region: _look(ctx.clients, update, data, asked) for update in updates}
    if target.looked_at_on and proving:
        seen = _looked_at(seen, proving, target.looked_at_on.name)
    new = [
        (publication, _look_new(ctx.clients, publication, data, asked))
        for publication in match_publications(requests, known)
    ]
    if target.looked_at_on and proving:
        new = [(each, _looked_at_new(each, found, proving, target.looked_at_on.name)) for each, found in new]
    plan = plan_region_data(
        target,
        updates,
        seen,
        data.required,
        restart,
        remove_stale=asked.remove_stale,
        requests_per_second=asked.requests_per_second,
        new=new,
    )
    return plan, since


def _refuse_other_bucket(update: Update, data: RegionData) -> None:
    if update.existing.bucket not in data.buckets:
        raise PreconditionError(
            f"{update.config.region} runs on {update.existing.uri}, and the inventory lists only {', '.join(data.buckets)}; add "
            "the bucket there, or correct s3_uri."
        )


def _look(clients: Clients, update: Update, data: RegionData, asked: UpdateRequest) -> Seen:
    found: set[str] = set()
    new, existing = Folder(clients.s3, update.data), Folder(clients.s3, update.existing)
    for folder in (new, existing):
        refuse_missing_reads(folder)
    comparison = compare(new, existing, ask_archived=True, on_pair=_noting(found, data.required))
    backup = _free_backup(clients, update, asked)
    kept = compare(existing, Folder(clients.s3, backup), ask_archived=True)
    return Seen(
        comparison,
        frozenset(found),
        backup,
        kept.destination.count,
        kept.digest,
        kept_archived=tuple(kept.archived.examples),
        kept_too_long=tuple(kept.too_long.examples),
    )


def _look_new(clients: Clients, publication: Publication, data: RegionData, asked: UpdateRequest) -> SeenNew:
    found: set[str] = set()
    comparison = look_at(clients, publication.data, _noting(found, data.required))
    return SeenNew(comparison, frozenset(found), str(uuid5(NAMESPACE_URL, f"{asked.run} {publication.region}")))


def _noting(found: set[str], required: Sequence[str]) -> Callable[[Pair], None]:
    """Return a callback that notes which of the required names or patterns match a file of a source."""

    def note(pair: Pair) -> None:
        if pair.source and pair.source.size:
            key = pair.source.key
            found.update(each for each in required if fnmatchcase(key, each))

    return note


def _free_backup(clients: Clients, update: Update, asked: UpdateRequest) -> Location:
    """Return the backup's location: named by the day, and by the run as well if that day has a backup already."""
    first = update.backup(f"{asked.day:%Y-%m-%d}")
    there = clients.s3.list_objects_v2(Bucket=first.bucket, Prefix=first.prefix, MaxKeys=1)
    if not there.get("KeyCount"):
        return first
    return update.backup(f"{asked.day:%Y-%m-%d}", hashlib.sha256(asked.run.encode()).hexdigest()[:8])


def _looked_at(seen: Mapping[str, Seen], proving: RunStore, first: str) -> dict[str, Seen]:
    return {
        region: replace(each, looked_at_by=_proved_by(proving, first, region, each.comparison.digest))
        for region, each in seen.items()
    }


def _looked_at_new(each: Publication, seen: SeenNew, proving: RunStore, first: str) -> SeenNew:
    return replace(seen, looked_at_by=_proved_by(proving, first, each.region, seen.comparison.digest))


def _proved_by(proving: RunStore, first: str, region: str, digest: str) -> str:
    proof = read_data_attestation(proving, first, region, digest)
    if proof is None:
        raise PreconditionError(
            f"Nobody has looked at this very data of {region} on {first} (digest {digest[:12]}); update it there first, with the "
            "same files."
        )
    return str(proof["run"])
