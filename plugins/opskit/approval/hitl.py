"""Questions to people during a run: who may answer, and the record of the question and the choice."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from include.run.journal import add_event
from opskit.approval.people import assigned, name_of
from opskit.context import StepContext
from opskit.notifications.run_links import gate_link
from opskit.notifications.run_state import show_question
from opskit.notifications.sender import notify
from opskit.retry import retry


def ask(question: HITLOperator, ctx: StepContext, text: str) -> None:
    """Let the requester and every approver of the target answer, record in a sentence what is asked, and notify Slack."""
    people = dict.fromkeys([*([ctx.requester] if ctx.requester else []), *ctx.target.environment.approval.approvers])
    question.assigned_users = assigned(people)
    link = gate_link(ctx.context["dag_run"], ctx.name, ctx.context["ti"].map_index)
    add_event(ctx.store, ctx.run, ctx.name, "asked", text, {"link": link})
    show_question(ctx, "A decision is needed", text)
    notify(ctx.context)


def who_answered(answer: dict[str, Any]) -> str | None:
    """Return who gave an answer, or None if nobody did in time, so that the default applies."""
    return name_of(answer["responded_by_user"])


def note_choice(ctx: StepContext, answer: dict[str, Any], chosen: str) -> None:
    """Record what is done after a failure, and who chose it: a retry would have to ask again."""
    said = f"After the failure: {chosen} ({who_answered(answer) or 'nobody answered in time'})."
    retry(ctx.clients, lambda: ctx.writer.note(said))
