"""Which regions get which data: a person's request, checked against the database before anything changes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from include.errors import PreconditionError
from include.region_data.region_config import RegionConfig
from include.run.params import shown
from include.s3copy.location import KEY_BYTES, Location, check_apart

REGION = re.compile(r"[A-Z]{2}/[A-Z0-9]{1,8}")  # country_code/region_code
KEYS, NAME = ("region", "data"), "name"  # a name marks a region to publish
NAMES = re.compile(r"\S(?:[^\x00-\x1f\x7f]{0,78}\S)?")
WILDCARDS = re.compile(r"[*?\[\]{}#]")
MOST = 60  # the most regions of one run; the whole country is one restart


@dataclass(frozen=True)
class RegionRequest:
    """Data for one region, `<country_code>/<region_code>`. It has a name if the region does not exist yet."""

    region: str
    data: Location
    name: str = ""


@dataclass(frozen=True)
class Publication:
    """A region that does not exist yet, and its data."""

    region: str
    name: str
    data: Location


@dataclass(frozen=True)
class Update:
    """An existing region, and the data that replaces its own."""

    config: RegionConfig
    existing: Location
    data: Location

    def backup(self, day: str, clash: str = "") -> Location:
        """Return the location of its backup: beside it, named by the day. `clash` distinguishes a second backup of that day."""
        return self.existing.beside(f"-backup-{day}{f'-{clash}' if clash else ''}")


def read_requests(given: Any, buckets: Collection[str]) -> tuple[RegionRequest, ...]:
    """Return the requests of a run. `buckets` are those that the inventory allows it to read. Raises: PreconditionError."""
    if not isinstance(given, list) or not given:
        raise PreconditionError(
            'regions is empty; give a list such as [{"region": "US/PA", "data": "s3://bucket/folder/"}].'
        )
    if len(given) > MOST:
        raise PreconditionError(
            f"regions has {len(given)} entries, and one run takes {MOST}; split it into several runs."
        )
    requests = tuple(_read(number, each, buckets) for number, each in enumerate(given, 1))
    for one, other in combinations(requests, 2):
        if one.region == other.region:
            raise PreconditionError(f"Region {one.region} is listed twice; keep one of the two.")
    return requests


def _read(number: int, given: Any, buckets: Collection[str]) -> RegionRequest:
    if isinstance(given, Mapping) and "s3_uri" in given:
        raise PreconditionError(
            f"Entry {number} of regions sets s3_uri to {shown(given['s3_uri'])}; a region that is published keeps its own, since "
            "requests would fail until the new one is loaded. Give the new folder as data, it is copied over the old."
        )
    if isinstance(given, Mapping) and (unknown := sorted(map(str, set(given) - {*KEYS, NAME}))):
        raise PreconditionError(
            f"Entry {number} of regions has {', '.join(map(shown, unknown[:5]))}; it takes region and data, and name for a region that "
            "does not exist yet."
        )
    if not isinstance(given, Mapping) or set(given) - {NAME} != set(KEYS):
        raise PreconditionError(
            f"Entry {number} of regions is {shown(given)}; it needs exactly region and data, such as "
            '{"region": "US/PA", "data": "s3://bucket/folder/"}, and name for a region that does not exist yet.'
        )
    region, data = given["region"], given["data"]
    if not isinstance(region, str) or not REGION.fullmatch(region):
        raise PreconditionError(f"Entry {number} of regions names {shown(region)}; a region is named like US/PA.")
    if not isinstance(data, str):
        raise PreconditionError(f"The data of {region} is {shown(data)}; give the URI of an S3 folder.")
    location = Location.parse(data)
    _refuse_odd_folder(region, location)
    if location.bucket not in buckets:
        raise PreconditionError(
            f"The data of {region} is in bucket {location.bucket}, which the inventory does not list (it lists "
            f"{', '.join(sorted(buckets)) or 'none'}); copy it there first, or add the bucket."
        )
    name = given.get(NAME, "")
    if NAME in given and not (isinstance(name, str) and NAMES.fullmatch(name)):
        raise PreconditionError(
            f"The name of {region} is {shown(name)}; give one such as Vermont, of at most 80 characters, or none."
        )
    return RegionRequest(region, location, name)


def _refuse_odd_folder(region: str, location: Location) -> None:
    # S3 knows neither wildcards nor a folder above: each would be a part of the name
    parts = location.prefix.rstrip("/").split("/")
    odd = next((part for part in parts if part in ("", ".", "..") or WILDCARDS.search(part)), None)
    if odd is not None:
        raise PreconditionError(
            f"The data of {region}, {shown(location.uri)}, has the folder {shown(odd)}, and wildcards, empty names, '.' and '..' mean "
            "nothing to S3; give the URI of one folder such as s3://bucket/regions/US/PA/."
        )
    if len(location.prefix.encode()) >= KEY_BYTES:
        raise PreconditionError(
            f"The data of {region}, {shown(location.uri)}, has a longer name than S3 has keys ({KEY_BYTES:,} bytes); correct it."
        )


def match_publications(requests: Sequence[RegionRequest], known: Sequence[RegionConfig]) -> tuple[Publication, ...]:
    """Return each requested region to publish, in order. Raises: PreconditionError if one exists or shares data."""
    found = tuple(Publication(request.region, request.name, request.data) for request in requests if request.name)
    for each in found:
        if any(row.region == each.region and not row.archived and not row.hidden for row in known):
            raise PreconditionError(
                f"Region {each.region} exists already, so it cannot be published as {each.name!r}; leave its name out to give it new "
                "data."
            )
        for row in known:
            if not row.archived and each.data.overlaps(_location(row)):
                raise PreconditionError(
                    f"The data of new region {each.region}, {each.data.uri}, is what {row.region} runs on; copy it elsewhere first, or "
                    "an update of one would change both."
                )
    for one, other in combinations(requests, 2):
        if (one.name or other.name) and one.data.overlaps(other.data):
            raise PreconditionError(
                f"{one.region} and {other.region} would get the same data, {one.data.uri} and {other.data.uri}; a new region needs a "
                "folder of its own."
            )
    return found


def match_regions(requests: Sequence[RegionRequest], known: Sequence[RegionConfig]) -> tuple[Update, ...]:
    """Return the update of each requested region that exists, in order. Raises: PreconditionError if one cannot be updated."""
    updates = tuple(
        Update(_find(request.region, known), _location(_find(request.region, known)), request.data)
        for request in requests
        if not request.name
    )
    for each in updates:
        check_apart(each.data, each.existing)
    for one, other in combinations(updates, 2):
        if one.existing.overlaps(other.existing):
            raise PreconditionError(
                f"The data of {one.config.region} and {other.config.region} lie one in the other ({one.existing.uri}, "
                f"{other.existing.uri}), so a copy of one would change both; correct s3_uri of one of them."
            )
        for update, beside in ((one, other), (other, one)):
            if update.data.overlaps(beside.existing):
                raise PreconditionError(
                    f"The new data of {update.config.region}, {update.data.uri}, is what {beside.config.region} runs on, which "
                    "this run overwrites; copy it elsewhere first."
                )
    return updates


def _find(region: str, known: Sequence[RegionConfig]) -> RegionConfig:
    found = [each for each in known if each.region == region and not each.archived]
    if len(found) > 1:
        raise PreconditionError(
            f"The database has {len(found)} regions {region} that are not archived; archive all but one first."
        )
    if found:
        return found[0]
    if any(each.region == region for each in known):
        raise PreconditionError(f"Region {region} is archived, and the services refuse to load it; make it live first.")
    names = sorted({each.region for each in known if not each.archived})
    near = difflib.get_close_matches(region, names, n=1, cutoff=0.6)
    meant = f" (did you mean {near[0]}?)" if near else ""
    raise PreconditionError(
        f"The database has no region {region}{meant}; it has {', '.join(names) or 'none'}. Give it a name to publish it."
    )


def _location(config: RegionConfig) -> Location:
    try:
        return Location.parse(config.s3_uri)
    except PreconditionError as error:
        raise PreconditionError(
            f"The s3_uri of region {config.region} in the database cannot be used: {error}"
        ) from error
