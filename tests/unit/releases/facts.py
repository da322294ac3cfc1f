"""Facts of a release: two services of one application, before and after."""

from typing import Any

from include.aws.ecs import Container
from include.ecs.service_state import ServiceState, TaskState
from include.releases.model import ServiceRelease
from tests.unit.facts import deployment, state, task

ARN = "arn:aws:ecs:eu-west-2:111111111112:task-definition"
APP_OLD, APP_NEW = f"{ARN}/core-app:41", f"{ARN}/core-app:42"
WORK_OLD, WORK_NEW = f"{ARN}/core-sidekiq:17", f"{ARN}/core-sidekiq:18"
OLD_DIGEST, NEW_DIGEST = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"


def part(name: str = "core-app", before: str = APP_OLD, container: str = "app", **different: Any) -> ServiceRelease:
    found = ServiceRelease(
        cluster="core",
        service=name,
        container=container,
        family=name,
        before=before,
        before_digest=OLD_DIGEST,
        count=2,
        log_group="core-log",
        boot_seconds=120,
        timeout_seconds=1200,
    )
    return found.model_copy(update=different)


APP, WORKERS = part(), part("core-sidekiq", WORK_OLD, "sidekiq")


def running(name: str, definition: str, digest: str, container: str = "app", **different: Any) -> TaskState:
    containers = (Container(container, "RUNNING", None, "", digest),)
    return task(name, started=1, task_definition=definition, containers=containers, **different)


def on(
    definition: str, digest: str = NEW_DIGEST, *, count: int = 2, container: str = "app", **different: Any
) -> ServiceState:
    """Return a service that runs only one task definition, in healthy tasks."""
    tasks = [running(f"t{number}", definition, digest, container) for number in range(count)]
    facts = {
        "desired": count,
        "deployments": (deployment("ecs-svc/2", task_definition=definition),),
        "task_definition": definition,
    }
    return state(tasks, **{**facts, **different})
