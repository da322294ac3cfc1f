"""Who else than people may start what on an environment: machine tokens, and workflows of GitHub Actions."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.approving import DagId
from include.inventory.fields import GitHubName, Model, Text

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


class FrontDoor(Model):
    """Who may start what at the front door, besides the people whom Airflow lets."""

    machines: tuple[DagId, ...] = Field(default=(), max_length=50)  # runbooks that a machine token may be given
    workflows: tuple[Workflow, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.machines)) != len(self.machines):
            raise ValueError("machines: the same runbook is listed twice")
        return self
