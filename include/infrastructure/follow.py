"""An apply that goes on, wherever it runs: followed to its end, with every line of it on record."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import ApplyFailedError, BeginsAgainError, PreconditionError, StoppedHalfwayError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.durations import keep_durations
from include.infrastructure.state import find_lock, read_target_state
from include.run import terraform_documents as documents
from include.run.stop import read_stop
from include.terraform import process
from include.terraform.errors import AccessLogsRefusedError, explain_apply
from include.terraform.events import (
    ChangeSummary,
    Diagnostic,
    Event,
    Operation,
    Provision,
    Refresh,
    read_event,
    read_events,
)
from include.terraform.process import Started
from include.terraform.progress import Progress
from include.terraform.workdir import run_folder
from include.text import joined
from include.waiters.progress import Progress as Told

log = logging.getLogger(__name__)

ON_RECORD = ("apply_start", "apply_complete", "apply_errored", "diagnostic")
VALIDATION = "aws_acm_certificate_validation"  # which is there once the certificate is issued
ENDS = ("apply_complete", "apply_errored")
RENEWAL = timedelta(minutes=5)  # between two looks at the credentials, or half of the time that they still last
AGAIN = timedelta(seconds=15)  # until credentials are asked for again that could not be had
TELLING = timedelta(seconds=30)  # between two lines about what is running
RETURN = timedelta(minutes=5)  # within which a worker that was killed is back, and gets the step
ELSEWHERE = timedelta(hours=2)  # how long the Terraform of a worker that is gone may hold its lock
SIGNALLED = 128  # a shell's exit code for a command that a signal ended is greater
HEEDING = timedelta(seconds=3)  # between two looks whether an emergency stop is in force
PROCESS, CODE = "process", "code"  # folders of a run


@dataclass(frozen=True)
class End:
    """How an apply ended. `code` is None if Terraform was killed, or its end is not known."""

    code: int | None
    text: str
    changed: bool = True  # whether it may have changed anything
    passes: bool = False  # whether what has stopped it usually passes by itself


class LeftToItsWorkerError(BeginsAgainError):
    """Only the worker that has started Terraform knows more of it, and may get the step when it begins again."""


def host() -> str:
    """Return the name of this worker, as Terraform writes it into its locks."""
    return os.uname().nodename


def has_begun(ctx: InfrastructureContext) -> bool:
    """Tell whether an attempt of this run may have started Terraform. An attempt that died just before left a folder and no process.

    If the folder is gone, so is the machine that it was on, although one of the same name has taken its place.
    """
    begun = ctx.store.get(*documents.apply(ctx.apply_id))
    if begun is None:
        return False
    folder = run_folder(ctx.apply_id)
    return begun["host"] != host() or not (folder / CODE).exists() or process.find_started(folder / PROCESS) is not None


def follow(ctx: InfrastructureContext, operations: int = 0) -> End:
    """Follow the apply of this run to its end, wherever it runs, and return how it ended."""
    if (end := ctx.store.get(*documents.apply_end(ctx.apply_id))) is not None:
        return End(end["code"], end["text"], end["changed"], end.get("passes", False))
    begun = ctx.store.get(*documents.apply(ctx.apply_id))
    assert begun  # otherwise there is nothing to follow
    started = process.find_started(run_folder(ctx.apply_id) / PROCESS) if begun["host"] == host() else None
    if started:
        return follow_here(ctx, started, operations)
    return _follow_elsewhere(ctx, begun["host"])


def follow_here(ctx: InfrastructureContext, started: Started, operations: int) -> End:
    """Put every line of a process on this worker on record, keep its credentials alive, and put its end on record."""
    record = _Record(ctx, Progress(operations), started)
    for number, line in enumerate(started.lines(alive=record.look), 1):
        record.take(number, line)
    keep_durations(ctx, record.progress.done)
    code = started.exit_code
    if code is None or code > SIGNALLED:
        return _keep_end(ctx, End(None, f"Terraform was killed on {host()} ({record.progress.text()})"))
    if code == 0:
        return _keep_end(ctx, End(0, record.summary or record.progress.text()))
    error = explain_apply([*record.said, *read_events(started.messages)])
    changed, passes = isinstance(error, StoppedHalfwayError), isinstance(error, AccessLogsRefusedError)
    return _keep_end(ctx, End(code, str(error), changed, passes))


class _Record:
    """What is kept of an apply while it runs."""

    def __init__(self, ctx: InfrastructureContext, progress: Progress, started: Started):
        self.ctx = ctx
        self.progress = progress
        self._started = started
        self._interrupted = False
        self.summary = ""
        self.said: list[Event] = []  # what explains a failure
        self._lock_known = False
        self._said_records = ""
        self._told = self._heeded = datetime.now(UTC)
        self._renewed_until = self._told  # whoever follows an apply renews at once: nobody may have done it for long

    def take(self, number: int, line: str) -> None:
        """Put a line on record, if it says what was made or why not."""
        if (event := read_event(line)) is None:
            return
        self.progress.add([event])
        if isinstance(event, ChangeSummary) and event.operation != "plan":
            self.summary = f"{event.add} added, {event.change} changed, {event.remove} destroyed"
        if not isinstance(event, Refresh | Provision):
            self.said.append(event)
        if event.type in ON_RECORD:
            self.ctx.store.add(*documents.apply_line(self.ctx.apply_id, number), _document(event))
        if isinstance(event, Operation):
            self._keep_lock()
        if event.type in ENDS:
            self._tell()

    def look(self) -> None:
        """Renew the credentials, tell what is running, and heed an emergency stop, when it is time."""
        now = datetime.now(UTC)
        if not self._interrupted and now - self._heeded > HEEDING:
            self._heeded = now
            self._heed_stop()
        if now >= self._renewed_until:
            self._renewed_until = now + self._renew(now)
        if now - self._told > TELLING:
            self._tell()

    def _heed_stop(self) -> None:
        try:
            stop = read_stop(self.ctx.store)
        except (BotoCoreError, ClientError) as error:  # a look that fails ends no apply; the next one is soon
            log.warning("Whether an emergency stop is in force is not known: %s", error)
            return
        if stop:
            self._interrupted = True
            self.ctx.writer.note(
                f"{stop.sentence}; Terraform is asked to end after what it is doing, to write its state and to release its lock"
            )
            self._started.interrupt()

    def _renew(self, now: datetime) -> timedelta:
        """Renew the credentials of the process, and return until when that is enough. A failure stops nobody while old ones may last."""
        access = self.ctx.clients.access
        assert access  # of every connection
        try:
            expires = access.renew(run_folder(self.ctx.apply_id) / CODE)
        except (PreconditionError, BotoCoreError, ClientError) as error:
            log.warning("The credentials of Terraform could not be renewed, and are asked for again soon: %s", error)
            return AGAIN
        return min(RENEWAL, (expires - now) / 2) if expires else RENEWAL

    def _tell(self) -> None:
        self._told = datetime.now(UTC)
        self.ctx.tell_progress(Told(False, joined([self.progress.text(self._told), *self._requested()])))

    def _requested(self) -> list[str]:
        """Return the DNS records that a certificate is waiting for, if Terraform waits for one. They are put on record once."""
        if not any(each.resource_type == VALIDATION for each in self.progress.running):
            return []
        state = read_target_state(self.ctx)  # Terraform writes it every 20 seconds while it waits
        if not state or not state.requested:
            return []
        said = f"ACM waits for these DNS records: {', '.join(state.requested)}"
        if said != self._said_records:
            self._said_records = said
            self.ctx.writer.note(f"{said}; create those that the code does not create")
        return [said]

    def _keep_lock(self) -> None:
        """Put the id of our own lock on record: while our Terraform changes something, no other can hold it.

        Before that the lock may be somebody else's, of which our Terraform complains.
        """
        if not self._lock_known and (lock := find_lock(self.ctx)):
            document: documents.LockDocument = {"id": lock.id}
            self.ctx.store.add(*documents.apply_lock(self.ctx.apply_id), document)
            self._lock_known = True


def _document(event: Event) -> documents.LineDocument:
    """Return what is kept of a line: neither a value nor the detail of an error, which may hold one."""
    kept: documents.LineDocument = {"kind": event.type, "address": "", "action": ""}
    if isinstance(event, Operation):
        kept["address"], kept["action"] = event.address, event.action
        if event.id_value:
            kept["id_key"], kept["id_value"] = event.id_key, event.id_value
    elif isinstance(event, Diagnostic):
        kept["address"], kept["text"] = event.address, event.summary
    return kept


def leave_to(ctx: InfrastructureContext, where: str) -> timedelta:
    """Leave the step to the worker that has started Terraform, if it may still come back. Return how long it has been away.

    It alone can see Terraform's process, its output and its folder. Raises: LeftToItsWorkerError.
    """
    now = datetime.now(UTC)
    begun: documents.ApplyLeftDocument = {"since": now.isoformat()}
    ctx.store.add(*documents.apply_left(ctx.apply_id), begun)
    kept = ctx.store.get(*documents.apply_left(ctx.apply_id))
    assert kept  # it was added just now, or before
    waited = now - datetime.fromisoformat(kept["since"])
    if where != host() and waited < RETURN:
        _leave(ctx, f"Terraform was started on worker {where}, to which this step is left")
    return waited


def _leave(ctx: InfrastructureContext, text: str) -> NoReturn:
    ctx.tell_progress(Told(False, text, text))
    raise LeftToItsWorkerError(text)


def _follow_elsewhere(ctx: InfrastructureContext, where: str) -> End:
    """Return how the Terraform of a worker that does not come back has ended. Its output is there; the state says the rest.

    Raises: LeftToItsWorkerError while it may come back, and while its Terraform holds the lock; ApplyFailedError if that is held for
    too long: nobody here can tell whether its process still lives.
    """
    waited = leave_to(ctx, where)
    if lock := find_lock(ctx):
        said = (
            f"Terraform was started on worker {where}, which does not follow it any more, and its state is locked by {lock}. Look there "
            f"whether it runs; once it is gone for sure, run 'terraform force-unlock {lock.id}'"
        )
        if waited > ELSEWHERE:
            raise ApplyFailedError(f"{said}, then start a new run.")
        _leave(ctx, said)
    return _keep_end(ctx, End(None, f"Terraform ran on worker {where}, which is gone; how it ended is not known there"))


def _keep_end(ctx: InfrastructureContext, end: End) -> End:
    """Put the end on record. The first record stands."""
    at = datetime.now(UTC).isoformat()
    kept: documents.ApplyEndDocument = {
        "at": at,
        "code": end.code,
        "text": end.text,
        "changed": end.changed,
        "passes": end.passes,
    }
    ctx.store.add(*documents.apply_end(ctx.apply_id), kept)
    return end
