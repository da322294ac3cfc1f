"""Queues of Celery for steps that need a program which not every worker has. Executors without queues pass over them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

TERRAFORM = "terraform"
PROGRAMS = {TERRAFORM: ("terraform", "tofu")}  # one of these is what a worker of the queue has to have


def refuse_missing_program(arguments: Sequence[str]) -> None:
    """End a Celery worker that serves a queue whose program it lacks. Raises: SystemExit with a sentence for each."""
    if wrong := [
        f"This worker is to serve the queue {queue}, whose steps need {' or '.join(PROGRAMS[queue])}, and has neither; install one, "
        f"or leave {queue} out of --queues and let another worker serve it."
        for queue in _served(arguments)
        if queue in PROGRAMS and not any(shutil.which(program) for program in PROGRAMS[queue])
    ]:
        raise SystemExit("\n".join(wrong))


def describe_loss(queue: str, hostname: str) -> str:
    """Say what became of a task whose process left no word. `hostname` is that of the worker that took it, if one did."""
    if hostname:
        return f"its process on {hostname} ended without a word, or no worker of the queue {queue} took its next try"
    return f"no worker took it from the queue {queue}; see that a worker runs that serves it (airflow celery worker --queues {queue})"


def _served(arguments: Sequence[str]) -> list[str]:
    """Return the queues that a command line names, if it is that of a Celery worker."""
    if "worker" not in arguments:
        return []
    named = ""
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option in ("-q", "--queues"):
            named = value
        elif option.startswith("--queues="):
            named = option.partition("=")[2]
    return [each.strip() for each in named.split(",")]
