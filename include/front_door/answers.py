"""What the front door answers, as its OpenAPI document describes it."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Question(Answer):
    """A question that waits for people. No caller of the front door can answer it: `link` leads people to it."""

    subject: str
    people: list[str]  # nobody named: whoever may act on the run in Airflow
    link: str


class Links(Answer):
    status: str
    plan: str
    record: str
    page: str  # for people


class RunStatus(Answer):
    """What became of a run so far. `version` changes whenever anything else here does."""

    runbook: str
    run_id: str
    target: str
    requester: str | None
    reason: str
    plan_only: bool
    state: str  # Airflow's: queued, running, success, failed
    over: bool
    title: str  # the state in words, such as Rolled back
    text: str
    cause: str
    next_step: str
    stopped: str  # by which emergency stop the run writes nothing now, or ""
    questions: list[Question]
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    version: str
    links: Links


class Offer(Answer):
    """A runbook, and the targets on which the caller may start it."""

    runbook: str
    title: str
    risk: str
    targets: list[str]
    paused: bool


class Offers(Answer):
    runbooks: list[Offer]


class PlanText(Answer):
    """What a run would change, in Markdown."""

    markdown: str


class RunRecord(Answer):
    """All that is on record about a run: its final record, its approvals and its journal."""

    record: dict[str, Any] | None
    decisions: list[dict[str, Any]]
    events: list[dict[str, Any]]


def version_of(state: str, note: str | None) -> str:
    """Return a short text that changes with the state of a run, and with its note, which follows every step."""
    return sha256(f"{state} {note or ''}".encode()).hexdigest()[:16]
