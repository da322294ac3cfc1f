"""The steps that measure what was deployed, where the inventory says how fast it must be."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task, task_group

from include.releases import measuring
from opskit.groups.deployment import REGISTERED
from opskit.operators.await_state import AwaitStateOperator
from opskit.step import Step, step

NOT_MEASURED = "the inventory asks for no performance test here"


def _started(here: Step) -> dict[str, Any] | str:
    arn, one_off = here.result_of("performance.start_performance_test"), here.target.environment.one_off
    if not arn or one_off is None:
        return NOT_MEASURED
    return {"cluster": here.target.environment.cluster, "arn": arn, "container": one_off.container}


@task_group(group_id="performance")
def performance() -> None:
    """Start the test, follow it to its end, compare what it measured with what must be reached."""

    @task
    def start_performance_test() -> str:
        with step() as here:
            command = tuple(here.guard["plan"]["performance"])
            if not command:
                return ""
            return measuring.start(here, here.permit, command, here.proof_of(REGISTERED)["one_off"])
        raise AssertionError("unreachable: step() raises")

    @task
    def verify_performance() -> str:
        with step() as here:
            arn = here.result_of("performance.start_performance_test")
            if not arn:
                return NOT_MEASURED
            end = here.end_of("performance.await_performance_test")
            return measuring.verify(here, arn, here.proof_of(REGISTERED)["one_off"], end)
        raise AssertionError("unreachable: step() raises")

    (
        start_performance_test()
        >> AwaitStateOperator(task_id="await_performance_test", watch="task_stopped", arguments=_started)
        >> verify_performance()
    )
