"""A runbook's own DAG, run in this process by Airflow itself: its trigger rules, its task runner, its questions to people.

Airflow's code decides whether a task may run (`TriggerRuleDep`), how an attempt ends (`task_runner.run`) and how a run ends
(`DagRun`). This module does what Airflow does between processes: it stores states and results, answers a task's requests,
polls for deferred tasks, and passes on people's answers. There is no database, so that a run can be forked.
"""

from __future__ import annotations

import logging
import pkgutil
import signal
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import structlog
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.sdk.api.datamodels import _generated as api
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.serde import deserialize, serialize
from airflow.serialization.serialized_objects import DagSerialization
from airflow.ti_deps.dep_context import DepContext
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep

from include.errors import RunbookError
from include.waiter_registry import run_waiter
from tests.inprocess.cloud import Cloud, Killed

DAGS = Path(__file__).resolve().parents[2] / "dags"
DONE = ("success", "failed", "skipped", "upstream_failed")
BAD = ("failed", "upstream_failed")
LOOK = 300.0  # simulated seconds between two looks of a wait: every look is like the one before
SILENT = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class StuckError(AssertionError):
    """A run does not end."""


def dag_of(name: str) -> Any:
    """Return a DAG by its name, as it is read from its file."""
    return DagBag(dag_folder=DAGS / f"{name}.py").dags[name]


@dataclass
class Orchestrator:
    """All runs of a DAG, and the people who are asked."""

    cloud: Cloud
    dag: Any
    runs: dict[str, Run] = field(default_factory=dict)

    @cached_property
    def scheduled(self) -> Any:
        """The DAG as the scheduler sees it."""
        return DagSerialization.from_dict(DagSerialization.to_dict(self.dag))

    @cached_property
    def order(self) -> list[str]:
        """The tasks, each after those that it depends on."""
        return [each.task_id for each in self.dag.topological_sort()]

    def trigger(self, target: str, requester: str | None = "operator", **conf: Any) -> Run:
        """Make a run, whose role has no more than the policy of this runbook."""
        run_id = f"manual-{len(self.runs) + 1}"
        self.cloud.limit(target, self.dag.dag_id)
        run = Run(self, run_id, {"target": target, "reason": "a run in process", "plan_only": False, **conf}, requester)
        self.runs[run_id] = run
        return run

    def state_of(self, dag_id: str, run_id: str) -> str | None:
        run = self.runs.get(run_id) if dag_id == self.dag.dag_id else None
        return run.state if run else None


@dataclass(eq=False)
class Instance:
    """A task of a run, as the scheduler's rules see it."""

    run: Run
    task: Any  # as the scheduler sees it
    state: str | None = None
    tries: int = 0  # that are over
    failures: int = 0
    resume: tuple[str, dict[str, Any]] | None = None  # the method with which it resumes, and its arguments
    trigger: Any = None  # the trigger of a deferred task
    asked: Any = None  # the question of a task that waits for an answer
    judged: tuple[str | None, ...] = ()  # the run's states when its trigger rule was last checked
    map_index: int = -1

    @property
    def task_id(self) -> str:
        return str(self.task.task_id)

    @property
    def dag_id(self) -> str:
        return str(self.run.airflow.dag.dag_id)

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def is_approval(self) -> bool:
        return "Approve" in getattr(self.run.airflow.dag.get_task(self.task_id), "options", ())

    def get_dagrun(self, session: Any = None) -> None:
        """Return nothing: there is no database, and what is finished comes with the query."""

    def set_state(self, state: Any, session: Any = None) -> bool:
        changed = self.state != state
        self.state = str(getattr(state, "value", state))
        return changed


@dataclass
class Run:
    """One run. `step` does one thing: an attempt of a task, or one look of a wait."""

    airflow: Orchestrator
    run_id: str
    params: dict[str, Any]
    requester: str | None
    results: dict[tuple[str, str], Any] = field(default_factory=dict)  # by task and key
    errors: dict[str, str] = field(default_factory=dict)
    current: str = ""  # the current task, or the last one
    killed: int = 0
    marked: str | None = None  # by hand
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        scheduled = self.airflow.scheduled
        self.instances = {name: Instance(self, scheduled.get_task(name)) for name in self.airflow.order}

    @property
    def owner(self) -> str:
        return f"{self.airflow.dag.dag_id}/{self.run_id}"

    @property
    def states(self) -> dict[str, str | None]:
        return {name: each.state for name, each in self.instances.items()}

    @property
    def over(self) -> bool:
        return all(instance.state in DONE for instance in self.instances.values())

    @property
    def state(self) -> str:
        """The run's state. It is running also during the teardowns of a run that was marked as failed."""
        if not self.over:
            return "running"
        leaves = DagRun._tis_for_dagrun_state(None, dag=self.airflow.scheduled, tis=list(self.instances.values()))
        return self.marked or ("failed" if any(leaf.state in BAD for leaf in leaves) else "success")

    @property
    def asking(self) -> Instance | None:
        """The task that waits for a person, or None."""
        return next((instance for instance in self.instances.values() if instance.state == "awaiting_input"), None)

    @property
    def asks_for_approval(self) -> bool:
        return bool(self.asking and self.asking.is_approval)

    @property
    def approvals(self) -> list[str]:
        """The tasks that have asked for an approval and have ended."""
        return [name for name, each in self.instances.items() if each.asked and each.is_approval and each.state in DONE]

    def to_end(self, approve: tuple[tuple[str, str], ...] = (("Approve", "approver"),)) -> str:
        """Continue until the run has ended, with the answers given in turn, then with each question's first option. Return its state."""
        answers = list(approve)
        for _ in range(2000):
            if self.over:
                return self.state
            if self.asking:
                chosen, by = answers.pop(0) if answers else (self.asking.asked.options[0], "operator")
                self.answer(chosen, by)
            elif not self.step():
                self.airflow.cloud.advance(LOOK)
        raise StuckError(f"{self.owner} does not end: {self.states}")

    def step(self) -> bool:
        """Do one thing. Return False if nothing can be done before time passes or a person answers."""
        for instance in self.instances.values():
            match instance.state:
                case "deferred":
                    done = self._look(instance)
                case None | "up_for_retry" | "up_for_reschedule":
                    done = self._decide(instance)
                case _:
                    done = False
            if done:
                return True
        return False

    def answer(self, chosen: str, by: str | None, *, timeout: bool = False) -> None:
        """Answer the waiting task as a person, or as the time-out."""
        asking = self.asking
        assert asking
        self._answer(asking, chosen, by, timeout=timeout)

    def answer_again(self, task_id: str, chosen: str, by: str | None) -> None:
        """Deliver an answer to a task that is not waiting: late, or a second one that won Airflow's race with the first."""
        kept = {name: dict(vars(each)) for name, each in self.instances.items()}, dict(self.results)
        self._answer(self.instances[task_id], chosen, by)
        for name, each in self.instances.items():
            vars(each).update(kept[0][name])
        self.results = kept[1]

    def mark_failed(self) -> None:
        """Mark the run as failed by hand: unfinished tasks are skipped except for the teardowns."""
        if self.over:
            return
        self.marked = "failed"
        for instance in self.instances.values():
            if instance.state not in DONE and not instance.task.is_teardown:
                instance.state, instance.resume, instance.trigger = "skipped", None, None

    def clear(self, *tasks: str) -> None:
        """Clear tasks, and with them the end of the run."""
        self.marked = None
        for name in tasks:
            self.instances[name] = Instance(self, self.instances[name].task)
            self.results = {key: value for key, value in self.results.items() if key[0] != name}

    def _answer(self, instance: Instance, chosen: str, by: str | None, *, timeout: bool = False) -> None:
        event: dict[str, Any] = {
            "chosen_options": [chosen],
            "params_input": {},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": f"number of {by}", "name": by} if by else None,
        }
        if timeout:
            event = {"error": "timed out", "error_type": "timeout"}
        instance.resume = ("execute_complete", {"event": event})
        self._attempt(instance)

    def _decide(self, instance: Instance) -> bool:
        """Try a task, or set the state that its trigger rule demands. Return False if it has to wait for others."""
        states = tuple(self.states.values())
        if instance.state is None and instance.judged == states:
            return False  # as it was the last time
        instance.judged = states
        finished = [each for each in self.instances.values() if each.state in DONE]
        context = DepContext(flag_upstream_failed=True, finished_tis=finished)
        before = instance.state
        verdicts = list(TriggerRuleDep()._get_dep_statuses(instance, context, session=None))
        if instance.state != before:
            return True
        return all(verdict.passed for verdict in verdicts) and self._attempt(instance)

    def _look(self, instance: Instance) -> bool:
        """Look once at the object of a task's wait, as the triggerer does."""
        trigger = instance.trigger
        try:
            progress = run_waiter(trigger.watch, self.airflow.cloud.clients(trigger.target), trigger.arguments)
        except Killed:  # the triggerer: another one begins the wait again
            self.killed += 1
            return True
        except RunbookError as error:
            event = {"status": "failed", "text": f"{type(error).__name__}: {error}"}
        else:
            if not progress.done:
                return False
            event = {"status": "done", "text": progress.text, "end": progress.end}
        method, arguments = instance.resume or ("execute_complete", {})
        instance.trigger, instance.resume = None, (method, {**arguments, "event": event})
        return self._attempt(instance)

    def _attempt(self, instance: Instance) -> bool:
        """Make Airflow's task runner run one attempt of a task. Return False if the task has to look again later."""
        self.current = name = instance.task_id
        task = self.airflow.dag.get_task(name)
        runtime, most = self._runtime(instance, task), int(task.retries or 0)
        instance.resume = None
        before, signals = getattr(task_runner, "SUPERVISOR_COMMS", None), signal.getsignal(signal.SIGTERM)
        task_runner.SUPERVISOR_COMMS = Supervisor(self, instance)
        try:
            state, message, error = task_runner.run(runtime, runtime.get_template_context(), SILENT)
        finally:
            signal.signal(signal.SIGTERM, signals)
            task_runner.SUPERVISOR_COMMS = before
        instance.state = state.value
        match message:
            case comms.DeferTask():
                instance.trigger = pkgutil.resolve_name(message.classpath)(**deserialize(message.trigger_kwargs))
                instance.resume = (message.next_method, deserialize(message.next_kwargs))
            case comms.RescheduleTask():
                return False
        if error is not None:
            self.killed += isinstance(error, Killed)
            self.errors[name] = repr(error)
            instance.failures += 1
            assert instance.failures <= most + 1
            self.airflow.cloud.advance(task.retry_delay.total_seconds())
        return True

    def _runtime(self, instance: Instance, task: Any) -> Any:
        """Make the input of the task runner for a task that begins or resumes."""
        now, most = datetime.now(UTC), int(task.retries or 0)
        method, arguments = instance.resume or (None, None)
        run = api.DagRun(
            dag_id=instance.dag_id,
            run_id=self.run_id,
            logical_date=None,
            data_interval_start=None,
            data_interval_end=None,
            run_after=self.asked_at,
            start_date=now,
            end_date=None,
            run_type=api.DagRunType.MANUAL,
            state=api.DagRunState.RUNNING,
            conf=self.params,
            triggering_user_name=self.requester,
            consumed_asset_events=[],
            partition_key=None,
        )
        return task_runner.RuntimeTaskInstance.model_construct(
            id=uuid.uuid4(),
            task_id=instance.task_id,
            dag_id=instance.dag_id,
            run_id=self.run_id,
            try_number=instance.failures + 1,
            dag_version_id=uuid.uuid4(),
            map_index=-1,
            task=task,
            bundle_instance=SimpleNamespace(name="tests", version=None),
            _ti_context_from_server=api.TIRunContext(
                dag_run=run,
                max_tries=most,
                should_retry=instance.failures < most,
                next_method=method,
                next_kwargs=serialize(arguments) if method else None,
            ),
            max_tries=most,
            start_date=now,
            state=api.TaskInstanceState.RUNNING,
        )


@dataclass
class Supervisor:
    """Answers a task's requests while it runs. `task_runner.run` returns the final state."""

    run: Run
    instance: Instance

    def send(self, msg: Any) -> Any:
        match msg:
            case comms.SetXCom():
                self.run.results[msg.task_id, msg.key] = msg.value
            case comms.GetXCom():
                return comms.XComResult(key=msg.key, value=self.run.results.get((msg.task_id, msg.key)))
            case comms.GetXComSequenceSlice():
                found = self.run.results.get((msg.task_id, msg.key))
                return comms.XComSequenceSliceResult(root=[] if found is None else [found])
            case comms.GetDagRunState():
                state = self.run.airflow.state_of(msg.dag_id, msg.run_id)
                if state is None:
                    return comms.ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"status_code": 404})
                return comms.DagRunStateResult(state=state)
            case comms.GetTaskStates():
                states = self.run.states
                wanted = {name: states[name] for name in msg.task_ids or states if states[name]}
                return comms.TaskStatesResult(task_states={self.run.run_id: wanted})
            case comms.GetTaskRescheduleStartDate():
                return comms.TaskRescheduleStartDate(start_date=None)
            case comms.SkipDownstreamTasks():
                for task in msg.tasks:
                    self.run.instances[task[0] if isinstance(task, tuple) else task].state = "skipped"
            case comms.CreateHITLDetailPayload():
                self.instance.asked = msg
            case (
                comms.SetRenderedFields()
                | comms.SucceedTask()
                | comms.TaskState()
                | comms.RetryTask()
                | comms.DeferTask()
                | comms.AwaitInputTask()
                | comms.RescheduleTask()
            ):
                pass
            case _:
                raise NotImplementedError(f"{type(msg).__name__} of {self.instance.task_id}")
        return None
