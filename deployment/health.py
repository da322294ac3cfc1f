"""Tell a container engine whether a component works: python -m deployment.health CHECK...

A check is an address that has to answer with 200, `job:TYPE` for a component that has to beat in Airflow's database, or
`celery` for a worker that has to answer on the broker. `airflow jobs check` and `celery inspect` do the same, but load all of
Airflow, for several seconds of processor time each.
"""

import os
import socket
import sys
import urllib.error
import urllib.request

from deployment import metadata

TIMEOUT = 5.0  # seconds for an answer
OLDEST = 60  # seconds; components beat every five
BEAT = (
    "SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job"
    " WHERE job_type = %s AND state = 'running' AND split_part(hostname, '.', 1) = split_part(%s, '.', 1)"
)


def main(checks: list[str]) -> int:
    """Print what is wrong. Return 1 if anything is."""
    wrong = [sentence for check in checks if (sentence := problem(check))]
    if wrong:
        sys.stdout.write("\n".join([*wrong, ""]))
    return 1 if wrong or not checks else 0


def problem(check: str) -> str:
    """Return what is wrong, or "" if nothing is."""
    if check.startswith("http"):
        return _address(check)
    if check.startswith("job:"):
        return _job(check.removeprefix("job:"))
    if check == "celery":
        return _celery()
    return f"{check} is no check; use an address, job:TYPE or celery."


def _address(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  # written in the compose file
            return "" if answer.status == 200 else f"{url} answers {answer.status}."
    except (urllib.error.URLError, OSError) as error:
        return f"{url} does not answer: {error}."


def _job(kind: str) -> str:
    with metadata.connect() as connection:
        row = connection.execute(BEAT, [kind, socket.gethostname()]).fetchone()
    age = row[0] if row else None
    if age is None:
        return f"No {kind} of {socket.gethostname()} is running."
    return f"The {kind} of {socket.gethostname()} last beat {age:.0f} s ago." if age > OLDEST else ""


def _celery() -> str:
    from celery import Celery

    name = f"celery@{socket.gethostname()}"
    with Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"]) as app:
        return "" if app.control.ping(destination=[name], timeout=TIMEOUT) else f"{name} does not answer on the broker."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
