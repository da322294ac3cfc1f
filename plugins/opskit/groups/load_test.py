"""The steps that measure response times after a deployment, if the inventory sets limits for them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task_group

from include.releases.load_test import steps
from opskit.context import StepContext
from opskit.groups.definitions import register_definitions
from opskit.step import OperatorStep, step
from opskit.waits.await_state import AwaitStateOperator

NOT_MEASURED = "the inventory asks for no performance test here"


@step
def start_performance_test(ctx: StepContext) -> str:
    """Start the test, if the inventory names one."""
    command = tuple(ctx.guard["plan"]["performance"])
    return steps.start_load_test(ctx, command, _definition(ctx)) if command else ""


@step
def verify_performance(ctx: StepContext) -> str:
    """Compare the measurements with the limits."""
    arn = ctx.result_of(start_performance_test)
    return (
        steps.verify_load_test(ctx, arn, _definition(ctx), ctx.end_of(await_performance_test)) if arn else NOT_MEASURED
    )


def _definition(ctx: StepContext) -> str:
    return str(ctx.proof_of(register_definitions)["one_off"])


def _started(ctx: StepContext) -> dict[str, Any] | str:
    arn, one_off = ctx.result_of(start_performance_test), ctx.target.environment.one_off
    if not arn or one_off is None:
        return NOT_MEASURED
    return {"cluster": ctx.target.environment.cluster, "arn": arn, "container": one_off.container}


await_performance_test = OperatorStep(
    AwaitStateOperator, "await_performance_test", watch="task_stopped", arguments=_started
)


@task_group(group_id="performance", group_display_name="Performance")
def performance() -> None:
    """Start the test, follow it to its end, and compare its measurements with the limits."""
    start_performance_test() >> await_performance_test() >> verify_performance()
