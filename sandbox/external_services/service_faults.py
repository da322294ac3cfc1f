"""Faults of external services: which of them applies to a call."""

from collections.abc import Callable

from sandbox.aws.faults.model import Fault
from sandbox.aws.sim.world import World


class ServiceFaults:
    """The active faults of one world."""

    def __init__(self, world: World):
        self.world = world

    def injected(self, kind: str, scope: str, applies: Callable[[Fault], bool] = lambda fault: True) -> Fault | None:
        """Count and return an active fault of that kind and scope that has not done its `times` yet."""
        with self.world.lock:
            for fault in self.world.faults:
                here = fault.kind == kind and fault.scope in ("", scope.lower()) and applies(fault)
                if here and fault.injected < fault.fields.get("times", float("inf")):
                    fault.count()
                    return fault
        return None
