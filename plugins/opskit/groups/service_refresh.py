"""A restart within a larger run: planned from the services at that time, with scaling restored right after it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task_group

from opskit.context import StepContext
from opskit.groups import restart
from opskit.groups.restart import choose_strategy, plan_renewal, roll_out, surge, verify_restart
from opskit.restart_source import RestartSource
from opskit.step import step
from opskit.step_definition import StepDefinition


@step(name="hand_back_group")
def hand_back_renewed(ctx: StepContext) -> str:
    """Resume the groups' alarms and schedules, right after the restart."""
    return restart.hand_back(ctx, restart.planned(ctx))


def renewal(plan: StepDefinition = plan_renewal) -> Any:
    """Return the group of steps. `plan` is a variant of the step that plans it."""

    @task_group(group_id="renewal", group_display_name="Restart")
    def group() -> None:
        """Restart the services, as planned from their current state."""
        verified = verify_restart()
        plan() >> choose_strategy() >> surge() >> roll_out() >> verified >> hand_back_renewed()

    return group()


@step
def hand_back_group(ctx: StepContext) -> str:
    """Ensure that no group's scaling stays suspended, however the run ends."""
    ctx.skip_unless_begun()
    # both restarts: the second was planned while the first still held the group, and mistakes that for a change by others
    plans = ctx.results_of(plan_renewal)
    return "; ".join(restart.hand_back(ctx, RestartSource.read(found)) for found in plans) or "no group was held"
