"""Releases as JSON: images, builds, blue-green deployments, one-off tasks, alarms, snapshots."""

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.rds.models import rds_backends

from include.inventory import Target
from sandbox.aws.services.codebuild.model import Build
from sandbox.aws.services.codedeploy.model import Rollout
from sandbox.aws.services.ecs.model import Task
from sandbox.aws.sim.world import World
from sandbox.aws.state import target_registry
from sandbox.aws.state.clock import as_text
from sandbox.aws.state.region import Region

SHOWN = 6  # of each kind, the newest first


def release_json(world: World, target: Target, region: Region) -> dict[str, Any]:
    """Return what GET /world tells of a target's releases."""
    environment = target.environment
    if environment.cluster is None:
        return {}
    builds = [
        build for project in region.projects.values() if project.target == target.name for build in project.builds
    ]
    rollouts = [rollout for rollout in region.rollouts.values() if rollout.group.target == target.name]
    tasks = [task for task in region.tasks.values() if task.service is None and task.cluster == environment.cluster]
    return {
        "registry": _registry(world, target),
        "builds": [_build(each) for each in reversed(builds[-SHOWN:])],
        "blue_green": [_rollout(rollout) for rollout in reversed(rollouts[-SHOWN:])],
        "one_offs": [_one_off(task) for task in reversed(tasks[-SHOWN:])],
        "alarms": _alarms(target),
        "snapshots": _snapshots(target),
    }


def release_state(release: dict[str, Any]) -> dict[str, Any]:
    """Return the part that a run could have changed."""
    if not release:
        return {}
    return {
        "images": {image["digest"]: sorted(image["tags"]) for image in release["registry"]["images"]},
        "builds": [build["id"] for build in release["builds"]],
        "blue_green": [each["id"] for each in release["blue_green"]],
        "snapshots": [snapshot["id"] for snapshot in release["snapshots"]],
    }


def _registry(world: World, target: Target) -> dict[str, Any]:
    repository = target_registry.repository_of(world, target)
    images = sorted(repository.images.values(), key=lambda each: each.pushed, reverse=True)
    return {
        "uri": repository.uri,
        "images": [
            {"digest": image.digest, "tags": list(image.tags), "pushed_at": as_text(image.pushed)} for image in images
        ],
    }


def _build(build: Build) -> dict[str, Any]:
    return {
        "id": build.id,
        "commit": build.resolved or build.version,
        "status": build.status if build.ended is not None else "IN_PROGRESS",
        "phase": build.phases[-1].kind,
        "by": build.initiator,
        "started_at": as_text(build.created),
        "ended_at": as_text(build.ended),
    }


def _rollout(rollout: Rollout) -> dict[str, Any]:
    return {
        "id": rollout.id,
        "group": rollout.group.name,
        "status": rollout.status,
        "creator": rollout.creator,
        "task_definition": rollout.definition.rsplit("/", 1)[-1],
        "description": rollout.description,
        "error": rollout.error[0] if rollout.error else None,
        "rolled_back_by": rollout.rolled_back_by or None,
        "rolls_back": rollout.rolls_back or None,
        "created_at": as_text(rollout.created),
        "completed_at": as_text(rollout.completed),
    }


def _one_off(task: Task) -> dict[str, Any]:
    overrides = task.overrides.get("containerOverrides", [])
    command: list[str] = next((override["command"] for override in overrides if override.get("command")), [])
    return {
        "id": task.id,
        "task_definition": task.definition.rsplit("/", 1)[-1],
        "command": " ".join(command) or "the default command",
        "status": task.status,
        "exit_code": task.exit_code if task.status == "STOPPED" else None,
        "stop_code": task.stop_code or None,
        "by": task.started_by,
        "created_at": as_text(task.created),
    }


def _alarms(target: Target) -> list[dict[str, str]]:
    environment = target.environment
    known = cloudwatch_backends[environment.account][environment.region].alarms
    return [{"name": alarm, "state": str(known[alarm].state_value)} for alarm in environment.alarms if alarm in known]


def _snapshots(target: Target) -> list[dict[str, Any]]:
    environment = target.environment
    if environment.database is None:
        return []
    found = rds_backends[environment.account][environment.region].database_snapshots.values()
    mine = [each for each in found if each.db_instance_identifier == environment.database.instance]
    return [{"id": each.db_snapshot_identifier, "status": each.status} for each in mine]
