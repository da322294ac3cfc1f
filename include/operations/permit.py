"""The permit a step needs for every write: the lease still ours, the plan confirmed, the intent on record."""

import logging
from collections.abc import Callable
from typing import TypeVar

from include.operations.history import add_event
from include.operations.leases import ensure_lease
from include.operations.table import OperationsTable

log = logging.getLogger(__name__)
T = TypeVar("T")


class Permit:
    """What a confirmed run may show for itself. `owner` is `<dag_id>/<run_id>`."""

    def __init__(self, table: OperationsTable, target: str, owner: str, fencing: int, digest: str, step: str):
        self.table = table
        self.target = target
        self.owner = owner
        self.step = step
        self._fencing = fencing
        self._digest = digest

    def check(self) -> None:
        """Refuse unless this run still holds the target. Raises: LeaseLostError."""
        ensure_lease(self.table, self.target, self.owner, self._fencing, self._digest)

    def write(self, what: str, call: Callable[[], T]) -> T:
        """Make one write: checked, logged and journalled before, its outcome journalled after.

        An intent with no outcome after it means the process died in between: AWS has to be asked which it was.
        """
        self.check()
        log.info("%s", what)
        details = {"fencing": self._fencing, "digest": self._digest}
        add_event(self.table, self.owner, self.step, "intent", what, details)
        try:
            result = call()
        except Exception as error:  # re-raised: only noted here
            add_event(self.table, self.owner, self.step, "failed", f"{what}: {error}", details)
            raise
        add_event(self.table, self.owner, self.step, "done", what, details)
        return result

    def note(self, text: str) -> None:
        """Put a sentence on record."""
        log.info("%s", text)
        add_event(self.table, self.owner, self.step, "note", text)
