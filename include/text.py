"""Text made fit to be shown, and values made fit to be compared as text."""

import json
import unicodedata
from typing import Any


def one_line(text: str) -> str:
    """Return text on one line, without the control and direction marks that can hide or reorder what is shown."""
    return "".join(mark for mark in " ".join(text.split()) if unicodedata.category(mark) not in ("Cc", "Cf"))


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spare blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
