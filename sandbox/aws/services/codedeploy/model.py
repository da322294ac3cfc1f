"""CodeDeploy's deployment groups and blue-green deployments."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from sandbox.aws.services.ecr.model import Repository
from sandbox.aws.services.ecs.model import Service

EVENTS = ("BeforeInstall", "Install", "AfterInstall", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
ENDED = ("Succeeded", "Failed", "Stopped")
FAILURE, ALARM, REQUEST = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"


@dataclass
class Event:
    status: str = "Pending"
    start: float | None = None
    end: float | None = None


@dataclass
class DeploymentGroup:
    application: str
    name: str
    target: str  # of the inventory
    cluster: str
    service: str
    pair: tuple[str, str]  # names of the blue and the green target group
    arns: tuple[str, str]
    listener: str
    alarms: tuple[str, ...]
    repository: Repository
    seen: int  # pushes into it that are dealt with
    wait: float  # seconds that blue stays after the traffic has moved
    started_by: str
    ready_wait: float | None = None  # seconds to wait for somebody to let the traffic move; None: it moves by itself
    events: tuple[str, ...] = (FAILURE, ALARM, REQUEST)  # after which it rolls back by itself


@dataclass
class Rollout:
    """One deployment, as CodeDeploy calls it."""

    id: str
    group: DeploymentGroup
    definition: str
    content: str  # the AppSpec, as it was given
    creator: str
    created: float
    description: str = ""
    status: str = "Created"
    rollback_events: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    error: tuple[str, str] | None = None
    rolled_back_by: str = ""
    rolls_back: str = ""
    blue: str = ""  # ids of the task sets
    green: str = ""
    ready: float | None = None
    shifted: float | None = None
    updated: float = 0.0
    lifecycle: dict[str, Event] = field(default_factory=lambda: {each: Event() for each in EVENTS})

    @property
    def active(self) -> bool:
        return self.status not in ENDED

    def begin(self, event: str, now: float) -> None:
        self.lifecycle[event] = Event("InProgress", now)
        self.updated = now

    def end(self, event: str, now: float, status: str = "Succeeded") -> None:
        self.lifecycle[event] = Event(status, self.lifecycle[event].start or now, now)
        self.updated = now

    def close(self, now: float, status: str, error: tuple[str, str] | None = None) -> None:
        """End the deployment; what was under way has failed, what was still to come is skipped."""
        self.status, self.completed, self.error, self.updated = status, now, error, now
        for name, event in self.lifecycle.items():
            if event.status == "InProgress":
                self.end(name, now, "Failed")
            elif event.status == "Pending":
                self.lifecycle[name] = Event("Skipped")


def app_spec(service: Service, definition: str | None = None) -> str:
    """Return the AppSpec that deploys a service, in JSON."""
    balancer = service.target_groups[0]
    properties = {
        "TaskDefinition": definition or service.definition,
        "LoadBalancerInfo": {"ContainerName": balancer["containerName"], "ContainerPort": balancer["containerPort"]},
    }
    resource = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    return json.dumps({"version": 1, "Resources": [resource]})
