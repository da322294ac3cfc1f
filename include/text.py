"""Text prepared for display, and values in a canonical form for comparison as text."""

import json
import unicodedata
from typing import Any


def one_line(text: str) -> str:
    """Return text on one line, without the control and direction marks that can hide or reorder it."""
    return "".join(mark for mark in " ".join(text.split()) if unicodedata.category(mark) not in ("Cc", "Cf"))


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no extra spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
