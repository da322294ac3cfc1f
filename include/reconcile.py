"""Find out what became of writes whose answer was never recorded, by asking the service of each write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from include import github
from include.aws import (
    autoscaling,
    cloudformation,
    codedeploy,
    ecr,
    ecs,
    log_groups,
    one_off_tasks,
    rds,
    service_deployments,
    task_definitions,
    task_protection,
)
from include.aws.clients import Clients
from include.run.writer import FencedWriter
from include.write import RecordedWrite

if TYPE_CHECKING:
    from github.Repository import Repository


def reconcile(clients: Clients, writer: FencedWriter, repository: Callable[[], Repository] | None = None) -> None:
    """Record what became of writes whose outcome is unknown. Every step begins with this.

    A step that writes to GitHub passes `repository`.
    """
    writer.reconcile(lambda write: was_applied(clients, write, repository))


def was_applied(
    clients: Clients, write: RecordedWrite, repository: Callable[[], Repository] | None = None
) -> bool | None:
    """Tell whether a write shows in its service now. Return None if the service cannot be asked."""
    match write.service:
        case "autoscaling":
            return autoscaling.was_applied(clients.autoscaling, write)
        case "cloudformation":
            return cloudformation.was_applied(clients.cloudformation, write)
        case "codedeploy":
            return codedeploy.was_applied(clients.codedeploy, write)
        case "ecr":
            return ecr.was_applied(clients.ecr, write)
        case "ecs":
            gateways = (ecs, one_off_tasks, service_deployments, task_definitions, task_protection)
            asked = (gateway.was_applied(clients.ecs, write) for gateway in gateways)
            return next((found for found in asked if found is not None), None)
        case "github" if repository:
            found = github.was_applied(repository(), write)
            return github.was_posted(repository(), write) if found is None else found
        case "logs":
            return log_groups.was_applied(clients.logs, write)
        case "rds":
            return rds.was_applied(clients.rds, write)
    return None
