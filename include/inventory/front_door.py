"""Who else than people may start what on an environment: machine tokens, and workflows of GitHub Actions."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.approving import DagId
from include.inventory.fields import GitHubName, Model, Text

TRUSTED = ("push", "workflow_dispatch")  # events of workflow runs that only people with write access cause
USUAL = {"release": "[published]", "pull_request": "[opened, synchronize, reopened, labeled]"}
GITHUB = "https://token.actions.githubusercontent.com"
Ref = Annotated[str, Field(pattern=r"^refs/(heads|tags)/[^\s*?\[\]]+\*?$", max_length=255)]
Runbooks = Annotated[tuple[DagId, ...], Field(min_length=1, max_length=50)]
# a pull request has no part in these: `pull_request_target` and `workflow_run` would run in the name of the default branch
GitHubEvent = Literal["push", "release", "schedule", "workflow_dispatch"]


class Workflow(Model):
    """Workflows of a repository whose OIDC tokens may start runbooks."""

    repository: GitHubName
    repository_id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$")  # a repository made anew has another one
    refs: tuple[Ref, ...] = Field(min_length=1, max_length=50)  # refs/heads/main, refs/tags/v*
    events: tuple[GitHubEvent, ...] = ("push", "release", "schedule", "workflow_dispatch")
    environment: Text | None = None  # of GitHub, which the job must use
    runbooks: Runbooks
    issuer: str = Field(default=GITHUB, pattern=r"^https://[^\s?#]{1,200}[^\s?#/]$")
    audience: Text = "runbooks"


class Event(Model):
    """Events of the system's repository on GitHub that start a runbook here. In a template, those of the pull request of that number."""

    event: Literal["push", "release", "pull_request", "workflow_run"]
    runbook: DagId
    branch: Text | None = None  # of a push or a workflow run; default: the one that releases come from
    # of a workflow run, which has to succeed: its file below .github/workflows
    workflow: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+\.ya?ml$", max_length=100)] | None = None
    actions: tuple[Annotated[str, Field(pattern=r"^[a-z_]{1,50}$")], ...] = Field(default=(), max_length=20)
    # of a pull request, as GitHub says when it is asked
    state: Literal["open", "closed"] = "open"
    label: Text | None = None  # only with this one
    unless_label: Text | None = None  # only without this one

    @model_validator(mode="after")
    def _fits(self) -> Self:
        of_a_branch = self.event in ("push", "workflow_run")
        if of_a_branch and self.actions:
            raise ValueError(f"actions: not for {self.event}; remove them")
        if not of_a_branch and not self.actions:
            raise ValueError(f"actions: required for {self.event}, such as {USUAL[self.event]}")
        if not of_a_branch and self.branch:
            raise ValueError(f"branch: only for push and workflow_run, not for {self.event}; remove it")
        if (self.event == "workflow_run") != (self.workflow is not None):
            raise ValueError("workflow: for workflow_run, and for nothing else, such as build.yml")
        if self.event != "pull_request" and (self.label or self.unless_label or self.state != "open"):
            raise ValueError(
                f"label: only for pull_request, not for {self.event}; remove label, unless_label and state"
            )
        return self


class FrontDoor(Model):
    """Who may start what at the front door, besides the people whom Airflow lets."""

    machines: tuple[DagId, ...] = Field(default=(), max_length=50)  # runbooks that a machine token may be given
    workflows: tuple[Workflow, ...] = Field(default=(), max_length=50)
    events: tuple[Event, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.machines)) != len(self.machines):
            raise ValueError("machines: the same runbook is listed twice")
        return self
