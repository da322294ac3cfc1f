"""The region data in a target's bucket: what its services load, and newer data that is not published yet."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from random import Random
from typing import Any

from moto.s3.models import FakeKey, s3_backends

from include.inventory import Target
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.published_regions import HIDDEN, PUBLISHED, REGIONS

NEW = "2026-11-20T08:00:00.000Z"  # for the regions of UPDATED
INCOMPLETE = "2026-11-21T08:00:00.000Z"  # of US/PA: without topo.json, as an upload that broke off leaves it
EMPTY = "2026-11-22T08:00:00.000Z"  # of US/PA: nobody has uploaded anything there
UPDATED = {"US/PA": 400, "US/CO": 150, "US/MI": 260}  # objects of the new data
PUBLISHABLE = {"US/VT": "Vermont"}  # whole data of regions that nobody has published yet, as of NEW
FIRST = 60  # objects of such data
LOADABLE = (*REGIONS, HIDDEN, *PUBLISHABLE)
LEVELS = ("block", "blockgroup", "county")
DEMOGRAPHICS = ("population", "white", "black", "asian", "hispanic")
VOTES = ("democrat16", "republican16")
# what real folders hold besides: names that a careless copy loses or doubles
ODD = (
    "labels/county names.json",
    "labels/Größe und 日本.json",
    "labels/Peña+Blanca.json",
    "labels/100%25 turnout.json",
    "labels/50% & <more>.json",
)
FOLDER_MARK, NOTHING = "labels/", "labels/none.json"  # what the console makes, and an object without a byte


def folder(region: str, published: str) -> str:
    """Return the prefix of a region's data in its bucket."""
    return f"regions/{region}/{published}/"


def fill(target: Target, now: float) -> None:
    """Make the target's buckets, and put the data into the first."""
    environment = target.environment
    if environment.region_data is None:
        return
    backend = s3_backends[environment.account]["aws"]
    for name in environment.region_data.buckets:
        if name not in backend.buckets:
            backend.create_bucket(name, environment.region)
    held = backend.buckets[environment.region_data.buckets[0]]
    with _without_collector():
        for prefix, published, files in _folders():
            # a laptop's clock may be behind the day the new data is of; nothing is younger than its world
            at = as_datetime(min(datetime.fromisoformat(published).timestamp(), now - 3600)).replace(tzinfo=None)
            for name, (body, etag) in files.items():
                made = FakeKey(
                    prefix + name,
                    body,
                    environment.account,
                    environment.region,
                    etag=etag,
                    version_id="null",
                    bucket_name=held.name,
                )
                made.last_modified = at
                made.metadata["Content-Type"] = "application/json" if name.endswith(".json") else "binary/octet-stream"
                held.keys.setlist(prefix + name, [made])


def forget() -> None:
    """Keep moto from closing every object once per account; they are dropped with their buckets."""
    setattr(FakeKey, "instances_tracked", [])  # noqa: B010  # moto's own, which no annotation names


@contextmanager
def _without_collector() -> Iterator[None]:
    """Switch the garbage collector off while thousands of lasting objects are made."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def find(account: str, bucket: str, key: str) -> FakeKey | None:
    """Return an object of an account's bucket."""
    held = s3_backends[account]["aws"].buckets.get(bucket)
    found: Any = held.keys.get(key) if held else None
    return found if isinstance(found, FakeKey) else None


def load(account: str, uri: str) -> tuple[str, str]:
    """Read a region's folder as a service does. Return the ETag of its topo.json, or why it cannot be loaded."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    topology, metadata = (find(account, bucket, prefix + name) for name in ("topo.json", "static-metadata.json"))
    if topology is None or metadata is None:
        return "", "NoSuchKey: The specified key does not exist."
    try:
        json.loads(topology.value)
        named = json.loads(metadata.value)
        files = [each["fileName"] for kind in ("demographics", "geoLevels", "voting") for each in named[kind]]
    except (ValueError, KeyError, TypeError) as error:
        return "", f"Unexpected end of JSON input ({error})"
    if any(find(account, bucket, prefix + name) is None for name in files):
        return "", "NoSuchKey: The specified key does not exist."
    return str(topology.etag).strip('"'), ""


def folders_json(target: Target) -> list[dict[str, Any]]:
    """Return what lies under each region in the target's buckets, folder by folder: data, new data, backups."""
    environment = target.environment
    found: dict[str, tuple[str, list[FakeKey]]] = {}
    for bucket in environment.region_data.buckets if environment.region_data else ():
        held = s3_backends[environment.account]["aws"].buckets.get(bucket)
        for key, item in held.keys.items() if held else ():
            parts = key.split("/", 4)
            if len(parts) == 5 and parts[0] == "regions" and isinstance(item, FakeKey):
                uri = f"s3://{bucket}/{'/'.join(parts[:4])}/"
                found.setdefault(uri, ("/".join(parts[1:3]), []))[1].append(item)
    return [
        {
            "uri": uri,
            "region": region,
            **_waits(uri, region),
            "objects": len(items),
            "bytes": sum(each.size for each in items),
            "digest": _digest(uri, items),
        }
        for uri, (region, items) in sorted(found.items())
    ]


def _waits(uri: str, region: str) -> dict[str, Any]:
    """Return whether a folder is complete and not in use yet: new data of a region, or a region to be published."""
    waits = uri.endswith(f"/{NEW}/")
    if waits and region in PUBLISHABLE:
        return {"is_new": False, "publishable": PUBLISHABLE[region]}
    return {"is_new": waits}


def _digest(uri: str, items: list[FakeKey]) -> str:
    """Return a digest of a folder's keys and bytes, independent of its location."""
    skip = len(uri.removeprefix("s3://").partition("/")[2])
    return _md5(
        "".join(f"{each.name[skip:]}\0{each.etag}\0" for each in sorted(items, key=lambda each: each.name)).encode()
    )


def list_digest(region: str, published: str) -> str:
    """Return the digest of a folder's keys, sizes and ETags that runbooks use, independent of its location."""
    (files,) = (files for prefix, _, files in _folders() if prefix == folder(region, published))
    lines = (
        f"{name}\0{len(body)}\0{etag}\0"
        for name, (body, etag) in sorted(files.items(), key=lambda each: each[0].encode())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


Files = dict[str, tuple[bytes, str]]  # by name within the folder: bytes and ETag


@cache
def _folders() -> list[tuple[str, str, Files]]:
    """Return every folder of a bucket: its prefix, when it was published, and its files."""
    made = [(region, PUBLISHED, _old(region)) for region in (*REGIONS, HIDDEN)]
    made += [(region, NEW, _first(region)) for region in PUBLISHABLE]
    made += [(region, NEW, _new(region)) for region in UPDATED]
    made.append(("US/PA", INCOMPLETE, {name: body for name, body in _new("US/PA").items() if name != "topo.json"}))
    return [
        (folder(region, published), published, {name: (body, _md5(body)) for name, body in files.items()})
        for region, published, files in made
    ]


def _old(region: str) -> dict[str, bytes]:
    """Return the data that a region's services load."""
    files = _core(region, "2020") | {FOLDER_MARK: b"", NOTHING: b""}
    for name in (*ODD, *_tiles(region, 0, _kept(region))):
        files[name] = _bytes(f"{region} {name}")
    return files


def _first(region: str) -> dict[str, bytes]:
    """Return a region's initial data."""
    files = _core(region, "2026") | {FOLDER_MARK: b"", NOTHING: b""}
    for name in (*ODD, *_tiles(region, 0, FIRST - len(files) - len(ODD))):
        files[name] = _bytes(f"{region} {name}")
    return files


def _new(region: str) -> dict[str, bytes]:
    """Return newer data: of the old tiles some are the same, some others, some gone; and there are new ones."""
    files = _core(region, "2026") | {FOLDER_MARK: b"", NOTHING: b""}
    kept = _kept(region)
    for number, name in enumerate(
        (*ODD, *_tiles(region, kept // 5, UPDATED[region] - len(files) - len(ODD) + kept // 5))
    ):
        files[name] = _bytes(f"{region} {name}" if number % 3 else f"{region} {name} 2026")
    return files


def _kept(region: str) -> int:
    return UPDATED.get(region, 0) * 3 // 4


def _tiles(region: str, first: int, last: int) -> list[str]:
    return [f"tiles/{number // 64}/{number % 64:02}.pbf" for number in range(first, last)]


def _core(region: str, census: str) -> dict[str, bytes]:
    """Return what a service reads at its start, and the metadata that names it."""
    named: dict[str, list[dict[str, Any]]] = {
        "demographics": [
            {"id": demographic, "fileName": f"demographics/{demographic}.buf", "bytesPerElement": 4}
            for demographic in DEMOGRAPHICS
        ],
        "geoLevels": [{"id": level, "fileName": f"geolevels/{level}.buf", "bytesPerElement": 2} for level in LEVELS],
        "voting": [{"id": vote, "fileName": f"voting/{vote}.buf", "bytesPerElement": 4} for vote in VOTES],
    }
    topology = {"type": "Topology", "census": census, "objects": dict.fromkeys(LEVELS, region), "arcs": []}
    files = {
        each["fileName"]: _bytes(f"{region} {each['fileName']} {census}") for kind in named.values() for each in kind
    }
    texts = {"topo.json": topology, "static-metadata.json": {"census": census, **named}}
    return files | {name: json.dumps(text).encode() for name, text in texts.items()}


def _bytes(seed: str) -> bytes:
    chance = Random(seed)  # noqa: S311  # the same bytes in every world and bucket, no secret
    return chance.randbytes(chance.randrange(200, 1500))
