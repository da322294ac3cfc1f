"""Wait until no run is in the middle of something, before an upgrade: python -m deployment.drain MINUTES.

A run that waits for an approval has changed nothing, and goes on after an upgrade: if the code of its runbook is another then, it
ends without a change and says so. Any other run has to end with the code that it began with.
"""

import sys
import time
from typing import Any

import psycopg

from deployment import metadata

PAUSE = 5.0  # seconds between two looks
# runs of runbooks that are under way, without those of which a task waits for the approval of the plan
UNDER_WAY = """
    SELECT run.dag_id, run.run_id FROM dag_run run
    JOIN dag_tag tag ON tag.dag_id = run.dag_id AND tag.name LIKE 'risk:%'
    WHERE run.state = 'running'
    AND NOT EXISTS (SELECT 1 FROM dag_tag kept WHERE kept.dag_id = run.dag_id AND kept.name = 'kind:housekeeping')
    AND NOT EXISTS (
        SELECT 1 FROM task_instance task
        WHERE task.dag_id = run.dag_id AND task.run_id = run.run_id
        AND task.state = 'awaiting_input' AND task.task_id LIKE 'approve%'
    )
    ORDER BY run.start_date
"""


def under_way(connection: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    """Return the runs that must not be interrupted, as dag_id/run_id."""
    return [f"{dag_id}/{run_id}" for dag_id, run_id in connection.execute(UNDER_WAY.encode()).fetchall()]


def main(minutes: str) -> int:
    if not minutes.isdecimal():
        raise SystemExit(f"WAIT is {minutes!r}; use a whole number of minutes.")
    end = time.monotonic() + 60 * int(minutes)
    told: list[str] = []
    try:
        opened = metadata.connect()
    except psycopg.OperationalError as error:
        raise SystemExit(
            f"Airflow's database does not answer, so runs cannot be looked for: {error}. Start it with `make up`."
        ) from error
    with opened as connection:
        while runs := under_way(connection):
            if runs != told:
                sys.stdout.write(f"Waiting for {', '.join(runs)}.\n")
                sys.stdout.flush()
                told = runs
            if time.monotonic() > end:
                raise SystemExit(
                    f"Still under way after {minutes} minutes: {', '.join(runs)}. Nothing was stopped; let them end, or stop them in "
                    "Airflow, and call `make upgrade` again."
                )
            time.sleep(PAUSE)
    sys.stdout.write("No run is under way.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
