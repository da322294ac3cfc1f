"""The world as JSON: in full for the page, and without times for comparing before and after."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from include.inventory import Target
from sandbox.aws.services.autoscaling.model import Group
from sandbox.aws.services.ecs.deployment_model import ServiceDeployment
from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.sim.world import World
from sandbox.aws.state import region_data
from sandbox.aws.state.clock import as_text
from sandbox.aws.state.region import Region
from sandbox.aws.state.release_snapshot import release_json, release_state

SHOWN_STOPPED = 600.0  # seconds a stopped task stays in the picture
SHOWN_DEPLOYMENTS = 3  # of a service, the newest first


def world_json(world: World, shown: Iterable[Target]) -> dict[str, Any]:
    """Return GET /world, with the targets that are asked for."""
    now = world.catch_up()
    targets = []
    for target in shown:
        environment = target.environment
        region = world.region(environment.account, environment.region)
        mine = [service for service in region.services.values() if service.cluster == environment.cluster]
        lease = _lease(environment.account, environment.region, environment.operations_table, target.name)
        targets.append(
            {
                "name": target.name,
                "title": target.system.title,
                "account": environment.account,
                "region": environment.region,
                "cluster": environment.cluster,
                "services": [_service(region, each, now) for each in mine],
                "groups": [
                    _group(region, group) for group in region.groups.values() if group.cluster == environment.cluster
                ],
                "release": release_json(world, target, region),
                "lease": lease,
                "leased_at": _leased_at(world, lease),
                "uses": _uses(target),
            }
        )
    return {
        "speed": world.clock.speed,
        "now": as_text(now),
        "faults": [fault.as_json() for fault in world.faults],
        "targets": targets,
    }


def state_json(world: World, shown: Iterable[Target]) -> dict[str, Any]:
    """Return GET /state: only what a run could have changed."""
    answer = {}
    described = {target.name: target for target in shown}
    for target in world_json(world, described.values())["targets"]:
        answer[target["name"]] = {
            "services": [
                {
                    "name": service["name"],
                    "desired": service["desired"],
                    "task_definition": service["task_definition"],
                    "deployments": [item["id"] for item in service["deployments"]],
                    "tasks": sorted(
                        [task["id"], task["protected"]]
                        for task in service["tasks"]
                        if task["desired_status"] == "RUNNING"
                    ),
                }
                for service in target["services"]
            ],
            "groups": [
                {
                    **{key: group[key] for key in ("name", "min", "max", "desired", "suspended")},
                    "instances": sorted([item["id"], item["protected"]] for item in group["instances"]),
                }
                for group in target["groups"]
            ],
            "release": release_state(target["release"]),
            "data": {each["uri"]: each["digest"] for each in region_data.folders_json(described[target["name"]])},
        }
    return answer


def _service(region: Region, service: Service, now: float) -> dict[str, Any]:
    tasks = region.tasks_of(service)
    shown = [task for task in tasks if task.stopped is None or now - task.stopped < SHOWN_STOPPED]
    running = [task for task in tasks if task.status == "RUNNING"]
    return {
        "name": service.name,
        "launch_type": service.launch_type,
        "desired": service.desired,
        "scheduled_changes": service.scheduled_changes,
        "running": len(running),
        "pending": sum(task.alive and task.status != "RUNNING" for task in tasks),
        "healthy": sum(region.is_healthy(task) for task in tasks),
        "task_definition": service.definition.rsplit("/", 1)[-1],
        "boot_seconds": service.boot,
        "deployments": [
            {
                "id": deployment.id,
                "status": deployment.status,
                "rollout_state": deployment.state,
                "rollout_reason": deployment.reason,
                "task_definition": deployment.definition.rsplit("/", 1)[-1],
                "desired": service.desired if deployment.status == "PRIMARY" else 0,
                "running": sum(task.deployment == deployment.id for task in running),
                "pending": sum(
                    task.deployment == deployment.id and task.alive and task.status != "RUNNING" for task in tasks
                ),
                "failed": deployment.failed,
                "created_at": as_text(deployment.created),
            }
            for deployment in service.deployments
        ],
        "events": [{"at": as_text(at), "message": text} for at, _, text in service.events[:10]],
        "service_deployments": [_service_deployment(each) for each in reversed(service.history[-SHOWN_DEPLOYMENTS:])],
        "tasks": [_task(region, service, each, now) for each in sorted(shown, key=lambda each: each.created)],
    }


def _task(region: Region, service: Service, task: Task, now: float) -> dict[str, Any]:
    progress = None
    if task.alive and task.started is not None:
        progress = min(1.0, (now - task.started) / task.behaviour.boot) if task.behaviour.boot else 1.0
        if task.load is not None:
            progress = task.load.share
    return {
        "id": task.id,
        "arn": task.arn,
        "status": task.status,
        "desired_status": task.desired,
        "created_at": as_text(task.created),
        "started_at": as_text(task.started),
        "stopped_at": as_text(task.stopped),
        "stop_code": task.stop_code or None,
        "stopped_reason": task.stopped_reason or None,
        "health": region.health(task) if task.status != "STOPPED" else "none",
        "progress": progress,
        "loaded": task.load.loaded if task.load is not None and service.reads_data else {},
        "loading": task.load.pending[:1] if task.load is not None and task.alive else [],
        "protected": task.protected(now),
        "instance": task.instance,
        "deployment": task.deployment,
        "task_definition": task.definition.rsplit("/", 1)[-1],
    }


def _service_deployment(deployment: ServiceDeployment) -> dict[str, Any]:
    """Return a deployment as ECS keeps it beyond its end, with the traffic that its new tasks get."""
    return {
        "id": deployment.arn.rsplit("/", 1)[-1],
        "strategy": deployment.strategy.kind,
        "status": deployment.status,
        "reason": deployment.reason or None,
        "stage": deployment.stage or None,
        "traffic": deployment.weight if deployment.strategy.shifts else None,  # percent
        "created_at": as_text(deployment.created),
        "ended_at": as_text(deployment.finished),
    }


def _group(region: Region, group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "min": group.min,
        "max": group.max,
        "desired": group.desired,
        "suspended": sorted(group.suspended),
        "alarm": group.alarm,
        "instances": [
            {
                "id": instance.id,
                "state": instance.state,
                "tasks": sum(
                    task.instance == instance.id and task.status != "STOPPED" for task in region.tasks.values()
                ),
                "protected": instance.protected,
                "launched_at": as_text(instance.launched),
            }
            for instance in group.instances.values()
        ],
    }


def _leased_at(world: World, lease: Any) -> str | None:
    """Return since when a lease is held, by the simulated clock; runbooks write it by the real one."""
    since = lease.get("since") if isinstance(lease, dict) else None
    try:
        return as_text(world.clock.at(datetime.fromisoformat(since))) if isinstance(since, str) else None
    except ValueError:  # somebody broke the record
        return None


def _uses(target: Target) -> dict[str, list[str]]:
    """Return what a target has in each external service, by the names that the service's own answer has."""
    system, environment = target.system, target.environment
    terraform = environment.terraform
    channel = environment.slack_channel
    found: dict[str, list[str | None]] = {
        "slack": [
            f"{system.slack_workspace}/{channel.removeprefix('#')}" if system.slack_workspace and channel else None
        ],
        "github": [system.github, terraform.repository if terraform else None],
        "jira": [system.jira_project],
        "sentry": [f"{system.sentry.organization}/{system.sentry.project}" if system.sentry else None],
        "regions": [target.name if environment.region_data else None],
    }
    return {service: sorted({name for name in names if name}) for service, names in found.items()}


def _lease(account: str, region: str, table: str, target: str) -> Any:
    found = dynamodb_backends[account][region].tables.get(table)
    item = found.get_item(DynamoType({"S": f"target#{target}"}), DynamoType({"S": "lease"})) if found else None
    if item is None:
        return None
    return json.loads(item.attrs["document"].value)
