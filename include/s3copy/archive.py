"""Storage classes: which objects can be read at once, and whether an archived one is restored."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from include.s3copy.listing import Entry
from include.s3copy.transport import Response

# every other class is taken for an archive: S3 copies and reads its objects only while they are restored
READ_AT_ONCE = frozenset(
    {"STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "REDUCED_REDUNDANCY", "EXPRESS_ONEZONE"}
)
TIERING = "INTELLIGENT_TIERING"  # may hold an object in an archive tier, which only the object itself tells
_EXPIRY = re.compile(r'expiry-date="([^"]+)"')


def may_be_archived(entry: Entry) -> bool:
    """Tell whether only the object itself says if it can be read now. A listing shows its class, not a restored copy."""
    return entry.storage_class not in READ_AT_ONCE


def is_archived(head: Response) -> bool:
    """Tell whether S3 refuses to read or copy the object that answered."""
    if 'ongoing-request="false"' in head.headers.get("x-amz-restore", ""):
        return False
    storage_class = head.headers.get("x-amz-storage-class", "STANDARD")
    return "x-amz-archive-status" in head.headers or storage_class not in READ_AT_ONCE | {TIERING}


def restored_until(head: Response) -> datetime | None:
    """Return when the restored copy of an archived object ends, or None if the object is no such copy."""
    found = _EXPIRY.search(head.headers.get("x-amz-restore", ""))
    return parsedate_to_datetime(found[1]) if found else None


def class_of_copy(entry: Entry) -> str:
    """Return the storage class for a copy: the object's own, or STANDARD if that could not be read at once."""
    return entry.storage_class if entry.storage_class in READ_AT_ONCE | {TIERING} else "STANDARD"
