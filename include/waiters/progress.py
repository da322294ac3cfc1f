"""The progress of a wait: a sentence for people, and whether the wait is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Progress:
    """The progress of a wait. `milestone` changes only with noteworthy progress, `text` with every minute.

    `end` is what was seen at the end, as JSON, for a later step that may run after AWS has forgotten it.
    """

    done: bool
    text: str
    milestone: str = ""
    end: Mapping[str, Any] | None = None


def minutes(start: datetime, now: datetime) -> str:
    """Return the minutes from one time of AWS's clock to another."""
    return f"{max(0, (now - start).total_seconds()) / 60:.0f} min"
