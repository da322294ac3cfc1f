"""A restart within a larger run: planned from the services as they are then, and the groups handed back right after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from include.reconcile import reconcile
from include.regions import renewing
from include.restart import steps
from opskit.groups.restart import choose_strategy, roll_out_services, surge, verify_restart
from opskit.planned import Planned, left_by
from opskit.step import Step, step

GROUP = "renewal"


def renewal(within: str = "", why_not: Callable[[Step], str | None] = lambda here: None) -> Any:
    """Return the group of steps; `within` is the group it stands in, `why_not` may say why none is needed."""
    plan_task = f"{within}{GROUP}.plan_renewal"
    source = left_by(plan_task)

    @task_group(group_id=GROUP)
    def group() -> None:
        @task
        def plan_renewal() -> dict[str, Any]:
            with step() as here:
                if reason := why_not(here):
                    raise AirflowSkipException(reason)
                here.permit.check()
                return renewing.plan_renewal(here.clients, here.target)
            raise AssertionError("unreachable: step() raises")

        @task(task_id="hand_back_group")
        def hand_back_renewed() -> str:
            with step() as here:
                return hand_back(here, source(here))
            raise AssertionError("unreachable: step() raises")

        strategy, verified = choose_strategy(source), verify_restart(source)
        plan_renewal() >> strategy >> [surge(source), roll_out_services(source)] >> verified >> hand_back_renewed()

    return group()


def hand_back(here: Step, planned: Planned) -> str:
    """Let the groups' alarms and schedules act again; safe to repeat."""
    reconcile(here.clients, here.permit)
    groups = [each for each in planned.services if each.group]
    for each in groups:
        steps.hand_back_group(here.clients, here.permit, each)
    return f"handed back: {', '.join(str(each.group and each.group.name) for each in groups) or 'no group was held'}"


@task
def hand_back_group() -> str:
    """Make sure that no group is held, however the run ends."""
    with step() as here:
        here.skip_unless_begun()
        plans = (here.result_of(f"{within}{GROUP}.plan_renewal") for within in ("", "way_back."))
        # each: the second was planned while the first still held the group, and takes that for somebody else's doing
        return "; ".join(hand_back(here, Planned.read(found)) for found in plans if found) or "no group was held"
    raise AssertionError("unreachable: step() raises")
