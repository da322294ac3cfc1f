"""What the database commands of review apps' one-off tasks do: they reach the server of the databases, or fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ecs.models import ecs_backends
from moto.rds.models import rds_backends

from sandbox.app_databases import AppDatabases
from sandbox.aws.services.ecs.model import Task
from sandbox.aws.state.app_sites import AppSite
from sandbox.aws.state.region import Region

COMMANDS = ("db:prepare", "db:migrate")
AVAILABLE = ("available", "backing-up")
CONFLICT = (
    'ActiveRecord::RecordNotUnique: PG::UniqueViolation: ERROR:  could not create unique index "index_users_on_email"'
)
Say = Callable[[str], None]


def carry_out(region: Region, task: Task, now: float, site: AppSite, databases: AppDatabases, say: Say) -> None:
    """Carry out a command right before its task ends. `db:prepare` migrates a database that is there, as Rails does."""
    command = next((word for word in _command(task) if word in COMMANDS), "")
    due = task.started is not None and now - task.started >= (task.behaviour.crash_after or 0.0)
    if not command or task.status != "RUNNING" or not due or task.carried or task.behaviour.exit_code:
        return
    task.carried = True
    server = rds_backends[region.account][region.name].databases.get(site.server)
    if server is None or server.status not in AVAILABLE:
        say("PG::ConnectionBad: connection to server failed: Connection timed out")
        task.behaviour.exit_code = 1
        return
    kinds = {fault.kind: fault for fault in task.behaviour.faults}
    name = _database(region, task)
    if command == "db:prepare" and name not in databases.names(site.role):
        empty = kinds.get("seed_empty")
        databases.prepare(site.role, name, site.table, seeds=empty is None)
        say("Created database" if empty is None else "Created database; nothing to seed")
        if empty:
            empty.count()
    elif conflict := kinds.get("migration_conflict"):
        say(CONFLICT)
        task.behaviour.exit_code = 1
        conflict.count()


def _command(task: Task) -> list[str]:
    overrides: list[dict[str, Any]] = task.overrides.get("containerOverrides", [])
    return next((list(override["command"]) for override in overrides if override.get("command")), [])


def _database(region: Region, task: Task) -> str:
    definition: Any = ecs_backends[region.account][region.name].describe_task_definition(task.definition)
    named = {
        str(each["name"]): str(each["value"])
        for container in definition.container_definitions
        for each in container.get("environment") or []
    }
    return named["DATABASE_NAME"]
