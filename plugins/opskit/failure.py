"""A failure that was foreseen: the task's log ends with the cause, what to do next and where to look, and has no traceback."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from airflow.sdk.exceptions import AirflowFailException

from include.aws.logs import find_lines
from include.ecs.task_log import group_url, read_log
from include.run.summary import OUTCOMES
from opskit.context import StepContext
from opskit.frame import frame_of
from opskit.log_lines import tell
from opskit.notifications.run_links import summary_link
from opskit.notifications.sender import run_within

log = logging.getLogger(__name__)

NAMED_LOG = re.compile(r"\bthe log (/?[\w./-]*\w)")
RECENT, LAST_LINES = timedelta(minutes=15), 8  # of a log that a failure names
LOG_TIMEOUT = 3.0  # seconds for reading it: Airflow shows a task as failed only after that
GOES_ON = "The run goes on by itself with what follows a failure. Its page Summary says in what state things are, and what to do next."


class StepFailedError(AirflowFailException):
    """Fails a task without a retry. The sentence is for the person on call, `next_step` is what to do about it."""

    def __init__(self, sentence: str, next_step: str = ""):
        super().__init__(sentence)
        self.next_step = next_step
        processors = structlog.get_config()["processors"]  # the list with which every logger of this process works
        if _without_traceback not in processors:
            processors.insert(0, _without_traceback)


def _without_traceback(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Log a foreseen failure as its sentence and no more: Airflow would show the exception and fifteen frames below it."""
    error = sys.exc_info()[1]
    if event.get("exc_info") and isinstance(error, StepFailedError):
        del event["exc_info"]
        event["event"] = str(error)
    return event


def tell_failure(context: Any) -> None:
    """End the log of a failed task with what the person on call needs (the last callback of every task). It never raises."""
    try:
        error, ctx = context.get("exception"), StepContext(context)
        log.info("::endgroup::")  # otherwise the UI folds these lines away
        if error is not None:
            tell(log, "Cause: " + (str(error) or type(error).__name__), logging.ERROR)
        tell(log, "What to do next: " + (getattr(error, "next_step", "") or _next_step(ctx)))
        log.info("The whole run: %s", summary_link(context["dag_run"]))
        for group in dict.fromkeys(NAMED_LOG.findall(str(error))):
            _show_log(ctx, group)
    except Exception:  # any exception: this only decorates the failure
        log.warning("The end of this log is missing.", exc_info=True)


def _next_step(ctx: StepContext) -> str:
    frame = frame_of(ctx.dag_id)
    if ctx.name in (*frame.before_plan, frame.plan, *frame.gates, frame.lock, frame.confirm):
        return f"Nothing was changed. {OUTCOMES['refused'][1]}"
    return GOES_ON


def _show_log(ctx: StepContext, group: str) -> None:
    url = group_url(ctx.target.environment.region, group)
    log.info("The log %s: %s", group, url)
    logs, since = ctx.clients.logs, datetime.now(UTC) - RECENT
    lines = run_within(LOG_TIMEOUT, lambda: [line.message for line in find_lines(logs, group, "", since)])
    for shown in read_log(lines or (), url, LAST_LINES).tail:
        log.info("  %s", shown)
