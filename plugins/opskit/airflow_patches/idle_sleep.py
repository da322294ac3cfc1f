"""Let an idle scheduler sleep until one of its own tasks has news, instead of for a fixed time.

The executor of this package puts it in place. The package's docstring says what is missing in Airflow and when this can be
removed.
"""

from __future__ import annotations

from multiprocessing.connection import wait
from typing import Any

from airflow.jobs import scheduler_job_runner

SHORT_PASSES = 10  # at the usual pace, after news: several passes may be needed for what follows from it, one for each skipped task
LONG_PASSES = 20  # after those, until nothing has happened for about ten seconds
LONG, LONGEST = 0.5, 1.0  # seconds; what happens elsewhere, such as an answer or the end of a wait, is noticed no later


class IdleSleep:
    """Stands in for the module `time` in the scheduler's loop, which only sleeps with it."""

    def __init__(self, results: Any):
        """Take the pipe by which the executor's workers report."""
        self._results = results
        self._passes = 0

    def news(self) -> None:
        """Return to the usual pace, since something happened."""
        self._passes = 0

    def sleep(self, seconds: float) -> None:
        """Sleep for the configured time, or longer if the last passes found nothing. A task's news ends the sleep."""
        self._passes += 1
        if self._passes > SHORT_PASSES:
            seconds = max(seconds, LONG if self._passes <= SHORT_PASSES + LONG_PASSES else LONGEST)
        if wait([self._results], seconds):
            self.news()


def put_in_place(results: Any) -> IdleSleep:
    """Make the scheduler of this process sleep so."""
    sleep = IdleSleep(results)
    scheduler_job_runner.time = sleep  # type: ignore[attr-defined, assignment]
    return sleep
