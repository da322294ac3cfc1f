"""The progress of a wait: a sentence for people, and whether the wait is over."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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


ELAPSED = re.compile(r"\b\d+ (?:s|min)\b")
REMINDER = timedelta(minutes=5)


@dataclass
class ProgressLog:
    """Which sentences of a wait its log gets: each that is new, and otherwise one every REMINDER.

    A sentence in which only the elapsed time has changed is not new, so a failure that lasts is no line a minute.
    """

    _said: str = ""
    _at: datetime | None = None

    def is_due(self, text: str, now: datetime) -> bool:
        """Tell whether to log the sentence of this look."""
        gist = ELAPSED.sub("", text)
        if gist == self._said and self._at and now - self._at < REMINDER:
            return False
        self._said, self._at = gist, now
        return True


def minutes(start: datetime, now: datetime) -> str:
    """Return the minutes from one time of AWS's clock to another."""
    return f"{max(0, (now - start).total_seconds()) / 60:.0f} min"
