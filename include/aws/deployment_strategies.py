"""Amazon ECS: how a service is deployed, and how long ECS is told to wait meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from include.deployment_stages import SHIFTING, STAGES

BEFORE_A_STEP = "PRE_PRODUCTION_TRAFFIC_SHIFT"  # comes again before each step of the traffic
PAUSE_MINUTES = 1440  # a pause's time-out unless its configuration sets another


@dataclass(frozen=True)
class Strategy:
    """A service's deploymentConfiguration. Times are in seconds."""

    kind: str = "ROLLING"
    bake: int = 0  # how long ECS watches at the end; in a shift of traffic, the old tasks stay meanwhile
    steps: int = 1  # in which the traffic moves
    step_bake: int = 0  # between two of them
    pauses: tuple[
        tuple[str, int], ...
    ] = ()  # stages at which a person has to let it go on, and how long ECS waits there

    @property
    def shifts(self) -> bool:
        """Whether new tasks start beside all the old ones, and the traffic moves from these to those."""
        return self.kind in SHIFTING

    @property
    def usual_seconds(self) -> int:
        """What ECS waits in a deployment if nobody keeps a pause waiting."""
        return self.bake + (self.steps - 1) * self.step_bake

    @property
    def longest_seconds(self) -> int:
        """What ECS waits at most."""
        return self.seconds_until("CLEAN_UP")

    def seconds_until(self, stage: str) -> int:
        """Return what ECS waits at most until the end of a stage. One that is not known counts as the last."""
        place = STAGES.index(stage) if stage in STAGES else len(STAGES)
        waits = (self.steps - 1) * self.step_bake if place >= STAGES.index(BEFORE_A_STEP) else 0
        waits += self.bake if place >= STAGES.index("BAKE_TIME") else 0
        for at, seconds in self.pauses:
            if at in STAGES and STAGES.index(at) <= place:
                waits += seconds * (self.steps if at == BEFORE_A_STEP else 1)
        return waits

    def __str__(self) -> str:
        known = {"BLUE_GREEN": "blue/green", "CANARY": "canary", "LINEAR": "linear"}
        said = [known.get(self.kind, "a rolling update")]
        if self.steps > 1:
            said.append(f"{self.steps} steps of {self.step_bake / 60:g} min")
        if self.bake:
            said.append(f"{self.bake / 60:g} min of bake")
        said += [
            f"a pause at {stage} of up to {seconds / 60:g} min, until somebody continues it"
            for stage, seconds in self.pauses
        ]
        return ", ".join(said)


ROLLING = Strategy()


def read_strategy(configuration: Any) -> Strategy:
    """Return the strategy of a deploymentConfiguration as AWS describes it."""
    kind = configuration.get("strategy", "ROLLING")
    steps, wait = 1, 0
    if kind == "CANARY":
        given = configuration.get("canaryConfiguration", {})
        steps, wait = 2, given.get("canaryBakeTimeInMinutes", 10)
    elif kind == "LINEAR":
        given = configuration.get("linearConfiguration", {})
        steps, wait = math.ceil(100 / given.get("stepPercent", 10.0)), given.get("stepBakeTimeInMinutes", 6)
    pauses = [
        (stage, 60 * hook.get("timeoutConfiguration", {}).get("timeoutInMinutes", PAUSE_MINUTES))
        for hook in configuration.get("lifecycleHooks", [])
        if hook.get("targetType") == "PAUSE"
        for stage in hook.get("lifecycleStages", [])
    ]
    return Strategy(kind, 60 * configuration.get("bakeTimeInMinutes", 0), steps, 60 * wait, tuple(pauses))


def read_alternate_groups(service: Any) -> dict[str, str]:
    """Return the target groups that a service's own ones swap with in each shift of traffic, as AWS describes the service."""
    found = {}
    for balancer in service.get("loadBalancers", []):
        other = balancer.get("advancedConfiguration", {}).get("alternateTargetGroupArn")
        if other and "targetGroupArn" in balancer:
            found[balancer["targetGroupArn"]] = other
    return found
