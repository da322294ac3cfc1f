"""Service deployments and service revisions of ECS, and the strategies by which traffic moves. Times are simulated seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

ROLLING, BLUE_GREEN, CANARY, LINEAR = "ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"
SHIFTING = (BLUE_GREEN, CANARY, LINEAR)  # new tasks beside the old ones, and the traffic moves from these to those
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
HOOK_STAGES = tuple(each for each in STAGES if each not in ("SCALE_UP", "BAKE_TIME", "CLEAN_UP"))
NO_PAUSE = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")  # stages at which only a Lambda function can be asked
ONGOING = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
FORWARD = ("PENDING", "IN_PROGRESS")
HOOK_MINUTES = 1440  # a hook's time-out unless its configuration sets another
FEWEST, MOST = 3, 200  # the bounds of a BOUNDED_PERCENT threshold


@dataclass
class Hook:
    """A configured lifecycle hook."""

    kind: str  # AWS_LAMBDA or PAUSE
    stages: tuple[str, ...]
    target: str = ""
    minutes: int = HOOK_MINUTES
    action: str = "ROLLBACK"


@dataclass
class Breaker:
    """A deployment circuit breaker."""

    enabled: bool = False
    rolls_back: bool = False
    resets: bool = True  # a task that gets healthy sets the count of failed tasks to 0
    kind: str = "BOUNDED_PERCENT"
    value: int = 50

    def threshold(self, desired: int) -> int:
        """Return the number of failed tasks at which a deployment has failed."""
        if self.kind == "COUNT":
            return self.value
        share = math.ceil(self.value * desired / 100)
        return max(1, share) if self.kind == "UNBOUNDED_PERCENT" else min(max(share, FEWEST), MOST)


@dataclass
class Strategy:
    """How a service is deployed."""

    kind: str = ROLLING
    bake: float = 0.0
    step: float = 100.0  # percent of the traffic that moves first (CANARY) or at a time (LINEAR)
    step_wait: float = 0.0
    hooks: list[Hook] = field(default_factory=list)
    alarms: tuple[str, ...] = ()
    watches: bool = False  # those alarms
    rolls_back: bool = False  # when one of them fires

    @property
    def shifts(self) -> bool:
        return self.kind in SHIFTING


@dataclass
class HookRun:
    """A hook that a deployment has come to."""

    id: str
    hook: Hook
    stage: str
    began: float
    status: str  # AWAITING_ACTION, IN_PROGRESS, SUCCEEDED, FAILED or TIMED_OUT

    @property
    def expires(self) -> float:
        return self.began + 60.0 * self.hook.minutes

    @property
    def open(self) -> bool:
        return self.status in ("AWAITING_ACTION", "IN_PROGRESS")


@dataclass
class Revision:
    """A service revision: what a deployment's tasks are made of."""

    arn: str
    definition: str
    created: float
    target_groups: list[dict[str, Any]]  # as the service names them
    resolved: list[dict[str, Any]]  # those that its tasks are really in


@dataclass
class ServiceDeployment:
    """One change of a service, from its request to its end."""

    arn: str
    created: float
    deployment: str  # the id of the deployment that DescribeServices shows for its target revision
    target: str  # ARNs of service revisions
    sources: tuple[str, ...]
    strategy: Strategy
    configuration: dict[str, Any]  # the service's deploymentConfiguration when it began
    status: str = "PENDING"
    reason: str = ""
    stage: str = ""
    entered: float = 0.0  # when it came to that stage
    started: float | None = None
    finished: float | None = None
    stopped: float | None = None
    updated: float = 0.0
    hooks: list[HookRun] = field(default_factory=list)  # of all stages, oldest first
    hooked: str = ""  # the visit of a stage for which hooks have begun
    visits: int = 0
    weight: float = 0.0  # percent of the production traffic on the target revision
    test_weight: float = 0.0
    moved: float | None = None  # when traffic moved last
    rollback: tuple[str, float, str] | None = None  # reason, time, service revision
    watched: bool = False  # whether alarms are: not if one was firing before
    triggered: tuple[str, ...] = ()
    tripped: bool = False  # the circuit breaker has
    failures: int = 0

    @property
    def ongoing(self) -> bool:
        return self.status in ONGOING

    def enter(self, stage: str, now: float) -> None:
        self.stage, self.entered, self.updated = stage, now, now
        self.visits += 1

    def close(self, status: str, now: float, reason: str = "") -> None:
        """End it."""
        self.status, self.reason, self.updated = status, reason or self.reason, now
        if status == "STOPPED":
            self.stopped = now
        self.finished = now


def read_strategy(configuration: dict[str, Any]) -> Strategy:
    """Return the strategy of a deploymentConfiguration."""
    kind, alarms = configuration.get("strategy") or ROLLING, configuration.get("alarms") or {}
    found = Strategy(
        kind=kind,
        bake=60.0 * (configuration.get("bakeTimeInMinutes") or 0),
        hooks=[_read_hook(hook) for hook in configuration.get("lifecycleHooks") or []],
        alarms=tuple(alarms.get("alarmNames", ())),
        watches=bool(alarms.get("enable")),
        rolls_back=bool(alarms.get("rollback")),
    )
    if kind == CANARY:
        given = configuration.get("canaryConfiguration") or {}
        found.step, found.step_wait = given.get("canaryPercent", 5.0), 60.0 * given.get("canaryBakeTimeInMinutes", 10)
    elif kind == LINEAR:
        given = configuration.get("linearConfiguration") or {}
        found.step, found.step_wait = given.get("stepPercent", 10.0), 60.0 * given.get("stepBakeTimeInMinutes", 6)
    return found


def _read_hook(given: dict[str, Any]) -> Hook:
    limits = given.get("timeoutConfiguration") or {}
    return Hook(
        kind=given.get("targetType") or "AWS_LAMBDA",
        stages=tuple(given.get("lifecycleStages") or ()),
        target=given.get("hookTargetArn") or "",
        minutes=limits.get("timeoutInMinutes", HOOK_MINUTES),
        action=limits.get("action", "ROLLBACK"),
    )


def read_breaker(configuration: dict[str, Any]) -> Breaker:
    """Return the circuit breaker of a deploymentConfiguration."""
    given = configuration.get("deploymentCircuitBreaker") or {}
    limit = given.get("thresholdConfiguration") or {}
    return Breaker(
        enabled=bool(given.get("enable")),
        rolls_back=bool(given.get("rollback")),
        resets=given.get("resetOnHealthyTask", True) is not False,
        kind=limit.get("type", "BOUNDED_PERCENT"),
        value=limit.get("value", 50),
    )
