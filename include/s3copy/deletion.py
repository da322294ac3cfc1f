"""Delete what a folder holds beside a complete copy. A deletion is believed when the list shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from include.errors import CopyFailedError, PreconditionError
from include.s3copy.folder_comparison import Keys, compare
from include.s3copy.folder_copy import Folder
from include.s3copy.listing import Entry, Pair
from include.s3copy.options import NAMED
from include.text import fits_in_xml

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

DELETE_LIMIT = 1_000  # keys that one DeleteObjects call takes


def list_keys(folder: Folder) -> frozenset[str]:
    """Return the keys of a folder's objects, relative to the folder."""
    pages = folder.client.get_paginator("list_objects_v2").paginate(
        Bucket=folder.location.bucket, Prefix=folder.location.prefix
    )
    skip = len(folder.location.prefix)
    return frozenset(each["Key"][skip:] for page in pages for each in page.get("Contents", ()))


def remove_stale(
    source: Folder,
    destination: Folder,
    *,
    only: Callable[[str], bool] = lambda key: True,
    check: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
) -> Keys:
    """Delete what the destination holds and the source does not. The copy must be verified before, and is verified again here.

    `only` tells which keys may be deleted. `check` is called before each call that deletes, and what it raises ends the deletion.
    Raises: CopyFailedError, PreconditionError.
    """
    stale: list[Entry] = []

    def note(pair: Pair) -> None:
        if pair.source is None and pair.destination is not None and only(pair.destination.key):
            stale.append(pair.destination)

    comparison = compare(source, destination, read=True, on_pair=note, stop=stop)
    if not comparison.complete:
        raise PreconditionError(
            f"{destination.location.uri} is no full copy of {source.location.uri}, so nothing in it is stale for certain; "
            "nothing was removed, copy and verify first."
        )
    refused = _delete(destination, stale, check)
    listed = list_keys(destination) if stale else frozenset()
    found, left = Keys(), []
    for entry in stale:
        if entry.key in listed:
            left.append(f"{entry.key!r} ({refused.get(entry.key, 'S3 said nothing, and lists it still')})")
        else:
            found.add(entry)
    if left:
        more = f" and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
        raise CopyFailedError(
            f"S3 did not remove {len(left):,} stale objects of {destination.location.uri}: {', '.join(left[:NAMED])}{more}; "
            "the new data is complete, correct that and remove them again.",
            found,
        )
    return found


def _delete(folder: Folder, entries: Sequence[Entry], check: Callable[[], None]) -> dict[str, str]:
    """Ask S3 to delete objects, and return what it said about those it refused, by key."""
    together = [entry for entry in entries if fits_in_xml(entry.key)]  # DeleteObjects names its keys in XML
    alone = [entry for entry in entries if not fits_in_xml(entry.key)]  # DeleteObject has the key in its path
    refused: dict[str, str] = {}
    for first in range(0, len(together), DELETE_LIMIT):
        check()
        refused |= _delete_together(folder, together[first : first + DELETE_LIMIT])
    for entry in alone:
        check()
        refused |= _delete_alone(folder, entry)
    return refused


def _delete_together(folder: Folder, batch: Sequence[Entry]) -> dict[str, str]:
    bucket, prefix = folder.location.bucket, folder.location.prefix
    objects: list[ObjectIdentifierTypeDef] = [{"Key": prefix + entry.key} for entry in batch]
    try:
        answer = folder.client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    except ClientError as error:
        return dict.fromkeys((entry.key for entry in batch), _code(error))
    return {str(each.get("Key"))[len(prefix) :]: str(each.get("Code")) for each in answer.get("Errors", ())}


def _delete_alone(folder: Folder, entry: Entry) -> dict[str, str]:
    try:
        folder.client.delete_object(Bucket=folder.location.bucket, Key=folder.location.prefix + entry.key)
    except ClientError as error:
        return {entry.key: _code(error)}
    return {}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", error))
