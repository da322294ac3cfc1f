"""The interval between two looks of a wait."""

import os


def poll_seconds() -> float:
    """Return the seconds between two looks: 15, as AWS's own waiters use, unless RUNBOOK_POLL_SECONDS is set."""
    return float(os.environ.get("RUNBOOK_POLL_SECONDS", "15"))
