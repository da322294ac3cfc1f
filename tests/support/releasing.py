"""Shared parts of the journeys of releases: approved runs, and their results."""

from typing import Any

import pytest

from tests.support.sandbox_client import Run
from tests.support.scenes import Scene

RELEASE = pytest.mark.stage(strategy="release")
WATCHED = pytest.mark.stage(strategy="release", bake="12h")  # far longer than a journey takes to roll it back
SHIFTED = pytest.mark.stage(strategy="shifted")
STAGED = 2  # indices of commits, newest first: what staging runs when the world begins, and what it has proved


def deploy(scene: Scene, commit: str | None = None) -> Run:
    """Return an approved deployment to staging, of the newest commit unless another is given."""
    run = scene.start("staging_deployment", commit=commit or scene.commits()[0])
    run.approve(task="approve_deployment")
    return run


def release(scene: Scene, **conf: Any) -> Run:
    """Return an approved release to production."""
    run = scene.start("production_release", "production", **conf)
    run.approve(task="approve_release")
    return run


def migrate(scene: Scene) -> Run:
    """Return an approved migration of staging."""
    run = scene.start("database_migration", command="migrate")
    run.approve(task="approve_migration")
    return run


def refused(scene: Scene, run: Run, plan: str) -> str:
    """Return why a plan refused its run, with nothing changed."""
    assert run.wait() == "failed"
    assert run.tasks()[plan] == "failed", run.describe()
    scene.ensure_nothing_changed()
    return run.log(plan)


def definitions(scene: Scene, environment: str) -> list[str]:
    """Return the task definition that each service of an environment runs, as family:revision."""
    services = scene.sandbox.target(f"{scene.name}/{environment}")["services"]
    return [service["task_definition"].rsplit("/", 1)[-1] for service in services]


def published(scene: Scene) -> list[str]:
    return [each["tag"] for each in scene.repository()["releases"] if not each["draft"]]


def builds(scene: Scene, commit: str) -> int:
    """Return how often an image of a commit was built."""
    return sum(run["inputs"].get("commit") == commit for run in scene.repository()["runs"])
