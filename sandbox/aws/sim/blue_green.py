"""CodeDeploy's blue-green deployments: install green, shift the traffic, terminate blue, roll back."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from sandbox.aws.faults.model import Fault
from sandbox.aws.services.codedeploy.model import (
    ALARM,
    FAILURE,
    REQUEST,
    DeploymentGroup,
    Rollout,
)
from sandbox.aws.services.ecs.model import Deployment, Service
from sandbox.aws.sim import ecs_scheduler
from sandbox.aws.state.region import Region

BEGINS, REROUTES = 5.0, 10.0  # seconds: from Created to InProgress; for the traffic to move
GIVES_UP = 3600.0  # seconds that green may take to get healthy
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
UNHEALTHY = (
    "The deployment timed out while waiting for the replacement task set to become healthy. "
    "This time out period is 60 minutes."
)
HOOK = "The deployment failed because one of the lifecycle event validation functions (AfterInstall) failed."
SOUNDED = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, "
    "and the affected deployments have been stopped. Activated alarms: <{}>"
)


def create(
    region: Region,
    group: DeploymentGroup,
    definition: str,
    content: str,
    now: float,
    creator: str = "user",
    description: str = "",
) -> Rollout:
    """Begin a deployment."""
    name = "d-" + "".join(region.random.choices(LETTERS, k=9))
    made = Rollout(name, group, definition, content, creator, now, description)
    made.rollback_events, made.alarms, made.updated = group.events, group.alarms, now
    region.rollouts[name] = made
    return made


def advance(region: Region, rollout: Rollout, active: list[Fault], now: float) -> None:
    """Move a deployment to where it is at `now`."""
    service = region.services.get((rollout.group.cluster, rollout.group.service))
    if not rollout.active or service is None:
        return
    if rollout.rolls_back:
        _go_back(region, service, rollout, now)
    elif sounding := _sounding(region, rollout):
        rollout.close(now, "Stopped", ("ALARM_ACTIVE", SOUNDED.format(", ".join(sounding))))
        _roll_back_after(region, rollout, ALARM, now)
    elif rollout.status == "Created":
        if now - rollout.created >= BEGINS:
            _install(region, service, rollout, now)
    elif rollout.status == "Ready":
        if rollout.ready is not None and now - rollout.ready >= (rollout.group.ready_wait or 0.0):
            words = "The deployment was stopped because traffic was not rerouted before the wait time ended."
            rollout.close(now, "Stopped", ("TIMEOUT", words))
            _roll_back_after(region, rollout, FAILURE, now)
    elif rollout.lifecycle["Install"].status == "InProgress":
        _await_green(region, service, rollout, active, now)
    elif rollout.lifecycle["AllowTraffic"].status == "InProgress":
        start = rollout.lifecycle["AllowTraffic"].start
        if start is not None and now - start >= REROUTES:
            _shift(region, service, rollout, now)
    else:
        _retire_blue(region, service, rollout, now)


def stop(region: Region, rollout: Rollout, roll_back: bool, now: float) -> None:
    """Stop a deployment on request; without a rollback both task sets stay as they are."""
    rollout.close(now, "Stopped", ("MANUAL_STOP", "The deployment was stopped by a user."))
    if roll_back:
        _roll_back(region, rollout, now)
    else:
        _roll_back_after(region, rollout, REQUEST, now)


def allow_traffic(rollout: Rollout, now: float) -> None:
    """Let the traffic move to green."""
    rollout.status = "InProgress"
    rollout.end("BeforeAllowTraffic", now)
    rollout.begin("AllowTraffic", now)


def find_set(service: Service, name: str) -> Deployment | None:
    """Return the task set of that id, if it is still there."""
    return next((deployment for deployment in service.deployments if deployment.id == name), None)


def _install(region: Region, service: Service, rollout: Rollout, now: float) -> None:
    rollout.status, rollout.started = "InProgress", now
    rollout.end("BeforeInstall", now)
    rollout.begin("Install", now)
    known = ecs_backends[region.account][region.name].task_definitions
    family, _, revision = rollout.definition.rsplit("/", 1)[-1].partition(":")
    found = known.get(family, {}).get(int(revision)) if revision.isdecimal() else None
    if found is None or found.status != "ACTIVE":
        words = "The ECS service cannot be updated due to an exception: TaskDefinition is inactive or does not exist."
        rollout.close(now, "Failed", ("ECS_UPDATE_ERROR", words))
        _roll_back_after(region, rollout, FAILURE, now)
        return
    for deployment in service.deployments[1:]:
        deployment.draining = True  # what an earlier deployment left behind
    rollout.blue = service.primary.id
    green = ecs_scheduler.add_task_set(
        region, service, rollout.definition, rollout.id, _other_groups(service, rollout.group), now
    )
    rollout.green = green.id


def _other_groups(service: Service, group: DeploymentGroup) -> list[dict[str, Any]]:
    """Return the service's load balancers with the target group that has no traffic."""
    taken = service.primary.target_groups[0]["targetGroupArn"]
    other = group.arns[1] if taken == group.arns[0] else group.arns[0]
    return [{**each, "targetGroupArn": other} for each in service.primary.target_groups]


def _await_green(region: Region, service: Service, rollout: Rollout, active: list[Fault], now: float) -> None:
    start = rollout.lifecycle["Install"].start or now
    tasks = [task for task in region.tasks_of(service) if task.deployment == rollout.green]
    striking = [each for each in active if each.kind == "bluegreen_fails" and each.since <= rollout.created]
    if now - start >= GIVES_UP:
        for fault in striking:
            fault.count()
        rollout.close(now, "Failed", ("TIMEOUT", UNHEALTHY))
        _roll_back_after(region, rollout, FAILURE, now)
        return
    if sum(region.is_healthy(task) for task in tasks) < service.desired:
        return
    rollout.end("Install", now)
    rollout.begin("AfterInstall", now)
    for fault in striking:
        if fault.fields["how"] == "hook":
            fault.count()
            rollout.close(now, "Failed", ("HOOK_EXECUTION_FAILURE", HOOK))
            _roll_back_after(region, rollout, FAILURE, now)
            return
    rollout.end("AfterInstall", now)
    if rollout.group.ready_wait is not None:
        rollout.status, rollout.ready = "Ready", now
    else:
        allow_traffic(rollout, now)


def _shift(region: Region, service: Service, rollout: Rollout, now: float) -> None:
    _give_traffic(region, service, rollout.green, rollout.group)
    rollout.shifted = now
    rollout.end("AllowTraffic", now)
    rollout.end("AfterAllowTraffic", now)


def _give_traffic(region: Region, service: Service, name: str, group: DeploymentGroup) -> None:
    chosen = find_set(service, name)
    if chosen is None:
        return
    for deployment in service.deployments:
        deployment.status = "ACTIVE"
    chosen.status, chosen.draining = "PRIMARY", False
    service.deployments.remove(chosen)
    service.deployments.insert(0, chosen)
    service.definition, service.target_groups = chosen.definition, chosen.target_groups
    action = {"Type": "forward", "TargetGroupArn": chosen.target_groups[0]["targetGroupArn"]}
    elbv2_backends[region.account][region.name].modify_listener(group.listener, actions=[action])


def _retire_blue(region: Region, service: Service, rollout: Rollout, now: float) -> None:
    blue = find_set(service, rollout.blue)
    if blue is not None:
        if rollout.shifted is not None and now - rollout.shifted >= rollout.group.wait:
            blue.draining = True
        return
    rollout.close(now, "Succeeded")


def _roll_back_after(region: Region, rollout: Rollout, event: str, now: float) -> None:
    if event in rollout.rollback_events:
        _roll_back(region, rollout, now)


def _roll_back(region: Region, rollout: Rollout, now: float) -> None:
    """Begin the deployment that puts back what ran before, if something did."""
    group = rollout.group
    before = [each for each in region.rollouts.values() if each.group is group and each.status == "Succeeded"]
    if not before:
        return
    made = create(region, group, before[-1].definition, before[-1].content, now, "codeDeployRollback")
    made.rolls_back, rollout.rolled_back_by, made.alarms = rollout.id, made.id, ()


def _go_back(region: Region, service: Service, rollout: Rollout, now: float) -> None:
    failed = region.rollouts[rollout.rolls_back]
    if rollout.status == "Created":
        if now - rollout.created < BEGINS:
            return
        rollout.status, rollout.started = "InProgress", now
        rollout.green, rollout.blue = failed.blue or service.primary.id, failed.green
        for each in ("BeforeInstall", "Install", "AfterInstall", "BeforeAllowTraffic"):
            rollout.end(each, now)
        rollout.begin("AllowTraffic", now)
        return
    if rollout.lifecycle["AllowTraffic"].status == "InProgress":
        if failed.shifted is not None:
            _give_traffic(region, service, rollout.green, rollout.group)
        rollout.end("AllowTraffic", now)
        rollout.end("AfterAllowTraffic", now)
    left = find_set(service, rollout.blue)
    if left is not None and left is not service.primary:
        left.draining = True
        return
    healthy = [
        task for task in region.tasks_of(service) if region.is_healthy(task) and task.deployment == rollout.green
    ]
    if len(healthy) >= service.desired:
        rollout.close(now, "Succeeded")


def _sounding(region: Region, rollout: Rollout) -> list[str]:
    known = cloudwatch_backends[region.account][region.name].alarms
    return [alarm for alarm in rollout.alarms if alarm in known and known[alarm].state_value == "ALARM"]
