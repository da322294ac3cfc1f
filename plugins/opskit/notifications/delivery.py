"""Deliver the Slack messages that no step of a run could deliver, for every target."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from functools import partial

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from include.errors import PreconditionError
from include.inventory import Target, load
from include.notifications import Delivered, Outbox, read_facts
from include.notifications.pending import list_pending, remove_pending
from include.run.store import RunStore
from opskit.connections.aws import clients_for
from opskit.context import StepContext
from opskit.notifications.sender import run_within, slack_connection
from opskit.notifications.slack import SlackThread
from opskit.run_states import state_of

log = logging.getLogger(__name__)

BUDGET = 45.0  # seconds; the next pass begins every minute
# seconds for a target's table, and for each run: one account that does not answer must not use up all the time
TIMEOUT = 10.0
NO_ANSWER = Delivered(False, "its operations table did not answer in time", refused=True)
TIME_OVER = "there was no time left for it; the next pass goes on"

RunState = Callable[[str], str | None]


def targets_with_slack() -> list[str]:
    """Return the targets whose runs are reported in a Slack channel. One stands for all targets of a template."""
    return [target.name for target in load().with_samples if target.slack_conn_id]


def deliver_pending() -> str:
    """Deliver the pending messages of every target. Raises: AirflowFailException that says what Slack does not show yet."""
    run_state = partial(state_of, StepContext(get_current_context()))
    deadline, problems, complete = time.monotonic() + BUDGET, dict[str, str](), 0
    names = targets_with_slack()
    # in another order each time, so that no target waits for ever behind others that use up all the time
    for name in random.sample(names, len(names)):
        if time.monotonic() > deadline:
            problems[name] = TIME_OVER
            continue
        try:
            for run, told in _deliver_for(load().target(name), run_state, deadline).items():
                complete += told.complete
                if told.refused:
                    problems[run] = told.why
                elif not told.complete:
                    log.info("%s is not complete yet: %s.", run, told.why)
        except Exception as error:  # an error of one target must not block the others' messages
            log.exception("The messages of %s could not be delivered.", name)
            problems[name] = f"{type(error).__name__}: {error}"
    if problems:
        said = "; ".join(f"{what}: {why.rstrip('.')}" for what, why in problems.items())
        raise AirflowFailException(f"Slack is not up to date. {said}. The next pass tries again.")
    return f"Slack is up to date for the {complete} run(s) that were on the list."


def _deliver_for(target: Target, run_state: RunState, deadline: float) -> dict[str, Delivered]:
    """Deliver the pending messages of a target's runs. After Slack refuses one, the others wait for the next pass."""
    connection = slack_connection(target)
    if connection is None:
        return {}
    try:
        clients = clients_for(target.name)  # this asks Airflow, which only this thread may do
    except PreconditionError as error:  # without a connection to AWS there was no run
        log.info("Nothing is pending for %s: %s", target.name, error)
        return {}

    def store() -> RunStore:
        return RunStore(clients.dynamodb, target.environment.operations_table)

    pending = run_within(TIMEOUT, lambda: list_pending(store(), target.shared_name))
    if pending is None:
        raise PreconditionError(f"its operations table did not answer within {TIMEOUT:.0f} s")
    told: dict[str, Delivered] = {}
    for run in pending:
        if time.monotonic() > deadline:
            told[run] = Delivered(False, TIME_OVER)
            break
        # read before the messages, so that none can be added after them
        ended = run_state(run) not in ("queued", "running")
        until = min(deadline, time.monotonic() + TIMEOUT)
        thread = SlackThread(connection, str(target.environment.slack_channel), run).until(until)
        outbox = Outbox(store(), run, thread, partial(read_facts, store(), run))
        told[run] = run_within(2 * TIMEOUT, partial(outbox.flush, until)) or NO_ANSWER
        if told[run].refused:
            break
        if told[run].complete and (ended or told[run].over):
            remove_pending(store(), target.shared_name, run)
    return told
