"""Auto Scaling groups, their instances and their scaling activities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.state.ids import new_id

PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)


@dataclass
class Instance:
    id: str
    arn: str  # container instance
    type: str
    launched: float
    state: str = "Pending"  # the group's lifecycle state
    registered: bool = False  # with the ECS cluster
    protected: bool = False
    terminating: float | None = None
    late: list[Any] = field(default_factory=list)  # the faults that keep it from being in service in time
    delay: float = 0.0  # seconds it takes longer for them
    attributes: dict[str, str] = field(default_factory=dict)  # that were put on it as a container instance


@dataclass(frozen=True)
class Activity:
    id: str
    at: float
    description: str
    cause: str
    status: str


@dataclass
class Group:
    name: str
    cluster: str
    min: int
    max: int
    desired: int
    instance_type: str
    instances: dict[str, Instance] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    samples: list[tuple[float, float]] = field(default_factory=list)  # at, CPU reservation percent
    last_scaled: float = 0.0
    alarm: str = "OK"
    late: list[Any] = field(default_factory=list)  # faults: what is launched now comes late
    sounded: list[Any] = field(default_factory=list)  # faults: the alarm is in ALARM, whatever is reserved
    activities: list[Activity] = field(default_factory=list)  # newest first
    created: float = 0.0

    def say(self, at: float, description: str, cause: str, status: str = "Successful") -> None:
        """Add a scaling activity; the same one is not repeated at once."""
        if not self.activities or self.activities[0].description != description:
            self.activities.insert(0, Activity(new_id(), at, description, cause, status))
            del self.activities[100:]
