"""The context passed to every step: which run this is, and what it may touch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import BotoCoreError, ClientError

from include.aws.clients import Clients
from include.errors import PreconditionError, RunbookError
from include.inventory import Target, Unattended, load
from include.run.approval import find_unattended
from include.run.journal import add_milestone, read_confirmation
from include.run.lease.store import read_lease
from include.run.start import read_withdrawal
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.text import one_line
from include.waiters.progress import Progress
from opskit.connections.aws import clients_for, run_store
from opskit.connections.external_services import github_repository, infrastructure_repository, review_apps_page
from opskit.connections.postgres import connect
from opskit.connections.review_databases import connect_to_server
from opskit.frame import frame_of
from opskit.log_lines import tell
from opskit.params import filled
from opskit.step_definition import StepDefinition
from opskit.writing import make_writer

if TYPE_CHECKING:
    from github.Repository import Repository
    from psycopg import Connection

log = logging.getLogger(__name__)

CONFIRM = "confirm_plan_unchanged"  # the id of this task is the same in every runbook
END = "end"


@dataclass(frozen=True)
class StepContext:
    """The context of the running task, in the runbook's terms."""

    context: Any
    part: str = ""  # which of several applies of Terraform the step is about
    may_stand_aside: bool = True  # the step's body may be run again from its beginning

    @property
    def name(self) -> str:
        return str(self.context["ti"].task_id)

    @property
    def run(self) -> str:
        """The owner of leases and the key of records: `<dag_id>/<run_id>`."""
        return f"{self.context['dag_run'].dag_id}/{self.context['dag_run'].run_id}"

    @property
    def apply_id(self) -> str:
        """The owner of an apply of Terraform: the run, or `<run>#<part>` where a run makes several."""
        return f"{self.run}#{self.part}" if self.part else self.run

    @property
    def dag_id(self) -> str:
        return str(self.context["dag_run"].dag_id)

    @property
    def unattended(self) -> Unattended | None:
        """The inventory's rule by which no person approves this run, or None. Raises: PreconditionError."""
        return find_unattended(self.target.environment, self.target.name, self.dag_id, frame_of(self.dag_id).risk)

    @property
    def requester(self) -> str | None:
        """The user who triggered the run, or None for a schedule."""
        return self.context["dag_run"].triggering_user_name or None

    @property
    def params(self) -> dict[str, Any]:
        return filled(self.context["params"])

    @property
    def reason(self) -> str:
        """The reason for the run, on one line, so that it cannot forge lines of a log."""
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

    @cached_property
    def infrastructure(self) -> Repository:
        """The repository of the target's Terraform code."""
        return infrastructure_repository(self.target)

    @property
    def store(self) -> RunStore:
        return run_store(self.target.name)

    def store_of(self, target: str) -> RunStore:
        """Return the store that keeps another target's lease."""
        return run_store(target)

    def database(self) -> AbstractContextManager[Connection[Any]]:
        """Connect to the target's database."""
        return connect(self.target)

    def database_server(self, database: str = "") -> AbstractContextManager[Connection[Any]]:
        """Connect to the server of a review app's database, to that one or to the connection's own."""
        return connect_to_server(self.target, database)

    def proof_base(self) -> str:
        return review_apps_page(self.target)

    def log(self, text: str) -> None:
        """Write to the task's log."""
        log.info("%s", text)

    def tell_progress(self, progress: Progress) -> None:
        """Report how far a wait has come: in the log, and on record if the progress is noteworthy."""
        tell(log, f"progress: {progress.text}")
        self.keep_milestone(progress.milestone)

    def keep_milestone(self, text: str) -> None:
        """Put noteworthy progress on record. What a wait has found does not depend on that."""
        try:
            if text:
                add_milestone(self.store, self.run, self.name, text)
        except (RunbookError, BotoCoreError, ClientError) as error:
            log.warning("The progress was not put on record: %s", error)

    @property
    def planned(self) -> dict[str, Any]:
        """The plan that people were asked to approve, or nothing while the run has none."""
        return dict((self._xcom(frame_of(self.dag_id).plan) or {}).get("plan") or {})

    @property
    def waiting_since(self) -> datetime | None:
        """The time of a wait's first look, or None during the first one."""
        found: datetime | None = self.context["ti"].get_first_reschedule_date(self.context)
        return found

    def task_of(self, step: StepDefinition, *, first: bool = False) -> str:
        """Return the id of the task that a step became in this runbook: of several, the nearest to this task, or the first."""
        return step.task_ids(self.dag_id)[0] if first else step.task_id(self.dag_id, seen_from=self.name)

    def result_of(self, step: StepDefinition, *, first: bool = False) -> Any:
        """Return what another step of this run returned, or None if it returned nothing or is not part of this runbook."""
        if not step.is_part_of(self.dag_id):
            return None
        return self._xcom(self.task_of(step, first=first))

    def results_of(self, step: StepDefinition) -> list[Any]:
        """Return every result of a step that stands several times in this runbook."""
        return [found for task_id in step.task_ids(self.dag_id) if (found := self._xcom(task_id))]

    def proof_of(self, step: StepDefinition) -> Any:
        """Return the result of a step that this one depends on. Raises: PreconditionError if there is none."""
        found = self.result_of(step)
        if not found:
            raise PreconditionError(
                f"Task {self.task_of(step)} left no result, so {self.name} has nothing to rest on; a task marked as success by hand "
                "proves nothing, start a new run."
            )
        return found

    def keep_end(self, end: Mapping[str, Any] | None) -> None:
        """Store what a wait saw at its end for the steps after it."""
        if end is not None:
            self.context["ti"].xcom_push(key=END, value=dict(end))

    def end_of(self, step: StepDefinition) -> dict[str, Any] | None:
        """Return what a wait of this run saw at its end, or None if nothing was stored."""
        found: dict[str, Any] | None = self.context["ti"].xcom_pull(task_ids=self.task_of(step), key=END)
        return found

    def passed(self, step: StepDefinition, *, first: bool = False) -> bool:
        """Tell whether a step of this run has succeeded in its last pass. The result of an earlier pass may still exist."""
        run, task_id = self.context["dag_run"], self.task_of(step, first=first)
        states = self.context["ti"].get_task_states(dag_id=run.dag_id, task_ids=[task_id], run_ids=[run.run_id])
        return bool(states.get(run.run_id, {}).get(task_id) == "success")

    def _xcom(self, task_id: str) -> Any:
        return self.context["ti"].xcom_pull(task_ids=task_id)

    @cached_property
    def guard(self) -> dict[str, Any]:
        """What the confirm task accepted: plan, digest, fencing, since. Raises: PreconditionError."""
        found: dict[str, Any] | None = self._xcom(CONFIRM) or read_confirmation(
            self.store, self.run
        )  # after the task was cleared
        if not found:
            raise PreconditionError(
                f"Task {CONFIRM} left no result, so nothing was confirmed; a task marked as success by hand lets nothing "
                "through, start a new run."
            )
        return found

    @cached_property
    def writer(self) -> FencedWriter:
        """The writer for this step. Raises: PreconditionError."""
        return make_writer(self, self.target.name, self.guard["fencing"])

    def writer_of(self, target: str) -> FencedWriter:
        """Return the writer for another target that the run has leased. Raises: PreconditionError if it has not."""
        guard = self.guard
        if target not in guard["leases"]:
            raise PreconditionError(f"This run has not leased {target}, so it must not write to it.")
        return make_writer(self, target, guard["leases"][target], self.store_of(target))

    @property
    def has_begun(self) -> bool:
        """Tell whether this run passed its confirm task, so that it may have changed something, and still holds the lease."""
        lease = read_lease(self.store, self.target.name)
        confirmed = self._xcom(CONFIRM) or read_confirmation(self.store, self.run)
        held = lease.owner == self.run and lease.confirmed_plan is not None
        return bool(confirmed) and held and read_withdrawal(self.store, self.run) is None

    def skip_unless_begun(self) -> None:
        """Skip the task if this run never passed its confirm task: it has changed nothing, so nothing needs to be put right.

        A run that never got its lease skips it although AWS does not answer, so that it does not ask for minutes what Airflow knows.
        """
        try:
            begun = self.has_begun
        except (BotoCoreError, ClientError) as error:
            if self._xcom(frame_of(self.dag_id).lock):
                raise
            log.warning("The lease could not be read (%s). This run never got it.", error)
            begun = False
        if not begun:
            raise AirflowSkipException("This run changed nothing.")
