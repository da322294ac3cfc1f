"""The resources of one account and region. Times are simulated seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox.aws.services.autoscaling.model import Group, Instance
from sandbox.aws.services.codebuild.model import Project
from sandbox.aws.services.codedeploy.model import DeploymentGroup, Rollout
from sandbox.aws.services.ecr.model import Repository
from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.services.elbv2.model import Target


@dataclass
class Region:
    """Everything of one account and region that changes over time."""

    account: str
    name: str
    services: dict[tuple[str, str], Service] = field(default_factory=dict)  # (cluster, name)
    tasks: dict[str, Task] = field(default_factory=dict)  # by ARN
    groups: dict[str, Group] = field(default_factory=dict)
    targets: dict[str, dict[tuple[str, int], Target]] = field(default_factory=dict)  # by target group ARN
    tokens: dict[tuple[str, str], tuple[str, list[str]]] = field(
        default_factory=dict
    )  # RunTask's (cluster, client token): what was asked for, and the ARNs
    repositories: dict[str, Repository] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)  # of CodeBuild
    deployment_groups: dict[tuple[str, str], DeploymentGroup] = field(default_factory=dict)  # (application, group)
    snapshots: dict[str, float] = field(default_factory=dict)  # of RDS: when each was begun
    cluster_snapshots: dict[str, float] = field(default_factory=dict)  # of Aurora: when each was begun
    databases: dict[str, float] = field(default_factory=dict)  # of RDS: until when each is being made or deleted
    written: dict[str, str] = field(default_factory=dict)  # of RDS: what databases and snapshots hold, by their ARNs
    rollouts: dict[str, Rollout] = field(default_factory=dict)  # CodeDeploy's deployments, oldest first
    due: dict[Any, float] = field(default_factory=dict)  # when each scheduled action fires next
    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311  # chance for a simulation, no secret

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.name}:{self.account}:{rest}"

    def tasks_of(self, service: Service) -> list[Task]:
        return [
            task for task in self.tasks.values() if task.service == service.name and task.cluster == service.cluster
        ]

    def instances(self, cluster: str) -> list[Instance]:
        return [
            instance
            for group in self.groups.values()
            if group.cluster == cluster
            for instance in group.instances.values()
        ]

    def on_instance(self, instance: str) -> list[Task]:
        """Return the tasks that hold resources of an instance: all that are not STOPPED."""
        return [task for task in self.tasks.values() if task.instance == instance and task.status != "STOPPED"]

    def taken(self) -> set[tuple[str, int]]:
        """Return every (address or instance, port) that a task or a draining target still holds."""
        held = {(task.ip or task.instance or "", task.port) for task in self.tasks.values() if task.status != "STOPPED"}
        return held.union(*self.targets.values())

    def target_of(self, task: Task) -> list[Target]:
        """Return the task's registrations, one per target group it is in."""
        key = (task.ip or task.instance or "", task.port)
        return [targets[key] for targets in self.targets.values() if key in targets]

    def health(self, task: Task) -> str:
        """Return the task's health by its targets and its containers' health check, or "none" where nothing asks."""
        service = self.services.get((task.cluster, task.service or ""))
        found = "none"
        if service is not None and service.target_groups:
            found = "unused"
            for target in self.target_of(task):
                found = target.state
                if found != "healthy":
                    break
        if task.check and found in ("none", "healthy"):
            found = {"HEALTHY": "healthy", "UNHEALTHY": "unhealthy"}.get(task.check.status, "initial")
        return found

    def is_healthy(self, task: Task) -> bool:
        """Tell whether ECS counts the task as healthy; one that nothing checks once it has run for a while."""
        if not task.alive or task.status != "RUNNING":
            return False
        health = self.health(task)
        return health == "healthy" or (health == "none" and task.settled)
