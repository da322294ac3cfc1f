"""How long it takes until another process does what a killed one did: the campaign of kills, one kill after the other."""

import os
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.rows import Row
from tests.support.kills import Campaign, stage

TITLE = "Recovery after SIGKILL, while four restarts go on"
COLUMNS = ("process", "recovered after", "target", "kills")
KILLS = int(os.environ.get("KILLS") or 3)  # of each kind; PostgreSQL is restarted once
SEED = int(os.environ.get("SEED") or 1)
TARGETS = {"task": 15, "worker": 60, "scheduler": 60, "triggerer": 60}  # seconds


def measure() -> list[Row]:
    """Return a row for each kind of process. Raises: AssertionError if a run did not survive it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, stage(Path(folder)) as staged:
        outcome = Campaign(staged, SEED, KILLS, apart=True).run()
    assert not outcome.violations, outcome.story()
    return rows(outcome.recovery)


def rows(recovery: dict[str, list[float]]) -> list[Row]:
    """Say how long each kind took."""
    return [
        Row(
            kind,
            f"median {median(times):.1f} s, longest {max(times):.1f} s",
            f"<= {TARGETS[kind]} s" if kind in TARGETS else "",
            str(len(times)),
        )
        for kind, times in recovery.items()
        if times
    ]
