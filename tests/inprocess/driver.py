"""A runbook's own DAG, walked task by task in this process as Airflow would: its rules, its retries, its waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.sdk.execution_time.context import set_current_context

from include.errors import RunbookError
from include.waiter_registry import run_waiter
from tests.inprocess.cloud import Cloud, Killed

DONE = ("success", "failed", "skipped", "upstream_failed")
LOOK = 300.0  # simulated seconds between two looks of a wait: every look is like the one before


class Asked(Exception):  # noqa: N818  # no error: the task waits for a person
    """A person is asked; Airflow would park the task."""


class StuckError(AssertionError):
    """A run does not come to an end."""


@dataclass
class Orchestrator:
    """All runs there are, and who is asked how they are."""

    cloud: Cloud
    dag: Any
    runs: dict[str, Run] = field(default_factory=dict)

    def trigger(self, target: str, requester: str | None = "operator", **conf: Any) -> Run:
        run_id = f"manual-{len(self.runs) + 1}"
        run = Run(self, run_id, {"target": target, "reason": "a run in process", "plan_only": False, **conf}, requester)
        self.runs[run_id] = run
        return run

    def state_of(self, dag_id: str, run_id: str) -> str | None:
        run = self.runs.get(run_id) if dag_id == self.dag.dag_id else None
        return run.state if run else None


@dataclass
class Run:
    """One run; `step` does one thing: a try of a task, or one look of a wait."""

    airflow: Orchestrator
    run_id: str
    params: dict[str, Any]
    requester: str | None
    states: dict[str, str] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    waiting: str | None = None  # the task a person is asked by
    current: str = ""  # the task that is at work, or was last
    killed: int = 0
    marked: str | None = None  # by hand
    _deferred: Any = None  # trigger and method of the task that waits for AWS

    @property
    def owner(self) -> str:
        return f"{self.airflow.dag.dag_id}/{self.run_id}"

    @property
    def state(self) -> str:
        if not self.over:
            return "running"  # also while the teardowns of a run that was marked as failed go on
        return self.marked or ("success" if self.states["record_restart"] == "success" else "failed")

    @property
    def over(self) -> bool:
        return "record_restart" in self.states

    def to_end(self, approve: tuple[tuple[str, str], ...] = (("Approve", "approver"),)) -> str:
        """Go on until the run is over, the answers given in turn; returns its state."""
        answers = list(approve)
        for _ in range(2000):
            if self.over:
                return self.state
            if self.waiting:
                chosen, by = answers.pop(0) if answers else ("Leave everything as it is", "operator")
                self.answer(chosen, by)
            elif not self.step():
                self.airflow.cloud.advance(LOOK)
        raise StuckError(f"{self.owner} does not end: {self.states}")

    def step(self) -> bool:
        """Do one thing; False if nothing can be done before time has passed or somebody has answered."""
        task = self._next()
        if task is None or self.waiting:
            return False
        verdict = self._verdict(task)
        if verdict != "run":
            self.states[task.task_id] = verdict
            return True
        if self._deferred:
            return self._look(task)
        return self._attempt(task, lambda context: _execute(task, context))

    def answer(self, chosen: str, by: str | None, *, timeout: bool = False) -> None:
        """Answer the waiting task as a person, or as the time-out."""
        task = self.airflow.dag.get_task(self.waiting)
        self.waiting = None
        event: dict[str, Any] = {
            "chosen_options": [chosen],
            "params_input": {},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": by, "name": by} if by else None,
        }
        if timeout:
            event = {"error": "timed out", "error_type": "timeout"}
        self._attempt(task, lambda context: task.execute_complete(context, event))

    def answer_again(self, task_id: str, chosen: str, by: str | None) -> None:
        """Bring an answer to a task that is not waiting: late, or a second one that won Airflow's race with the first."""
        kept = dict(self.states), dict(self.results), self.waiting, self._deferred
        self.waiting = task_id
        self.answer(chosen, by)
        self.states, self.results, self.waiting, self._deferred = kept

    def mark_failed(self) -> None:
        """Mark the run as failed by hand: what has not ended is skipped but for the teardowns."""
        if self.over:
            return
        self.marked, self.waiting, self._deferred = "failed", None, None
        for task in self.airflow.dag.topological_sort():
            if not task.is_teardown:
                self.states.setdefault(task.task_id, "skipped")

    def clear(self, *tasks: str) -> None:
        """Have tasks run again, and the end of the run with them."""
        self.waiting, self._deferred, self.marked = None, None, None
        for each in tasks:
            for kept in (self.states, self.results, self.tries):
                kept.pop(each, None)

    def _next(self) -> Any:
        return next((each for each in self.airflow.dag.topological_sort() if each.task_id not in self.states), None)

    def _verdict(self, task: Any) -> str:
        """Return "run", or the state a task gets by its trigger rule without being run."""
        above = [self.states[name] for name in task.upstream_task_ids]
        bad = any(each in ("failed", "upstream_failed") for each in above)
        match str(getattr(task.trigger_rule, "value", task.trigger_rule)):
            case "all_done_setup_success":
                setups = [each for each in task.upstream_task_ids if self.airflow.dag.get_task(each).is_setup]
                ended = [self.states[each] for each in setups]
                if "failed" in ended or "upstream_failed" in ended:
                    return "upstream_failed"
                return "skipped" if "skipped" in ended else "run"
            case "one_failed":
                return "run" if bad else "skipped"
            case "none_failed_min_one_success":
                return "upstream_failed" if bad else "run" if "success" in above else "skipped"
            case "all_success":
                return "upstream_failed" if bad else "skipped" if "skipped" in above else "run"
            case other:
                raise NotImplementedError(f"trigger rule {other} of {task.task_id}")

    def _attempt(self, task: Any, execute: Callable[[Any], Any]) -> bool:
        self.current = name = task.task_id
        context = self._context(task)
        try:
            with set_current_context(context):
                result = execute(context)
        except TaskDeferred as waits:
            self._deferred = (waits.trigger, waits.method_name)
            return True
        except Asked:
            self.waiting = name
            return True
        except AirflowSkipException:
            self.states[name] = "skipped"
            return True
        except AirflowFailException as error:
            self.states[name], self.errors[name] = "failed", str(error)
            return True
        except (Killed, Exception) as error:  # the process is gone, or its task failed: tried again if it may be
            self._deferred = None
            self.killed += isinstance(error, Killed)
            self.tries[name] = self.tries.get(name, 0) + 1
            self.errors[name] = repr(error)
            if self.tries[name] > task.retries:
                self.states[name] = "failed"
            self.airflow.cloud.advance(task.retry_delay.total_seconds())
            return True
        if isinstance(result, PokeReturnValue):
            if not result.is_done:
                return False
            result = result.xcom_value
        self._deferred = None
        self.states[name], self.results[name] = "success", result
        self._skip_others(task, result)
        return True

    def _skip_others(self, task: Any, result: Any) -> None:
        if "Branch" in type(task).__name__:
            for other in task.downstream_task_ids - {result}:
                self.states[other] = "skipped"
        elif "ShortCircuit" in type(task).__name__ and not result:
            for other in task.get_flat_relatives(upstream=False):
                if not other.is_teardown:
                    self.states[other.task_id] = "skipped"

    def _look(self, task: Any) -> bool:
        trigger, method = self._deferred
        try:
            progress = run_waiter(trigger.watch, self.airflow.cloud.clients(self.params["target"]), trigger.arguments)
        except Killed:  # the triggerer: another one begins the wait again
            self.killed += 1
            return True
        except RunbookError as error:
            event = {"status": "failed", "text": f"{type(error).__name__}: {error}"}
        else:
            if not progress.done:
                return False
            event = {"status": "done", "text": progress.text}
        self._deferred = None
        return self._attempt(task, lambda context: getattr(task, method)(context, event))

    def _context(self, task: Any) -> Any:
        instance = SimpleNamespace(
            task_id=task.task_id,
            try_number=self.tries.get(task.task_id, 0) + 1,
            xcom_pull=lambda task_ids: self.results.get(task_ids),
            get_dagrun_state=self.airflow.state_of,
        )
        run = SimpleNamespace(
            dag_id=self.airflow.dag.dag_id,
            run_id=self.run_id,
            triggering_user_name=self.requester,
            start_date=datetime.now(UTC),
            conf=self.params,
        )
        return {"ti": instance, "dag_run": run, "params": self.params, "dag": self.airflow.dag, "task": task}


def _execute(task: Any, context: Any) -> Any:
    if hasattr(task, "python_callable"):
        return task.python_callable(*task.op_args, **task.op_kwargs)
    return task.execute(context)


def ask_a_person(self: HITLOperator, context: Any) -> Any:
    """Stand in for Airflow's part of a question, which needs its database."""
    raise Asked(self.subject)
