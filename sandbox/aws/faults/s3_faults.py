"""Faults of single S3 objects and of copies."""

from copy import copy
from functools import partial
from typing import Any

from moto.s3.models import FakeKey, s3_backends

from include.inventory import Target
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.services.s3 import api as s3_api
from sandbox.aws.services.s3 import archive
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim.world import World
from sandbox.aws.state import region_data
from sandbox.aws.state.call_log import Call
from sandbox.aws.state.clock import as_datetime

COPIES = ("CopyObject", "UploadPartCopy")


def archive_objects(fault: Fault, target: Target, now: float) -> None:
    """Move the objects of the target's buckets whose keys end as the fault says into an archive. Raises: FaultError."""
    buckets = target.environment.region_data.buckets if target.environment.region_data else ()
    held = s3_backends[fault.account]["aws"].buckets
    found = [
        (held[name].keys, key)
        for name in buckets
        for key, each in held[name].keys.items()
        if key.endswith(fault.fields["key"]) and isinstance(each, FakeKey)
    ]
    if not found:
        raise FaultError(f"Target {target.name} has no object whose key ends with {fault.fields['key']!r}.")
    restored = as_datetime(now).replace(tzinfo=None) if fault.fields["state"] == "restored" else None
    before = [(keys, key, list(keys.getlist(key))) for keys, key in found]
    for keys, key, versions in before:
        archived = copy(versions[-1])  # worlds may share the object
        archive.set_archived(archived, fault.fields["class"], restored=restored)
        _put(keys, key, [*versions[:-1], archived])
        fault.count()
    fault.undo = partial(_bring_back, before)


def _bring_back(before: list[tuple[Any, str, list[FakeKey]]]) -> None:
    for keys, key, versions in before:
        _put(keys, key, versions)


def _put(keys: Any, key: str, versions: list[FakeKey]) -> None:
    """Set the versions of a key. moto's own way would empty the objects that are replaced."""
    dict.__setitem__(keys, key, versions)


def touches(fault: Fault, call: Call) -> bool:
    """Tell whether a call reads or writes the object whose key ends as the fault says."""
    named = call.params if call.service == "s3" and isinstance(call.params, dict) else {}
    return any(str(named.get(each, "")).endswith(fault.fields["key"]) for each in ("Key", "CopySource"))


def folder_of(call: Call) -> tuple[str, str]:
    """Return bucket and prefix of the region's data that a copy reads from; empty if it is none."""
    source = str(call.params.get("CopySource", "")) if call.action in COPIES else ""
    bucket, *parts = source.split("/", 5)
    if len(parts) < 5 or parts[0] != "regions":
        return "", ""
    return bucket, "/".join(parts[:4]) + "/"


def replace_object(world: World, fault: Fault, call: Call) -> None:
    """Replace the fault's object with other bytes, as another user, while its folder is being copied."""
    bucket, prefix = folder_of(call)
    key = _key_in(call.account, bucket, prefix, fault.fields["key"])
    if key is None:
        return
    found = region_data.find(call.account, bucket, key)
    assert found  # it has just been looked up
    with s3_api.time_of(world):
        backend = s3_backends[call.account]["aws"]
        backend.put_object(bucket, key, found.value + b"\n", disable_notification=True)
    write = Call("s3", "PutObject", call.region, True, {"Bucket": bucket, "Key": key})
    write.account, write.role, write.status = call.account, SOMEBODY, 200
    world.log_call(write)
    fault.count()


def has_object(fault: Fault, call: Call) -> bool:
    """Tell whether a copy reads from a folder with the fault's object in it."""
    return _key_in(call.account, *folder_of(call), fault.fields["key"]) is not None


def _key_in(account: str, bucket: str, prefix: str, ending: str) -> str | None:
    held = s3_backends[account]["aws"].buckets.get(bucket) if prefix else None
    keys = (key for key in (held.keys if held else ()) if key.startswith(prefix) and key.endswith(ending))
    return next(keys, None)
