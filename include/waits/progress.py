"""What a wait has come to: a sentence for people, and whether it is over."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Progress:
    """`milestone` changes only when something did that is worth telling; `text` changes with every minute."""

    done: bool
    text: str
    milestone: str = ""


def minutes(start: datetime, now: datetime) -> str:
    """Return the minutes from one time of AWS's clock to another."""
    return f"{max(0, (now - start).total_seconds()) / 60:.0f} min"
