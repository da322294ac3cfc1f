"""Approval policies: who must agree to a run on an environment, and which runbooks need no approval."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.fields import Duration, Flag, Model, UserId

Purpose = Literal["production", "staging", "development", "review"]
DagId = Annotated[str, Field(max_length=250, pattern=r"^[A-Za-z0-9_.-]+$")]


class Unattended(Model):
    """Runs of one runbook that need no approval by a person, such as those of a schedule or a webhook."""

    reason: str = Field(min_length=10, max_length=500)  # this stands on the run's record instead of a person
    even_if_disruptive: Flag = False  # required for an environment whose purpose is production


class Approval(Model):
    """Who must agree before anything is changed. A time-out counts as a refusal."""

    approvers: tuple[UserId, ...] = Field(min_length=1, max_length=100)  # Airflow user ids
    count: Literal[1, 2] = 1
    requester_may_approve: Flag = False
    respond_within: Duration
    unattended: dict[DagId, Unattended] = Field(default_factory=dict)  # by runbook; all other runs need approval

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        if len(set(self.approvers)) != len(self.approvers):
            raise ValueError("approvers: the same person is listed twice")
        if len(self.approvers) < self.count:
            raise ValueError(f"approvers: {self.count} are needed but only {len(self.approvers)} listed")
        return self
