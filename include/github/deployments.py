"""GitHub's Deployments: what a pull request's page shows of its environment. One per commit and environment, with its statuses."""

from dataclasses import dataclass
from typing import Literal

from github.Deployment import Deployment as Shown
from github.Repository import Repository

from include.errors import ServiceUnavailableError
from include.github.errors import listed, name_of, read, translated
from include.write import Action, Write

CREATE_DEPLOYMENT = Action("github", "CreateDeployment", resources=("repository",), values=("sha",), detail=True)
CREATE_STATUS = Action("github", "CreateDeploymentStatus", resources=("repository",), values=("state",), detail=True)

State = Literal["in_progress", "success", "failure", "error", "inactive", "queued", "pending"]


@dataclass(frozen=True)
class Deployment:
    """A deployment of a commit to an environment."""

    id: int
    sha: str
    environment: str
    active: bool = True  # its newest status is not "inactive"


def list_deployments(repository: Repository, environment: str) -> tuple[Deployment, ...]:
    """Return the deployments to an environment, newest first."""
    return read(
        f"deployments of {name_of(repository)}",
        lambda: tuple(_read(each) for each in listed(repository.get_deployments(environment=environment), "id")),
    )


def create_deployment(repository: Repository, sha: str, environment: str, why: str) -> Write[Deployment]:
    """Return the write that tells GitHub of a deployment, unless it knows of one of this commit, and returns it."""
    return Write(
        CREATE_DEPLOYMENT,
        f"{sha[:12]} of {name_of(repository)} to {environment}",
        lambda: _create(repository, sha, environment, why),
        resources={"repository": name_of(repository)},
        values={"sha": sha, "environment": environment},
    )


def set_status(repository: Repository, deployment: int, state: State, url: str, why: str) -> Write[None]:
    """Return the write that gives a deployment its newest status. `url` is the environment's, or "" once it is gone."""

    def make() -> None:
        with translated(f"deployment {deployment} of {name_of(repository)}"):
            given = {"environment_url": url} if url else {}
            repository.get_deployment(deployment).create_status(
                state, description=why[:140], auto_inactive=True, **given
            )

    return Write(
        CREATE_STATUS,
        f"{state} for deployment {deployment} of {name_of(repository)}",
        make,
        resources={"repository": name_of(repository)},
        values={"deployment": deployment, "state": state},
    )


def _create(repository: Repository, sha: str, environment: str, why: str) -> Deployment:
    if found := _find(repository, sha, environment):
        return found
    try:
        with translated(f"deployment of {sha[:12]} of {name_of(repository)}"):
            made = repository.create_deployment(
                sha,
                auto_merge=False,
                required_contexts=[],  # whatever state the code is in
                environment=environment,
                description=why[:140],
                transient_environment=True,
                production_environment=False,
            )
        return _deployment(made)
    except ServiceUnavailableError:
        found = _find(repository, sha, environment)  # perhaps only the answer was lost
        if found is None:
            raise
        return found


def _find(repository: Repository, sha: str, environment: str) -> Deployment | None:
    return next((deployment for deployment in list_deployments(repository, environment) if deployment.sha == sha), None)


def _read(found: Shown) -> Deployment:
    newest = next(iter(found.get_statuses()), None)
    return Deployment(found.id, found.sha, found.environment, newest is None or newest.state != "inactive")


def _deployment(found: Shown) -> Deployment:
    return Deployment(found.id, found.sha, found.environment)
