"""`make soak`: the campaign of tests/support/kills.py, as long as it takes; the environment sets SEED, KILLS of each kind and APART."""

import os
import sys
import tempfile
from pathlib import Path

from tests.support.kills import KINDS, Campaign, stage

RESTARTS = 10  # kills of each kind per crash of the database


def main() -> int:
    """Run the campaign, print its counts, and return the exit code: 1 if a promise was broken or a kill is missing."""
    seed, each = int(os.environ.get("SEED") or 1), int(os.environ.get("KILLS") or 100)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, stage(Path(folder)) as staged:
        restarts = max(1, each // RESTARTS)
        apart = os.environ.get("APART", "") not in ("", "0")
        outcome = Campaign(staged, seed, each, postgres=restarts, apart=apart).run()
    whole = outcome.killed == {**dict.fromkeys(KINDS, each), "postgres": restarts} and outcome.runs > 0
    bad = bool(outcome.violations) or not whole or outcome.survived != outcome.runs
    print(outcome.describe() if bad else outcome.report())
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
