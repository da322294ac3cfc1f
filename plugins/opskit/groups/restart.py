"""The steps that restart the tasks of a target's services. Every runbook that restarts shares them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task_group

from include.restart import steps
from include.restart.capacity import HeldGroup, held_groups
from include.restart.plan import ServiceRestart
from opskit.approval.ask_after_failure import RETURN, TAKE_BACK, AskAfterFailureOperator
from opskit.context import StepContext
from opskit.restart_source import RestartSource
from opskit.step import OperatorStep, branch, step
from opskit.waits.await_state import AwaitStateOperator
from opskit.waits.hand_back_groups import HandBackGroupsOperator
from opskit.waits.roll_out_services import RollOutServicesOperator


@step
def plan_renewal(ctx: StepContext) -> dict[str, Any]:
    """Plan a restart in the middle of a run, from the current services.

    The hours of the target do not apply any more: services that stay half way are worse.
    """
    ctx.writer.check()
    plan, since = steps.make_plan(ctx, None)
    return {"plan": plan.model_dump(mode="json"), "since": since.isoformat()}


def planned(ctx: StepContext) -> RestartSource:
    """Return what to restart: from the plan made in the middle of the run if there is one, else from the confirmed plan."""
    if plan_renewal.is_part_of(ctx.dag_id):
        return RestartSource.read(ctx.proof_of(plan_renewal))
    return RestartSource.read(ctx.guard)


def _watched(ctx: StepContext) -> dict[str, Any]:
    found = planned(ctx)
    return {"plan": _surged(ctx).model_dump(mode="json"), "since": found.since.isoformat()}


def _surged(ctx: StepContext) -> ServiceRestart:
    [service] = planned(ctx).of_kind("surge")  # the inventory allows a surge one service
    return service


@branch
def choose_strategy(ctx: StepContext) -> str:
    """Begin with the surge if a service of the plan has that strategy. The services with the other one follow it."""
    return ctx.task_of(raise_group_capacity if planned(ctx).of_kind("surge") else roll_out_services)


@step
def raise_group_capacity(ctx: StepContext) -> None:
    """Set the group to its maximum."""
    steps.raise_group_capacity(ctx, _surged(ctx))


@step
def raise_desired_count(ctx: StepContext) -> None:
    """Start new tasks beside the old ones."""
    steps.raise_desired_count(ctx, _surged(ctx))


@step
def protect_new_tasks(ctx: StepContext) -> None:
    """Protect the new tasks from scale-in."""
    steps.protect_new_tasks(ctx, _surged(ctx), planned(ctx).since)


@step
def stop_old_tasks(ctx: StepContext) -> None:
    """Stop exactly the tasks that ran before."""
    steps.stop_old_tasks(ctx, _surged(ctx), planned(ctx).since)


@step
def unprotect_tasks(ctx: StepContext) -> None:
    """Lift the protection."""
    steps.unprotect_tasks(ctx, _surged(ctx))


await_new_tasks_healthy = OperatorStep(
    AwaitStateOperator, "await_new_tasks_healthy", watch="new_tasks_healthy", arguments=_watched
)
await_old_tasks_stopped = OperatorStep(
    AwaitStateOperator, "await_old_tasks_stopped", watch="old_tasks_stopped", arguments=_watched
)
await_count_restored = OperatorStep(AwaitStateOperator, "await_count_restored", watch="settled", arguments=_watched)
# after a surge, or at once if no service has that strategy
roll_out_services = OperatorStep(
    RollOutServicesOperator, "roll_out_services", source=planned, trigger_rule="none_failed_min_one_success"
)


@task_group(group_id="surge", group_display_name="Surge")
def surge() -> None:
    """Double the tasks, wait for the new ones, stop exactly the old ones."""
    (
        raise_group_capacity()
        >> raise_desired_count()
        >> await_new_tasks_healthy()
        >> protect_new_tasks()
        >> stop_old_tasks()
        >> await_old_tasks_stopped()
        >> unprotect_tasks()
        >> await_count_restored()
    )


def roll_out() -> Any:
    """Make the step that rolls out the other services, to which the choice of the strategy may lead past the surge."""
    made = roll_out_services()
    choose_strategy.last >> made
    return made


@step
def verify_restart(ctx: StepContext) -> str:
    """Prove that all running tasks are new, healthy, and as many as before."""
    ctx.writer.check()
    found = planned(ctx)
    proofs = [steps.verify_restart(ctx, service, found.since) for service in found.services]
    return "; ".join(proofs) or "no service runs a task, so none had to be restarted"


decide_after_failure = OperatorStep(AskAfterFailureOperator, "decide_after_failure", trigger_rule="one_failed")


@step
def return_count_before(ctx: StepContext) -> str | None:
    """Set the desired count back, or take a deployment back, if a person chose that."""
    chosen, planned_before = ctx.result_of(decide_after_failure), RestartSource.read(ctx.guard)
    if chosen == TAKE_BACK:
        return steps.take_back(ctx, planned_before.services, planned_before.since)
    if chosen != RETURN:
        return None
    surged = planned_before.of_kind("surge")
    return " ".join(steps.restore_count(ctx, service) for service in surged)


def _held(ctx: StepContext) -> list[HeldGroup]:
    return held_groups(RestartSource.read(ctx.guard).services)


# however the run ends
hand_back_group = OperatorStep(HandBackGroupsOperator, "hand_back_group", source=_held)
