"""Kills, lost answers and refusals at one AWS call after the other: the run ends well, and no promise is broken.

A process that dies between two calls leaves the same state, whether it had not sent the second call yet or had lost the answer
to the first. So these moments represent all others: before the first call of each task, and before and after each call that
changes something. RUNBOOK_SOAK=1 takes every call and both moments instead.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from include.retry import AWS_CALL
from tests.inprocess.cloud import URL, Cloud, Killed, Sent, answer_of
from tests.inprocess.driver import Orchestrator, Run
from tests.inprocess.forks import Forks

MAPS, HOUSING = "districtbuilder/staging", "core/staging"
TRIES = 3  # of a task; a call that the SDK may not repeat has no more
SOAK = bool(os.environ.get("RUNBOOK_SOAK"))
Fault = Callable[[Cloud, str, Sent], "AWSResponse | None"]


@pytest.fixture(autouse=True)
def quiet():
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)


def kill(cloud: Cloud, moment: str, sent: Sent) -> None:
    cloud.hook = None
    raise Killed(f"{moment} call {sent.number}, {sent.name}")


def repeated(times: int, happens: Callable[[Sent], AWSResponse | None], at: str) -> Fault:
    """Return a fault that takes effect at a call and at its next attempts."""

    def fault(cloud: Cloud, moment: str, first: Sent) -> AWSResponse | None:
        left = min(times, TRIES - 1) if first.once else times

        def hook(now: str, sent: Sent) -> AWSResponse | None:
            nonlocal left
            if now != at or sent.name != first.name:
                return None
            left -= 1
            if not left:
                cloud.hook = None
            return happens(sent)

        cloud.hook = hook
        return hook(moment, first)

    return fault


def lose(sent: Sent) -> None:
    raise ReadTimeoutError(endpoint_url=URL, error=f"the answer to {sent.name} was lost")


def fail(_: Sent) -> AWSResponse:
    return answer_of(URL, 500, b"", [])


FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "killed": (kill, ("before", "after")),
    "an answer lost": (repeated(1, lose, "after"), ("after",)),
    "every answer lost": (repeated(AWS_CALL.attempts, lose, "after"), ("after",)),
    "AWS failed once": (repeated(1, fail, "before"), ("before",)),
    "AWS failed for long": (repeated(AWS_CALL.attempts, fail, "before"), ("before",)),
}


def is_chosen(what: str, moment: str, sent: Sent, *, first: bool) -> bool:
    """Tell whether a moment is among those that represent all moments of a fault."""
    if moment not in FAULTS[what][1]:
        return False
    if SOAK:
        return True
    if what == "killed":
        return sent.mutates if moment == "after" else first
    if what == "an answer lost":
        return sent.mutates
    return sent.mutates and not sent.name.startswith("dynamodb")


def problems_of(run: Run, cloud: Cloud, target: str, old: set[str], hit: list[str]) -> list[str]:
    """Return what is wrong after a run with one fault, or none. `hit` is the affected task and call."""
    cloud.hook = None
    found = [str(violation) for violation in cloud.violations()]
    now = cloud.look()[target]
    alive = {
        task["id"] for service in now["services"] for task in service["tasks"] if task["desired_status"] == "RUNNING"
    }
    # a question is asked once: its task is not retried, and a run without an answer changes nothing
    wanted = "failed" if hit and run.instances[hit[0]].is_approval and run.state == "failed" else "success"
    if hit and hit[-1] == "killed" and run.killed != 1:
        found.append(f"it was killed {run.killed} times, not once")
    if run.state != wanted:
        found.append(f"it ended as {run.state}: {run.errors}")
    if wanted == "success" and alive & old:
        found.append(f"old tasks {alive & old} are left")
    if wanted == "failed" and (cloud.writes() or alive != old):
        found.append(f"it was not approved, and yet {cloud.writes()}")
    if any(service["healthy"] != service["desired"] for service in now["services"]):
        found.append("not every task is healthy")
    if now["lease"] and now["lease"]["owner"]:
        found.append(f"the lease is left with {now['lease']['owner']}")
    return found


@pytest.mark.parametrize("target", [MAPS, HOUSING], ids=["surge", "rolling"])
@pytest.mark.parametrize("what", FAULTS)
def test_one_fault_at_any_call_breaks_no_promise_and_the_run_ends_well(
    cloud: Cloud, airflow: Orchestrator, what: str, target: str
):
    fault, _ = FAULTS[what]
    forks, hit, begun = Forks(), list[str](), set[str]()
    old = {task["id"] for service in cloud.look()[target]["services"] for task in service["tasks"]}
    run = airflow.trigger(target)

    def hook(moment: str, sent: Sent) -> AWSResponse | None:
        first = moment == "before" and run.current not in begun
        begun.add(run.current)
        if is_chosen(what, moment, sent, first=first) and forks.branch(
            f"{moment} {sent.number} {sent.name} {run.current}"
        ):
            hit.extend((run.current, what))
            return fault(cloud, moment, sent)
        return None

    cloud.hook = hook
    reports = forks.grow(run.to_end, lambda: problems_of(run, cloud, target, old, hit))
    assert {name: found for name, found in reports.items() if found} == {}
    branches = len(reports) - 1
    print(f"{what}, {target}: {branches} branches of {cloud.sent} calls")
    assert branches >= len(cloud.writes()) > 0
