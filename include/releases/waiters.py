"""The waits of a release, by name. Each function looks once, and is called until it reports done or raises."""

from datetime import datetime, timedelta
from typing import Any

from include.aws import one_off_tasks, rds
from include.aws.clients import Clients
from include.aws.ecs import Service
from include.ecs.service_state import read_service
from include.errors import MigrationFailedError
from include.releases.deployment.codedeploy import poll_deployment, poll_deployment_end
from include.releases.deployment.judgement import judge_deployment
from include.releases.deployment.rollout import Rollout
from include.releases.migration.rules import judge_migration
from include.releases.model import ServiceRelease
from include.waiters.progress import Progress
from include.waiters.waiter import Waiter

USUAL = timedelta(minutes=10)  # of a migration; AWS's own waiter gives up after this time, while the task continues


def poll_task(clients: Clients, arguments: dict[str, Any], _: Service | None) -> Progress:
    """Look whether a one-off task has stopped, however it ended. The step after the wait judges the end with the log at hand."""
    arn, container = arguments["arn"], arguments["container"]
    task, now = one_off_tasks.describe_task(clients.ecs, arguments["cluster"], arn)
    if task and task.last_status == "STOPPED":
        text = f"task {task.id} has stopped"
        return Progress(True, text, text, one_off_tasks.as_json(task))  # AWS forgets the task within the hour
    return judge_migration(task, arn, container, now, int(USUAL.total_seconds()))


def poll_snapshot(clients: Clients, arguments: dict[str, Any], _: Service | None) -> Progress:
    """Look whether a snapshot of a database is available."""
    name = arguments["snapshot"]
    found = rds.describe_snapshot(clients.rds, name)
    if found is None:
        raise MigrationFailedError(
            f"RDS has no snapshot {name} any more, so nothing was migrated; find out who removed it, then start again."
        )
    if found.status in ("failed", "incompatible-restore"):
        raise MigrationFailedError(
            f"Snapshot {name} is {found.status}, so nothing was migrated; look at the database's events, then start again."
        )
    text = f"snapshot {name} is {found.status}"
    return Progress(found.status == "available", f"{text}, {found.percent}%", text)


def poll_release(clients: Clients, arguments: dict[str, Any], service: Service | None) -> Progress:
    """Look whether a service runs the wanted task definition and no other."""
    part = ServiceRelease.model_validate(arguments["plan"])
    state = read_service(clients, part.cluster, part.service, part.group.name if part.group else None, service)
    since = datetime.fromisoformat(arguments["since"])
    return judge_deployment(clients, part, arguments["wanted"], Rollout(arguments["deployment"], since), state)


WAITERS: dict[str, Waiter] = {
    "task_stopped": poll_task,
    "snapshot_available": poll_snapshot,
    "release_complete": poll_release,
    "green_complete": poll_deployment,
    "green_ended": poll_deployment_end,
}
