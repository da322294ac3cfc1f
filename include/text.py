"""Text prepared for display, and values in a canonical form for comparison as text."""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def one_line(text: str) -> str:
    """Return text on one line, without the control and direction marks that can hide or reorder it."""
    return "".join(mark for mark in " ".join(text.split()) if unicodedata.category(mark) not in ("Cc", "Cf"))


def fits_in_xml(text: str) -> bool:
    """Tell whether XML 1.0 can hold a text. It has no way to write some control characters, which keys of S3 may have."""
    return NOT_IN_XML.search(text) is None


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one, with semicolons between them: none ends in a full stop, and empty ones are left out."""
    return "; ".join(filter(None, (_without_stop(sentence.rstrip()) for sentence in sentences)))


def _without_stop(sentence: str) -> str:
    return sentence if sentence.endswith("..") else sentence.removesuffix(".")


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no extra spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def spoken(span: timedelta) -> str:
    """Return a duration as people say it, such as "8 hours" or "1 hour 30 minutes": to the minute, and below one to the second."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:
        return _counted(seconds, "second")
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (0 if days else rest, "minute")]
    return " ".join(_counted(count, unit) for count, unit in parts if count)


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
