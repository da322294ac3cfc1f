"""The one final record of a run: its outcome, and the proofs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RunbookError, ServiceUnavailableError
from include.run.journal import add_record, list_causes, list_decisions, list_events, written_intents
from include.run.outcome import conclude
from include.run.start import read_withdrawal
from include.run.summary import OUTCOMES, PLANNED_ONLY, kind_of
from include.text import joined, one_line
from opskit.context import StepContext
from opskit.failure import StepFailedError
from opskit.notifications.run_state import show_end
from opskit.queues import PROGRAMS
from opskit.step_definition import StepDefinition


@dataclass(frozen=True)
class Proof:
    """The proofs of a run: it ended well only if every one of `steps` left its sentence.

    A step that was marked as success by hand left none. `holds` may deny that the proofs still hold. `returned` leaves a sentence if
    everything was restored to its state before, `rejected` tells whether people wanted that. `left` says in what state a
    run that stopped half way leaves things.
    """

    steps: tuple[StepDefinition, ...]
    returned: StepDefinition | None = None
    holds: Callable[[StepContext], bool] = lambda ctx: True
    rejected: Callable[[StepContext], bool] = lambda ctx: False
    left: Callable[[StepContext], str] = lambda ctx: ""


def write_record(ctx: StepContext, planned_by: StepDefinition, confirm: StepDefinition, proof: Proof) -> str:
    """Write the run's one record and set the run's final state."""
    if ctx.params.get("plan_only"):
        show_end(ctx, *PLANNED_ONLY)
        raise AirflowSkipException("Only a plan was asked for, so there is nothing to record.")
    planned, confirmed, *proofs = (ctx.result_of(step) for step in (planned_by, confirm, *proof.steps))
    if not planned:
        why = _record_refusal(ctx, planned_by)
        raise StepFailedError(f"Refused: {why}", f"Nothing was changed. {OUTCOMES['refused'][1]}")
    decisions, withdrawn = list_decisions(ctx.store, ctx.run), read_withdrawal(ctx.store, ctx.run)
    refusals = [withdrawn.why] if withdrawn else []
    outcome, text = conclude(
        confirmed=bool(confirmed),
        proofs=proofs if proof.holds(ctx) else [None],
        returned=ctx.result_of(proof.returned) if proof.returned else None,
        refusals=refusals + [decision.why for decision in decisions if decision.outcome != "approved"],
        failures=list_causes(ctx.store, ctx.run),
        changed=bool(written_intents(list_events(ctx.store, ctx.run))),
        rejected=proof.rejected(ctx),
    )
    if outcome in ("failed", "stopped") and (left := _left(ctx, proof)):
        text = joined((text, left))
    record = {
        "outcome": outcome,
        "text": text,
        "reason": ctx.reason,
        "requester": ctx.requester,
        "approvals": [decision.model_dump(mode="json") for decision in decisions],
        "digest": planned["digest"],
        "plan": planned["plan"],
        "started": ctx.context["dag_run"].start_date.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
    }
    add_record(ctx.store, ctx.target.name, ctx.run, record)
    title, next_step = OUTCOMES[kind_of(record, decisions, withdrawn)]
    show_end(ctx, title, text, next_step)
    if outcome != "success":
        raise StepFailedError(f"{outcome.capitalize()}: {text}.", next_step)
    return text


def _left(ctx: StepContext, proof: Proof) -> str:
    """Return in what state things are left. The record does not wait for that: it is what AWS says at this moment, or why it cannot."""
    try:
        return proof.left(ctx)
    except (RunbookError, ServiceUnavailableError, BotoCoreError, ClientError) as error:
        return f"in what state things are left could not be read ({one_line(str(error))})"


def _record_refusal(ctx: StepContext, planned_by: StepDefinition) -> str:
    why = [event["text"] for event in list_events(ctx.store, ctx.run) if event["step"] == planned_by.name]
    record = {
        "outcome": "refused",
        "text": why[-1] if why else f"{planned_by.name} left no plan{_unserved(planned_by)}; nothing was changed",
        "reason": ctx.reason,
        "requester": ctx.requester,
        "ended": datetime.now(UTC).isoformat(),
    }
    add_record(ctx.store, ctx.target.name, ctx.run, record)
    title, next_step = OUTCOMES["refused"]
    show_end(ctx, title, str(record["text"]), next_step)
    return str(record["text"])


def _unserved(step: StepDefinition) -> str:
    """Return why a step that needs a program may have left nothing. What Airflow says of it may come after the record."""
    queue = getattr(step.last, "queue", "")
    return (
        f", perhaps since no worker serves the queue {queue} (airflow celery worker --queues {queue})"
        if queue in PROGRAMS
        else ""
    )
