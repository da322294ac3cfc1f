"""The steps that bring every region of a run back to what it was, and make that live."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from include.aws.sts import ask_who
from include.regions import publishing, renewing, returning, versioning
from include.regions.replacing import has_begun
from include.regions.transfer import WAY_BACK, mark
from include.restart import steps
from opskit.groups.region_data import is_live, plan_of
from opskit.groups.renewal import renewal
from opskit.operators.decide_way_back import RETURN, nothing_overwritten
from opskit.operators.settle_services import SettleServicesOperator
from opskit.planned import Planned
from opskit.step import Step, step

GROUP = "way_back"
FIRST = "renewal.plan_renewal"


def _touched(here: Step) -> list[Any]:
    return [each for each in plan_of(here).regions if has_begun(here.table, here.run, each)]


def _left_half_way(here: Step) -> Planned | None:
    """Return the restart that began and was not proved, if there is one."""
    found = here.result_of(FIRST)
    return Planned.read(found) if found and not here.passed("renewal.verify_restart") else None


def _none_to_renew(here: Step) -> str | None:
    holding = renewing.may_hold_new_data(here.clients, here.target, plan_of(here).services)
    return (
        None if holding else "every task had loaded the old data before any of the new was written, so none is renewed"
    )


def nothing_to_look_at(here: Step) -> str | None:
    """Say why nobody has to look at the target before others may use it, if nobody has to."""
    if here.passed(f"{GROUP}.bump_versions"):
        return "Every region is as it was before, proved."
    return nothing_overwritten(here)


def may_be_released(here: Step) -> bool:
    """Tell whether others may use the target without anybody looking at it first."""
    return is_live(here) or nothing_to_look_at(here) is not None


@task_group(group_id=GROUP)
def way_back() -> None:
    """Restore, prove, settle what a restart left half way, restart, and give maps a new key."""

    @task
    def restore_data() -> None:
        with step() as here:
            if here.result_of("decide_way_back") != RETURN:
                raise AirflowSkipException("Everything is left as it is.")
            mark(here.clients, here.permit, WAY_BACK)  # from now on nothing of this run goes forward any more
            publishing.retire(here, here.permit, plan_of(here).publications)
            for each in _touched(here):
                returning.restore(here.clients, here.permit, each, here.log)

    @task
    def verify_return() -> str:
        with step() as here:
            here.permit.check()
            proved = [returning.prove_return(here.clients, here.permit, each) for each in _touched(here)]
            retired = publishing.retire(here, here.permit, plan_of(here).publications)
            return "; ".join(filter(None, [*proved, retired]))
        raise AssertionError("unreachable: step() raises")

    @task
    def return_counts() -> dict[str, Any]:
        with step() as here:
            here.permit.check()
            left = _left_half_way(here)
            said = (
                renewing.return_counts(here.clients, here.permit, left.services)
                if left
                else "no restart was left half way"
            )
            here.log(said)
            return {"said": said, "since": ask_who(here.clients.sts)[1].isoformat()}
        raise AssertionError("unreachable: step() raises")

    def half_way(here: Step) -> Planned | None:
        left, since = _left_half_way(here), here.proof_of(f"{GROUP}.return_counts")["since"]
        return left and Planned(left.strategy, left.services, datetime.fromisoformat(since))

    @task
    def unprotect_tasks() -> str:
        with step() as here:
            left = _left_half_way(here)
            surged = [each for each in left.services if each.group] if left else []
            for each in surged:
                steps.unprotect_tasks(here.clients, here.permit, each)
                steps.hand_back_group(
                    here.clients, here.permit, each
                )  # before another plan takes our hold for somebody's
            return f"no task is protected any more: {', '.join(each.service for each in surged) or 'none was'}"
        raise AssertionError("unreachable: step() raises")

    @task(trigger_rule="none_failed")
    def bump_versions() -> str:
        with step() as here:
            if not here.passed(f"{GROUP}.verify_return"):
                raise AirflowSkipException("Nothing went back.")
            proved = here.proof_of(f"{GROUP}.verify_return")
            plan = plan_of(here)
            said = versioning.bump(here, here.permit, plan.regions, attempt="way back")
            return f"{proved}; {said}"
        raise AssertionError("unreachable: step() raises")

    (
        restore_data()
        >> verify_return()
        >> return_counts()
        >> SettleServicesOperator(task_id="settle_services", source=half_way)
        >> unprotect_tasks()
        >> renewal(f"{GROUP}.", _none_to_renew)
        >> bump_versions()
    )
