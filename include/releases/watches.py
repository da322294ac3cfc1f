"""The waits of a release, by name: one look each, made over and over until it says done or raises."""

from datetime import datetime, timedelta
from typing import Any

from include.aws import one_offs, rds
from include.aws.clients import Clients
from include.aws.ecs import Service
from include.aws.service_state import read_service
from include.errors import MigrationFailedError
from include.releases.green import watch_green, watch_green_end
from include.releases.migration import judge_migration
from include.releases.parts import ServiceRelease
from include.releases.rollout import Rollout, judge_rollout
from include.waits.progress import Progress
from include.waits.watch import Watch

USUAL = timedelta(minutes=10)  # of a migration; AWS's own waiter gives up after it, while the task goes on


def watch_task(clients: Clients, arguments: dict[str, Any], _: Service | None) -> Progress:
    """Look whether a one-off task has stopped, however it ended: the step after the wait judges that with its log at hand."""
    arn, container = arguments["arn"], arguments["container"]
    task, now = one_offs.describe_task(clients.ecs, arguments["cluster"], arn)
    if task and task.last_status == "STOPPED":
        text = f"task {task.id} has stopped"
        return Progress(True, text, text, one_offs.as_json(task))  # AWS forgets it within the hour
    return judge_migration(task, arn, container, now, int(USUAL.total_seconds()))


def watch_snapshot(clients: Clients, arguments: dict[str, Any], _: Service | None) -> Progress:
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


def watch_release(clients: Clients, arguments: dict[str, Any], service: Service | None) -> Progress:
    """Look whether a service runs the wanted task definition and nothing else."""
    part = ServiceRelease.model_validate(arguments["plan"])
    state = read_service(clients, part.cluster, part.service, part.group.name if part.group else None, service)
    since = datetime.fromisoformat(arguments["since"])
    return judge_rollout(part, arguments["wanted"], Rollout(arguments["deployment"], since), state)


WATCHES: dict[str, Watch] = {
    "task_stopped": watch_task,
    "snapshot_available": watch_snapshot,
    "release_complete": watch_release,
    "green_complete": watch_green,
    "green_ended": watch_green_end,
}
