"""How often a wait looks."""

import os


def poll_seconds() -> float:
    """Seconds between two looks: 15, the pace of AWS's own waiters, unless RUNBOOK_POLL_SECONDS says otherwise."""
    return float(os.environ.get("RUNBOOK_POLL_SECONDS", "15"))
