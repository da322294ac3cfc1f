"""What a run is doing, left by its tasks for the run's note: which step is in progress, who is asked, how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RunbookError
from include.run.journal import list_causes
from include.run.summary import NAMED, name_of, note
from opskit.notifications.run_links import gate_link, summary_link
from opskit.notifications.run_note import END_KEY, PART_KEY, STATE_KEY

if TYPE_CHECKING:
    from airflow.sdk import Context

    from opskit.context import StepContext

AFTER_A_FAILURE = ("Recovery", "Close")  # groups of tasks that also run after a failure

log = logging.getLogger(__name__)


def show_step(ctx: StepContext) -> None:
    """Say which step is in progress, and since when; after a failure also what failed. This never raises."""
    _show(ctx, lambda: _doing(ctx))


def show_question(ctx: StepContext, title: str, text: str) -> None:
    """Say that the run waits for people, with a link to the question. This never raises."""
    _show(ctx, lambda: (title, text), asks=True)


def show_wait(ctx: StepContext, text: str) -> None:
    """Say for what a step waits. This never raises."""
    _show(ctx, lambda: ("Waiting", text))


def _show(ctx: StepContext, say: Callable[[], tuple[str, str]], *, asks: bool = False) -> None:
    try:
        run, index = ctx.context["dag_run"], ctx.context["ti"].map_index
        _leave(ctx, STATE_KEY, *say(), links={"Answer": gate_link(run, ctx.name, index)} if asks else None)
    except Exception:  # any exception: nothing must fail for the run's note
        log.warning("The run's note is not up to date; its page Summary is.", exc_info=True)


def show_end(ctx: StepContext, title: str, text: str, next_step: str = "") -> None:
    """Leave how the run ended, and what to do next."""
    _leave(ctx, END_KEY, title, text, next_step)


def show_part(context: Context, text: str) -> None:
    """Leave what one of several like tasks has to say: the note of a run that works on no single target is all of it."""
    context["ti"].xcom_push(key=PART_KEY, value=text)


def _leave(
    ctx: StepContext, key: str, title: str, text: str, next_step: str = "", links: Mapping[str, str] | None = None
) -> None:
    params, run = ctx.params, ctx.context["dag_run"]
    unnamed = not name_of(params) and any(name in params for name in NAMED)
    name = name_of(params, ctx.planned if unnamed else {})
    all_links = {**(links or {}), "Summary": summary_link(run)}
    ctx.context["ti"].xcom_push(key=key, value=note(ctx.target.name, name, title, text, next_step, all_links))


def _doing(ctx: StepContext) -> tuple[str, str]:
    task = ctx.context["task"]
    group = getattr(task.task_group, "group_display_name", None) or ""
    doing = f"{f'{group}: ' if group else ''}{task.task_display_name}, since {datetime.now(UTC):%H:%M} UTC"
    cause = _cause(ctx) if group in AFTER_A_FAILURE else ""
    return ("A step failed", f"{cause.rstrip('.')}. Now {doing}") if cause else ("Running", doing)


def _cause(ctx: StepContext) -> str:
    try:
        causes = list_causes(ctx.store, ctx.run)
    except (RunbookError, BotoCoreError, ClientError) as error:
        log.warning("The journal could not be read for the run's note: %s", error)
        return ""
    return causes[0] if causes else ""
