"""What every step of a runbook starts from: which run this is, what it may touch, and what its failure looks like."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRuntimeError,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from botocore.exceptions import BotoCoreError, ClientError

from include.aws.clients import Clients
from include.errors import PreconditionError, RunbookError
from include.inventory import Target, load
from include.operations.history import add_event, add_milestone, read_confirmation
from include.operations.leases import read_lease
from include.operations.permit import Permit
from include.operations.table import OperationsTable
from include.text import one_line
from include.waits.progress import Progress
from opskit.clients import clients_for, operations_table
from opskit.database import connect
from opskit.neighbours import github_repository

if TYPE_CHECKING:
    from github.Repository import Repository
    from psycopg import Connection

log = logging.getLogger(__name__)

GUARD = "confirm_plan_unchanged"
END = "end"


@dataclass(frozen=True)
class Step:
    """The running task, in the runbook's words."""

    context: Any

    @property
    def name(self) -> str:
        return str(self.context["ti"].task_id)

    @property
    def run(self) -> str:
        """`<dag_id>/<run_id>`: the owner of leases, the key of records."""
        return f"{self.context['dag_run'].dag_id}/{self.context['dag_run'].run_id}"

    @property
    def requester(self) -> str | None:
        """The user who triggered the run; None for a schedule."""
        user: str | None = self.context["dag_run"].triggering_user_name
        return user

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.context["params"])

    @property
    def reason(self) -> str:
        """Why the run was asked for: on one line, so that it cannot forge lines of a log."""
        return one_line(str(self.params["reason"]))

    @cached_property
    def target(self) -> Target:
        return load().target(self.params["target"])

    @property
    def clients(self) -> Clients:
        return clients_for(self.target.name)

    def clients_of(self, target: str) -> Clients:
        """Return the clients of another target's account."""
        return clients_for(target)

    @cached_property
    def github(self) -> Repository:
        """The target's repository on GitHub."""
        return github_repository(self.target)

    @property
    def table(self) -> OperationsTable:
        return operations_table(self.target.name)

    def database(self) -> AbstractContextManager[Connection[Any]]:
        """Connect to the target's database."""
        return connect(self.target)

    def log(self, text: str) -> None:
        """Write to the task's log."""
        log.info("%s", text)

    def tell_progress(self, progress: Progress) -> None:
        """Say how far a wait has come: in the log, and, where it is worth telling, on record."""
        log.info("progress: %s", progress.text)
        if progress.milestone:
            add_milestone(self.table, self.run, self.name, progress.milestone)

    def result_of(self, task_id: str) -> Any:
        """Return what another task of this run returned, or None."""
        return self.context["ti"].xcom_pull(task_ids=task_id)

    def proof_of(self, task_id: str) -> Any:
        """Return what a task that this one rests on has returned. Raises: PreconditionError if it left nothing."""
        found = self.result_of(task_id)
        if not found:
            raise PreconditionError(
                f"Task {task_id} left no result, so {self.name} has nothing to rest on; a task marked as success by hand proves "
                "nothing, start a new run."
            )
        return found

    def keep_end(self, end: Mapping[str, Any] | None) -> None:
        """Keep what a wait saw at its end for the steps after it."""
        if end is not None:
            self.context["ti"].xcom_push(key=END, value=dict(end))

    def end_of(self, task_id: str) -> dict[str, Any] | None:
        """Return what a wait of this run saw at its end, None if it saw nothing worth keeping."""
        found: dict[str, Any] | None = self.context["ti"].xcom_pull(task_ids=task_id, key=END)
        return found

    def passed(self, task_id: str) -> bool:
        """Whether a task of this run has succeeded in its last pass: what it returned in an earlier one may still be there."""
        run = self.context["dag_run"]
        states = self.context["ti"].get_task_states(dag_id=run.dag_id, task_ids=[task_id], run_ids=[run.run_id])
        return bool(states.get(run.run_id, {}).get(task_id) == "success")

    @cached_property
    def guard(self) -> dict[str, Any]:
        """What the guard let through: plan, digest, fencing, since. Raises: PreconditionError."""
        found: dict[str, Any] | None = self.result_of(GUARD) or read_confirmation(
            self.table, self.run
        )  # if it was cleared
        if not found:
            raise PreconditionError(
                f"Task {GUARD} left no result, so nothing was confirmed; a task marked as success by hand lets nothing "
                "through, start a new run."
            )
        return found

    @property
    def permit(self) -> Permit:
        """The permit for this step's writes. Raises: PreconditionError."""
        guard = self.guard
        return Permit(self.table, self.target.name, self.run, guard["fencing"], guard["digest"], self.name)

    def run_state(self, owner: str) -> str | None:
        """Return what Airflow says of a run, `<dag_id>/<run_id>`; None of one that was deleted."""
        dag_id, _, run_id = owner.partition("/")
        try:
            state = self.context["ti"].get_dagrun_state(dag_id=dag_id, run_id=run_id)
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
                return None
            raise
        return str(getattr(state, "value", state)) if state else None

    @property
    def has_begun(self) -> bool:
        """Whether this run got past its guard, so that it may have changed something, and still has the lease."""
        lease = read_lease(self.table, self.target.name)
        confirmed = self.result_of(GUARD) or read_confirmation(self.table, self.run)
        return bool(confirmed) and lease.owner == self.run and lease.confirmed_plan is not None

    def skip_unless_begun(self) -> None:
        """Skip the task if this run never got past its guard: it has changed nothing, so there is nothing to put right."""
        if not self.has_begun:
            raise AirflowSkipException("This run changed nothing.")


@contextmanager
def step() -> Iterator[Step]:
    """Run a step's body; a RunbookError is journalled and fails the task at once, anything else may be retried."""
    here = Step(get_current_context())
    try:
        yield here
    except RunbookError as error:
        fail(here, error)


def fail(here: Step, error: RunbookError) -> None:
    """Fail the task without a retry and journal the failure, except of a run that only plans, which writes nothing at all."""
    _journal(here, error)
    raise AirflowFailException(str(error)) from error


def note_failure(context: Any) -> None:
    """Callback of every task: journal what no step foresaw, such as a sensor that ran out of time, once no retry is left."""
    here, error = Step(context), context.get("exception")
    if isinstance(error, AirflowSensorTimeout):
        _journal(here, RunbookError(f"{here.name} ran out of time: {error}"))
    elif error is not None and not isinstance(error, AirflowFailException):  # that one is journalled already
        _journal(here, RunbookError(f"{here.name} gave up after its last retry: {type(error).__name__}: {error}"))


def _journal(here: Step, error: RunbookError) -> None:
    if here.params.get("plan_only"):
        return
    try:
        add_event(here.table, here.run, here.name, "failed", str(error), {"error": type(error).__name__})
    except (RunbookError, BotoCoreError, ClientError) as second:  # it may be the very reason of the failure
        log.warning("The failure could not be journalled: %s", second)
