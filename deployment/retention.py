"""Remove logs and rows of runs that are over, once they are old: python -m deployment.retention.

The record of what a run did to its target is in the target's account and stays.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

VARIABLE = "RUNBOOK_KEEP_DAYS"
FEWEST = 30  # days; an approval may be waited for as long as the inventory says, and nobody waits a month
PAUSE = timedelta(days=1)


def days_of(text: str) -> int:
    """Return the days to keep. Raises: SystemExit with a sentence."""
    if not text.isdecimal() or int(text) < FEWEST:
        raise SystemExit(f"{VARIABLE} is {text!r}; use a whole number of days, at least {FEWEST}.")
    return int(text)


def old_files(folder: Path, before: float) -> Iterator[Path]:
    """Yield the files below a folder that nobody has written since a moment, in seconds since 1970."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and file.stat().st_mtime < before:
            yield file


def remove_logs(folder: Path, before: float) -> int:
    """Remove old files, and folders that are empty then. Return how many files."""
    count = 0
    for file in list(old_files(folder, before)):
        file.unlink(missing_ok=True)
        count += 1
    for place in sorted((each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink()), reverse=True):
        if not any(place.iterdir()) and place.stat().st_mtime < before:
            place.rmdir()
    return count


def clean(now: datetime, keep: int, logs: Path) -> int:
    """Remove what is older than so many days. Return the exit code of Airflow's own command."""
    before = now - timedelta(days=keep)
    count = remove_logs(logs, before.timestamp())
    sys.stdout.write(f"{count} log files from before {before:%Y-%m-%d} were removed.\n")
    command = ["airflow", "db", "clean", "--yes", "--skip-archive", "--clean-before-timestamp", before.isoformat()]
    return subprocess.run(command, check=False).returncode  # noqa: S603  # the image's own


def main() -> int:
    keep = days_of(os.environ.get(VARIABLE, ""))
    logs = Path(os.environ["AIRFLOW_HOME"]) / "logs"
    while True:
        if code := clean(datetime.now(UTC), keep, logs):
            return code
        time.sleep(PAUSE.total_seconds())


if __name__ == "__main__":
    sys.exit(main())
