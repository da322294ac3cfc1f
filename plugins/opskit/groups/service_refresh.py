"""A restart within a larger run: planned from the services at that time, with scaling restored right after it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task_group

from include.restart import steps
from include.restart.capacity import HeldGroup, held_groups
from include.restart.plan import ServiceRestart
from opskit.context import StepContext
from opskit.groups.restart import choose_strategy, plan_renewal, roll_out, surge, verify_restart
from opskit.restart_source import RestartSource
from opskit.step import OperatorStep, step
from opskit.step_definition import StepDefinition
from opskit.waits.hand_back_groups import HandBackGroupsOperator


@step(name="hand_back_group")
def hand_back_renewed(ctx: StepContext) -> str:
    """Resume the groups' alarms and schedules, right after the restart. The instances in use stay protected until the end."""
    return steps.restore_group_scaling(ctx, _services(ctx))


def renewal(plan: StepDefinition = plan_renewal) -> Any:
    """Return the group of steps. `plan` is a variant of the step that plans it."""

    @task_group(group_id="renewal", group_display_name="Restart")
    def group() -> None:
        """Restart the services, as planned from their current state."""
        verified = verify_restart()
        plan() >> choose_strategy() >> surge() >> roll_out() >> verified >> hand_back_renewed()

    return group()


def _services(ctx: StepContext) -> list[ServiceRestart]:
    # of both restarts: the second was planned while the first still held the group, and mistakes that for a change by others
    plans = [RestartSource.read(found) for found in ctx.results_of(plan_renewal)]
    return [service for found in plans for service in found.services]


def _held(ctx: StepContext) -> list[HeldGroup]:
    return held_groups(_services(ctx))


# however the run ends
hand_back_group = OperatorStep(HandBackGroupsOperator, "hand_back_group", source=_held)
