"""Archived objects: which ones S3 reads now, and how their HEAD says it. moto knows classes, but no tiers and no end of a restore."""

from datetime import datetime, timedelta
from typing import Any

from moto.s3.models import FakeKey

ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
TIERING, TIER = "INTELLIGENT_TIERING", "ARCHIVE_ACCESS"
RESTORED_FOR = timedelta(days=2)


def set_archived(found: FakeKey, storage_class: str, *, restored: datetime | None) -> None:
    """Move an object into an archive. `restored` is when somebody restored it, or None."""
    found.set_storage_class(storage_class)
    in_tier = storage_class == TIERING and restored is None  # a restored object is back in the frequent tier
    setattr(found, "archive_tier", TIER if in_tier else "")  # noqa: B010  # moto's object has no such field
    found.set_expiry(restored + RESTORED_FOR if restored and storage_class != TIERING else None)


def is_archived(found: FakeKey, now: datetime) -> bool:
    """Tell whether S3 refuses to read and to copy the object; a restored copy lasts until its expiry."""
    if found.storage_class in ARCHIVES:
        return found._expiry is None or found._expiry <= now
    return bool(getattr(found, "archive_tier", ""))


def in_head(found: FakeKey, headers: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return moto's headers of an object with what they lack: its tier, and that a restored copy has ended."""
    if tier := getattr(found, "archive_tier", ""):
        return {**headers, "x-amz-archive-status": tier}
    ended = found._expiry is not None and found._expiry <= now
    return {name: value for name, value in headers.items() if not (ended and name == "x-amz-restore")}
