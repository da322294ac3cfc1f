"""What faults do to the neighbours: which of them strikes a call, counted."""

import socket
from collections.abc import Callable
from typing import Any

from sandbox.aws.faults.model import Fault
from sandbox.aws.sim.world import World


class Breaking:
    """Looks for the active faults of one world."""

    def __init__(self, world: World):
        self.world = world

    def injected(self, kind: str, scope: str, strikes: Callable[[Fault], bool] = lambda fault: True) -> Fault | None:
        """Count and return an active fault of that kind and scope that has not done its `times` yet."""
        with self.world.lock:
            for fault in self.world.faults:
                here = fault.kind == kind and fault.scope in ("", scope.lower()) and strikes(fault)
                if here and fault.injected < fault.fields.get("times", float("inf")):
                    fault.count()
                    return fault
        return None


def hang_up(environ: dict[str, Any]) -> None:
    """Close the connection without an answer. Raises: ConnectionResetError, which ends the request."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("a neighbour hung up")  # which the server takes for a client that went away
