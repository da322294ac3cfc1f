"""The location of objects: a folder of a bucket, parsed from what people type or paste."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from include.errors import PreconditionError

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
KEY_BYTES = 1024  # the longest key that S3 takes, in UTF-8


@dataclass(frozen=True)
class Location:
    """All objects whose keys start with `prefix`. It ends with a slash so that it never matches sibling folders."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> Location:
        """Return the folder that an S3 URI names, with or without a slash at its end. Raises: PreconditionError."""
        odd = next((character for character in uri if _is_odd(character)), "")
        if odd:
            raise PreconditionError(
                f"{uri!r} holds {unicodedata.name(odd, repr(odd))}, as documents put into what is pasted from them; "
                "type it with plain characters and no white space."
            )
        scheme, _, rest = uri.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not BUCKET.fullmatch(bucket):
            raise PreconditionError(f"{uri!r} is no URI of an S3 folder; give one like s3://bucket/regions/US/PA/.")
        if not prefix.strip("/"):
            raise PreconditionError(f"{uri!r} means the whole bucket {bucket}; name a folder in it.")
        return cls(bucket, prefix if prefix.endswith("/") else prefix + "/")

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def beside(self, suffix: str) -> Location:
        """Return the folder beside this one whose name has the suffix, such as `-backup-2026-11-21`."""
        return Location(self.bucket, f"{self.prefix.rstrip('/')}{suffix}/")

    def overlaps(self, other: Location) -> bool:
        """Tell whether the two are the same or one contains the other."""
        longer, shorter = sorted((self.prefix, other.prefix), key=len, reverse=True)
        return self.bucket == other.bucket and longer.startswith(shorter)


def check_apart(source: Location, destination: Location) -> None:
    """Refuse a copy onto or into itself. Raises: PreconditionError."""
    if source == destination:
        raise PreconditionError(f"{source.uri} would be copied onto itself; name another destination.")
    if source.overlaps(destination):
        raise PreconditionError(
            f"{source.uri} and {destination.uri} lie one in the other, so a copy would not end; name folders apart."
        )


def _is_odd(character: str) -> bool:
    """Tell whether a character is white space, an invisible sign, or a dash that looks like the plain one."""
    category = unicodedata.category(character)
    return category[0] in "ZC" or (category == "Pd" and character != "-") or character == "\N{MINUS SIGN}"
