"""No run breaks a promise, whatever people, processes and AWS do, in whatever order."""

from __future__ import annotations

import logging
import os
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.inprocess.cloud import Cloud, Killed, Sent
from tests.inprocess.driver import Orchestrator, Run
from tests.invariants import Excuse

TARGETS = ("districtbuilder/staging", "core/staging")
PEOPLE = ("approver", "second_approver", "operator", "eve")
ANSWERS = ("Approve", "Approve", "Approve", "Reject")
SOAK = bool(os.environ.get("RUNBOOK_SOAK"))
MOST_RUNS = 4
index = st.integers(0, MOST_RUNS - 1)


class Operations(RuleBasedStateMachine):
    """Several runs on two targets. Each rule is an event that may happen to them."""

    cloud: ClassVar[Cloud]
    dag: ClassVar[Any]
    happened: ClassVar[dict[str, int]]

    @initialize()
    def begin(self) -> None:
        self.cloud.reset()
        self.airflow = Orchestrator(self.cloud, self.dag)
        self.excuses: list[Excuse] = []
        for where in TARGETS:
            self.airflow.trigger(where)

    def run(self, number: int) -> Run:
        runs = list(self.airflow.runs.values())
        return runs[number % len(runs)]

    def count(self, what: str) -> None:
        self.happened[what] = self.happened.get(what, 0) + 1

    @precondition(lambda self: len(self.airflow.runs) < MOST_RUNS)
    @rule(where=st.sampled_from(TARGETS), requester=st.sampled_from(("operator", "operator", "approver", None)))
    def trigger(self, where: str, requester: str | None) -> None:
        self.airflow.trigger(where, requester)

    @precondition(lambda self: self.airflow.runs)
    @rule(number=index, steps=st.integers(10, 60))
    def go_on(self, number: int, steps: int) -> None:
        run = self.run(number)
        for _ in range(steps):
            if not run.over and not run.step():
                self.cloud.advance(60)

    @precondition(lambda self: any(each.asks_for_approval for each in self.airflow.runs.values()))
    @rule(steps=st.integers(1, 40))
    def approve(self, steps: int) -> None:
        """Approve the first run that asks, as its policy requires, and let it work."""
        run = next(each for each in self.airflow.runs.values() if each.asks_for_approval)
        self.count("approved")
        run.answer("Approve", "approver" if run.requester != "approver" else "second_approver")
        for _ in range(steps):
            if not run.over and not run.step():
                self.cloud.advance(60)

    @precondition(lambda self: any(each.asking for each in self.airflow.runs.values()))
    @rule(number=index, chosen=st.sampled_from(ANSWERS), by=st.sampled_from(PEOPLE), silent=st.integers(0, 5))
    def answer(self, number: int, chosen: str, by: str, silent: int) -> None:
        waiting = [each for each in self.airflow.runs.values() if each.asking]
        run = waiting[number % len(waiting)]
        if not run.asks_for_approval:
            self.count("asked what now")
            run.answer(
                "Return to the count before" if chosen == "Approve" and by != "eve" else "Leave everything as it is", by
            )
            return
        self.count("timed out" if not silent else f"{chosen} by {by}")
        run.answer(chosen, by, timeout=not silent)

    @precondition(lambda self: any(each.approvals for each in self.airflow.runs.values()))
    @rule(number=index, chosen=st.sampled_from(ANSWERS), by=st.sampled_from(PEOPLE))
    def answer_late_or_twice(self, number: int, chosen: str, by: str) -> None:
        run = self.run(number)
        if run.approvals:
            self.count("late")
            run.answer_again(run.approvals[0], chosen, by)

    @precondition(lambda self: any(each.results for each in self.airflow.runs.values()))
    @rule(number=index, calls=st.integers(1, 60), moment=st.sampled_from(("before", "after")))
    def kill(self, number: int, calls: int, moment: str) -> None:
        """Kill the run's process at one of its next calls."""
        run, left = self.run(number), calls

        def hook(now: str, _: Sent) -> None:
            nonlocal left
            left -= now == moment
            if not left:
                self.cloud.hook = None
                self.count("killed")
                raise Killed

        self.cloud.hook = hook
        while self.cloud.hook and not run.over and run.step():
            continue
        self.cloud.hook = None

    @precondition(lambda self: self.cloud.writes())
    @rule(number=index)
    def mark_failed(self, number: int) -> None:
        self.count("marked")
        self.run(number).mark_failed()

    @precondition(lambda self: any(run.over for run in self.airflow.runs.values()))
    @rule(number=index, from_task=st.integers(4, 14))
    def clear(self, number: int, from_task: int) -> None:
        """Clear a task of an ended run, with all tasks after it."""
        over = [run for run in self.airflow.runs.values() if run.over]
        self.count("cleared")
        over[number % len(over)].clear(*self.airflow.order[from_task:])

    @precondition(lambda self: not self.excuses and self.cloud.writes())
    @rule(where=st.sampled_from(TARGETS), desired=st.sampled_from((1, 3)))
    def somebody_sets_the_count(self, where: str, desired: int) -> None:
        service = self.services(where)[0]
        self.count("count set by others")
        self.cloud.world.catch_up()
        service.desired = desired
        self.excuses.append(Excuse("I5", where, service.name, "somebody else set the count"))
        self.cloud.advance(10)

    @precondition(lambda self: self.cloud.writes())
    @rule(seconds=st.sampled_from((30, 600, 3600)))
    def wait(self, seconds: int) -> None:
        self.cloud.advance(seconds)

    def services(self, target: str) -> list[Any]:
        environment = self.cloud.inventory.target(target).environment
        region = self.cloud.world.region(environment.account, environment.region)
        return [region.services[environment.cluster, service.name] for service in environment.services]

    def teardown(self) -> None:
        if not hasattr(self, "airflow"):
            return
        self.cloud.hook = None
        for _ in range(3):  # a run that waits for another's lease gets it once that run has ended
            for run in self.airflow.runs.values():
                for _ in range(120):
                    if run.asking:
                        run.answer("Approve" if run.asks_for_approval else "Leave everything as it is", "approver")
                    elif not run.over and not run.step():
                        self.cloud.advance(120)
        self.count("over" if all(each.over for each in self.airflow.runs.values()) else "not over")
        found = self.cloud.violations(tuple(self.excuses))
        assert found == [], [str(each) for each in found]


def test_no_order_of_events_breaks_a_promise(cloud: Cloud, dag: Any):
    Operations.cloud, Operations.dag, Operations.happened = cloud, dag, {}
    logging.disable(logging.CRITICAL)
    try:
        run_state_machine_as_test(
            Operations,
            settings=settings(
                max_examples=300 if SOAK else 8,
                stateful_step_count=40 if SOAK else 25,
                deadline=None,
                derandomize=not SOAK,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        logging.disable(logging.NOTSET)
    print(Operations.happened)
    for what in ("over", "approved", "killed"):
        assert Operations.happened.get(what, 0) > 0, f"nothing was {what}"
