"""The writer that makes every write of a step: only under the run's lease and confirmed plan, and with the intent on record."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from include.aws.refusals import refusal_of_write
from include.errors import PreconditionError, ServiceUnavailableError
from include.run.journal import add_event, list_events, open_intents
from include.run.lease.store import ensure_lease
from include.run.start import start_writing
from include.run.stop import StandsAsideError, Stop, read_stop
from include.run.store import RunStore
from include.write import RecordedWrite, Write, read_write

SHOWN_BY = {"github": "GitHub", "terraform": "Terraform"}  # services that are not AWS's
LOOK_EVERY = 3.0  # seconds between two looks whether the emergency stop was lifted
IN_PLACE = 15.0  # seconds that a step which has written nothing keeps its worker meanwhile
SETTLING = 10.0  # seconds: right after a write AWS may still answer with the state before it

log = logging.getLogger(__name__)
T = TypeVar("T")


class FencedWriter:
    """Makes the writes of one step of a confirmed run. `owner` is `<dag_id>/<run_id>`.

    `store` keeps the run's journal. `lease_store` keeps the lease of the target if that is another target than the run's own.
    `tell_stop` is told the emergency stop for which the writer waits, and then that it was lifted. `may_stand_aside`: the step may begin
    again instead of keeping its worker.
    """

    def __init__(
        self,
        store: RunStore,
        target: str,
        owner: str,
        fencing: int,
        digest: str,
        step: str,
        lease_store: RunStore | None = None,
        *,
        tell_stop: Callable[[Stop | None], None] = lambda stop: None,
        may_stand_aside: bool = False,
    ):
        self.store = store
        self._lease_store = lease_store or store
        self.target = target
        self.owner = owner
        self.step = step
        self._fencing = fencing
        self._digest = digest
        self._started = False
        self._tell_stop = tell_stop
        self._may_stand_aside = may_stand_aside

    def check(self) -> None:
        """Refuse unless this run still holds the target. Raises: LeaseLostError."""
        ensure_lease(self._lease_store, self.target, self.owner, self._fencing, self._digest)

    def await_permission(self) -> None:
        """Wait while an emergency stop is in force, then refuse unless this run still holds the target.

        Long writes call this in between. Raises: LeaseLostError; StandsAsideError if the step has written nothing and may begin again.
        """
        if stop := read_stop(self._lease_store):
            self._stand(stop)
        self.check()

    def _stand(self, stop: Stop) -> None:
        log.warning("This run writes nothing: %s.", stop.sentence)
        self._tell_stop(stop)
        looks = 0
        while read_stop(self._lease_store):
            if self._may_stand_aside and not self._started and looks * LOOK_EVERY >= IN_PLACE:
                raise StandsAsideError(stop)
            looks += 1
            time.sleep(LOOK_EVERY)
        log.warning("The emergency stop was lifted; this run goes on.")
        self._tell_stop(None)

    def write(self, write: Write[T]) -> T:
        """Make one write: checked, logged and journalled before, its outcome journalled after.

        If an intent has no outcome, the process died in between, and `reconcile` asks the service whether the write was made.
        Raises: LeaseLostError; ApprovalError if the approval was taken back before the run's first write; RefusedError if AWS
        refuses the write, which then has done nothing.
        """
        what = write.sentence
        self.await_permission()
        self._start()
        log.info("%s", what)
        details = {"fencing": self._fencing, "digest": self._digest, "detail": write.action.detail}
        number = add_event(self.store, self.owner, self.step, "intent", what, {**details, "write": write.document()})
        details["intent"] = number
        try:
            result = write.make()
        except Exception as error:  # re-raised, in our words if it is a refusal: this only records it
            said = refusal_of_write(error) or error
            details["answered"] = _is_answered(said)
            details["refused"] = write.whole and _is_refused(said)
            add_event(self.store, self.owner, self.step, "failed", f"{what}: {said}", details)
            if said is error:
                raise
            raise said from error
        add_event(self.store, self.owner, self.step, "done", what, details)
        return result

    def _start(self) -> None:
        if not self._started:
            start_writing(self.store, self.owner)
            self._started = True

    def reconcile(self, was_applied: Callable[[RecordedWrite], bool | None]) -> None:
        """Record what became of writes whose outcome is unknown.

        `was_applied` asks the service of a write. It returns None if the service cannot tell.
        """
        unknown = open_intents(list_events(self.store, self.owner))
        if unknown:
            time.sleep(SETTLING)
        for intent in unknown:
            write = read_write(intent)
            text = f"{intent['text']}: no answer was noted; {_say(write, was_applied(write))}"
            log.info("%s", text)
            add_event(self.store, self.owner, self.step, "found", text, {"intent": intent["number"]})

    def note(self, text: str, slack: str = "") -> None:
        """Record a sentence in the journal. `slack` is what its thread shows instead, in Slack's markup."""
        log.info("%s", text)
        add_event(self.store, self.owner, self.step, "note", text, {"slack": slack} if slack else None)


def _say(write: RecordedWrite, applied: bool | None) -> str:
    if applied is None:
        return write.unknown
    shows = f"{SHOWN_BY.get(write.service, 'AWS')} shows that it was"
    return f"{shows} made" if applied else f"{shows} not made, or that it was undone since"


def _is_refused(error: Exception) -> bool:
    """Tell whether a service answered that it did nothing: for good, or because it takes no more calls for now."""
    return isinstance(error, PreconditionError) or (isinstance(error, ServiceUnavailableError) and error.wait > 0)


def _is_answered(error: Exception) -> bool:
    """Tell whether AWS, or an external service, said what it did; a lost answer or a fault of its own leaves that open."""
    if isinstance(error, ClientError):
        return bool(error.response["ResponseMetadata"].get("HTTPStatusCode", 500) < 500)
    if isinstance(error, ServiceUnavailableError):
        return error.wait > 0  # a service that limits the rate of calls did nothing
    return not isinstance(error, BotoCoreError)
