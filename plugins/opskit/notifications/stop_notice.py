"""Tell why a run waits during an emergency stop: in its note, on its record and in its thread in Slack."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RunbookError
from include.run.journal import add_milestone
from include.run.stop import Stop
from opskit.notifications.run_state import show_step, show_wait

if TYPE_CHECKING:
    from opskit.context import StepContext

log = logging.getLogger(__name__)


def tell_stop(ctx: StepContext, stop: Stop | None) -> None:
    """Tell that a run waits, and why, or with None that it goes on. This never raises: the stop holds even if nobody is told."""
    from opskit.notifications.sender import notify

    if threading.current_thread() is not threading.main_thread():
        return  # only the task's own thread can ask Airflow; the log has it
    lifted = f"the emergency stop was lifted, seen at {datetime.now(UTC):%H:%M} UTC; this run goes on"
    text = f"{stop.sentence}; this run writes nothing until it is lifted" if stop else lifted
    (show_wait(ctx, text) if stop else show_step(ctx))
    try:
        added = add_milestone(ctx.store, ctx.run, ctx.name, text)
    except (RunbookError, BotoCoreError, ClientError) as error:
        log.warning("The emergency stop was not put on the run's record: %s", error)
        return
    if added:
        notify(ctx.context)
