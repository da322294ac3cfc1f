"""The plan of region_data_update: what each region keeps, what is overwritten, and the restart that loads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from include.errors import PreconditionError
from include.inventory import Target
from include.region_data.request import Publication, Update
from include.restart.plan import RestartPlan, ServiceRestart
from include.run.plan.model import Change, Frozen, Plan, Skip
from include.s3copy.folder_comparison import Comparison
from include.s3copy.location import Location

NAMED = 5  # keys of each kind to show
PER_SECOND = 500  # objects copied and proved per second, as measured against S3's own rate; see docs/benchmarks.md


class RegionUpdate(Frozen):
    """The update of one region, as it was when the plan was made. Folders are S3 URIs."""

    region: str
    id: str  # of its row in region_config
    version: str  # ISO 8601; maps cache their results under it
    existing: str
    data: str
    backup: str
    objects: int  # of the new data
    bytes: int
    kept: int  # objects of the current data, which the backup gets
    stale: int  # objects of the old data that the new data does not have
    digest: str  # of the new data's keys, sizes and ETags
    kept_digest: str  # the same of the current data
    # the run after which people checked the same data on another target, or "" if they check it here first
    looked_at_by: str = ""
    requests_per_second: int = 0  # of its copies; 0: no limit


class RegionPublication(Frozen):
    """The publication of one region, with its future row of region_config."""

    region: str
    name: str
    id: str  # of the row; unique to this run, so that a retry finds the row
    data: str
    objects: int
    bytes: int
    digest: str
    looked_at_by: str = ""


RegionChange = RegionUpdate | RegionPublication


class RegionDataPlan(Plan):
    """The plan of an update of region data."""

    regions: tuple[RegionUpdate, ...]
    publications: tuple[RegionPublication, ...] = ()
    remove_stale: bool
    services: tuple[ServiceRestart, ...]

    @property
    def everything(self) -> tuple[RegionChange, ...]:
        """All regions that people have to check."""
        return (*self.regions, *self.publications)


@dataclass(frozen=True)
class SeenNew:
    """What S3 reports about the data of a region to publish."""

    comparison: Comparison  # with an empty folder
    files: frozenset[str]
    id: str
    looked_at_by: str = ""


@dataclass(frozen=True)
class Seen:
    """What S3 reports about one update."""

    comparison: Comparison  # of the new data with the current data
    files: frozenset[str]  # the required names or patterns of which the new data has a file
    backup: Location
    in_backup: int  # objects that exist in the backup's folder already
    kept_digest: str  # of the current data
    looked_at_by: str = ""
    kept_archived: tuple[str, ...] = ()  # keys of the current data that S3 does not read now
    kept_too_long: tuple[str, ...] = ()  # keys of the current data that are too long for S3 with the backup's prefix


def plan_region_data(
    target: Target,
    updates: Sequence[Update],
    seen: Mapping[str, Seen],
    required: Sequence[str],
    restart: RestartPlan,
    *,
    remove_stale: bool,
    requests_per_second: int = 0,
    new: Sequence[tuple[Publication, SeenNew]] = (),
) -> RegionDataPlan:
    """Build the plan. `seen` is by region, `required` are the files without which a region cannot be loaded.

    `requests_per_second` limits the copies; 0 sets no limit. `new` are the regions to publish, with what S3 reports about their data.

    Raises: PreconditionError if any region cannot be updated; then no region is.
    """
    planned = tuple(_plan(update, seen[update.config.region], required, requests_per_second) for update in updates)
    published = tuple(_publish(each, found, required) for each, found in new)
    objects = sum(each.objects + each.kept for each in planned)
    return RegionDataPlan(
        runbook="region_data_update",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=(
            *(change for each in planned for change in _changes(each, remove_stale=remove_stale)),
            *(_row(each) for each in published),
            *restart.changes,
            *(_bump(each) for each in planned),
        ),
        skips=(*([] if remove_stale else _left(planned)), *restart.skips),
        notes=(
            *(note for each in planned for note in _notes(each, seen[each.region].comparison)),
            *(_note_new(each) for each in published),
            *([_held_down(requests_per_second)] if requests_per_second and planned else []),
            *restart.notes,
        ),
        expected_seconds=restart.expected_seconds + objects // min(PER_SECOND, requests_per_second or PER_SECOND),
        regions=planned,
        publications=published,
        remove_stale=remove_stale,
        services=restart.services,
    )


def _plan(update: Update, seen: Seen, required: Sequence[str], requests_per_second: int) -> RegionUpdate:
    found, region = seen.comparison, update.config.region
    _refuse_unloadable(found, region, update.data.uri, seen.files, required)
    if found.too_long.count:
        raise PreconditionError(
            f"{found.too_long.count:,} keys of the new data of {region} would be longer than S3 takes under "
            f"{update.existing.uri} ({_named(found.too_long.examples)}); shorten them."
        )
    if not found.destination.count:
        raise PreconditionError(
            f"{update.existing.uri}, on which {region} runs, holds no object, so there is nothing to go back to; find out why "
            "first."
        )
    if seen.kept_archived:
        raise PreconditionError(
            f"{len(seen.kept_archived):,} objects at {update.existing.uri}, on which {region} runs, are archived "
            f"({_named(seen.kept_archived)}), so S3 does not copy them into a backup; restore them from the archive first."
        )
    if seen.kept_too_long:
        raise PreconditionError(
            f"{len(seen.kept_too_long):,} keys at {update.existing.uri} would be longer than S3 takes in the backup "
            f"({_named(seen.kept_too_long)}), so there would be no way back; shorten them first."
        )
    if seen.in_backup:
        raise PreconditionError(
            f"{seen.backup.uri} holds {seen.in_backup:,} objects already, so a backup there would be mixed with them; move them "
            "away, or start another run, whose backup has a name of its own."
        )
    if not found.changes.count and not found.appears.count and not found.unproved.count:
        raise PreconditionError(
            f"{region} runs on this very data already ({found.source.count:,} objects); leave it out of the run."
        )
    return RegionUpdate(
        region=region,
        id=str(update.config.id),
        version=update.config.version.isoformat(),
        existing=update.existing.uri,
        data=update.data.uri,
        backup=seen.backup.uri,
        objects=found.source.count,
        bytes=found.source.bytes,
        kept=found.destination.count,
        stale=found.stale.count,
        digest=found.digest,
        kept_digest=seen.kept_digest,
        looked_at_by=seen.looked_at_by,
        requests_per_second=requests_per_second,
    )


def _refuse_unloadable(
    found: Comparison, region: str, uri: str, files: frozenset[str], required: Sequence[str]
) -> None:
    if not found.source.count:
        raise PreconditionError(f"{uri} holds no object, so {region} would get nothing; correct its data.")
    if missing := [each for each in required if each not in files]:
        raise PreconditionError(
            f"The new data of {region} has no {', '.join(missing)}, without which it cannot be loaded; process it again, or "
            f"correct {uri}."
        )
    if found.archived.count:
        raise PreconditionError(
            f"{found.archived.count:,} objects of the new data of {region} are archived and not restored "
            f"({_named(found.archived.examples)}), so S3 does not read them; restore them from the archive first."
        )


def _publish(each: Publication, seen: SeenNew, required: Sequence[str]) -> RegionPublication:
    found = seen.comparison
    _refuse_unloadable(found, each.region, each.data.uri, seen.files, required)
    if found.restored.count:
        raise PreconditionError(
            f"{found.restored.count:,} objects of the data of new region {each.region} are restored from an archive only until "
            f"{found.restored_until:%Y-%m-%d} ({_named(found.restored.examples)}), and services would read them there; copy "
            f"{each.data.uri} to another folder in a class such as STANDARD, and name that."
        )
    return RegionPublication(
        region=each.region,
        name=each.name,
        id=seen.id,
        data=each.data.uri,
        objects=found.source.count,
        bytes=found.source.bytes,
        digest=found.digest,
        looked_at_by=seen.looked_at_by,
    )


def _row(each: RegionPublication) -> Change:
    return Change(
        what=f"new region {each.region}, {each.name}, in region_config",
        before="no such region",
        after=f"services load its {each.objects:,} objects ({each.bytes / 1e6:,.1f} MB)",
        undo="archived, so that services do not load it; its data stays",
    )


def _note_new(each: RegionPublication) -> str:
    looked = f"; people have looked at this very data after {each.looked_at_by}" if each.looked_at_by else ""
    return f"{each.region}, {each.name}, will run on {each.data}{looked}."


def _changes(each: RegionUpdate, *, remove_stale: bool) -> list[Change]:
    changes = [
        Change(
            what=f"backup of {each.region}",
            before="none of this run",
            after=f"{each.kept:,} objects, proved to be those it runs on",
            undo="not needed: it is left there",
        ),
        Change(
            what=f"data that {each.region} runs on",
            before=f"{each.kept:,} objects",
            after=f"the {each.objects:,} new objects ({each.bytes / 1e6:,.1f} MB) over them, proved",
            undo="copied back from the backup, proved",
        ),
    ]
    if remove_stale and each.stale:
        changes.append(
            Change(
                what=f"{each.stale:,} objects of {each.region} that the new data does not have",
                before="there",
                after="removed, after the new data is proved",
                undo="copied back from the backup",
            )
        )
    return changes


def _bump(each: RegionUpdate) -> Change:
    return Change(
        what=f"version of {each.region} in region_config, after all old tasks are gone",
        before=_day(each.version),
        after="the time of this run: maps compute their numbers anew",
        undo="set once more, so that no map keeps what it computed from the bad data",
    )


def _held_down(requests_per_second: int) -> str:
    return f"Copies, those of a way back too, make at most {requests_per_second:,} requests a second, as this run was asked to."


def _left(planned: Sequence[RegionUpdate]) -> list[Skip]:
    return [
        Skip(
            what=f"removing {each.stale:,} objects of {each.region}", why="the old data had them, the new one does not"
        )
        for each in planned
        if each.stale
    ]


def _notes(each: RegionUpdate, found: Comparison) -> list[str]:
    kinds = (("change", found.changes), ("appear", found.appears), ("stay as they are", found.identical))
    said = [f"{keys.count:,} {words} ({_named(keys.examples)})" for words, keys in kinds if keys.count]
    if found.unproved.count:
        said.append(f"{found.unproved.count:,} are of the same size, and S3 does not say whether they differ")
    if found.restored.count:
        said.append(
            f"{found.restored.count:,} are restored from an archive until {found.restored_until:%Y-%m-%d} and are written as STANDARD"
        )
    if each.looked_at_by:
        said.append(f"people have looked at this very data after {each.looked_at_by}")
    return [
        f"{each.region} runs on {each.existing} and gets {each.data}; what it runs on now is kept at {each.backup}.",
        f"{each.region}: {', '.join(said)}.",
    ]


def _named(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return ", ".join(repr(key) for key in keys[:NAMED]) + more


def _day(version: str) -> str:
    return f"{datetime.fromisoformat(version):%Y-%m-%d %H:%M}"
