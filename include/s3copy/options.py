"""Options, progress and result of a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

LARGEST_WHOLE = 5 * 1024**3  # bytes one CopyObject takes
PART = 128 * 1024**2  # for objects that were not uploaded in parts themselves
GIVE_UP = 100  # failures after which the rest is not tried: then the cause is not a single object
NAMED = 5  # keys in a message


@dataclass(frozen=True)
class CopyOptions:
    """Options of a copy. The defaults match `aws s3 cp --recursive`, except that each object keeps its storage class.

    An object that exists with the same size and ETag is not copied again, unless the source's is newer, since then its metadata
    may be newer too. With `since` (AWS's clock), objects that existed before this copy first began are copied again as well, as a
    restore needs it. `last` selects keys that are copied after all others, so that a concurrent reader finds what they point to.
    """

    overwrite: bool = True  # False: an existing key with other contents is a failure, and stays
    requests_per_second: float = 0  # 0: no limit
    storage_class: str = ""
    encryption: str = ""  # AES256, aws:kms, aws:kms:dsse; empty: the destination bucket's default
    kms_key: str = ""
    acl: str = ""
    parts_over: int = LARGEST_WHOLE
    part_bytes: int = PART
    give_up_after: int = GIVE_UP
    since: datetime | None = None
    last: Callable[[str], bool] = lambda key: False

    @property
    def begun(self) -> str:
        """The time `since` in the format of listings, or "" for none."""
        return self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if self.since else ""


@dataclass(frozen=True)
class CopyProgress:
    """The progress of a copy. Totals are None until they are known, `left` is in seconds."""

    objects: int
    bytes: int
    total_objects: int | None
    total_bytes: int | None
    left: float | None

    @property
    def text(self) -> str:
        objects = f"{self.objects:,}" + (f" of {self.total_objects:,}" if self.total_objects is not None else "")
        size = f"{self.bytes / 1e6:,.1f}" + (
            f" of {self.total_bytes / 1e6:,.1f}" if self.total_bytes is not None else ""
        )
        left = f", about {_duration(self.left)} left" if self.left is not None else ""
        return f"{objects} objects, {size} MB{left}"


@dataclass(frozen=True)
class Failure:
    """One object that was not copied. `code` is S3's, or SourceChanged, DestinationExists."""

    key: str
    code: str
    message: str


@dataclass(frozen=True)
class CopyResult:
    """The result of a copy. `failures` holds the first of `failed`."""

    copied: int
    copied_bytes: int
    skipped: int  # existed already and identical
    failed: int
    failures: tuple[Failure, ...]
    requests: int
    slowed: int  # answers such as 503 SlowDown
    seconds: float

    @property
    def text(self) -> str:
        return (
            f"{self.copied:,} objects ({self.copied_bytes / 1e6:,.1f} MB) copied, {self.skipped:,} were there already, "
            f"{self.failed:,} failed"
        )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
