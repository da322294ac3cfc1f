"""The steps that publish a release on GitHub, and follow the pipeline that publishing starts where one deploys it."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import PokeReturnValue, task

from include.releases import publication
from include.releases.plans.production_release import ProductionReleasePlan
from opskit.operators.await_state import poll_seconds
from opskit.step import Step, step

PIPELINE = 2 * 3600  # seconds for it to be over


def planned(here: Step) -> ProductionReleasePlan:
    """Return the confirmed plan."""
    return ProductionReleasePlan.model_validate(here.guard["plan"])


@task
def draft_release() -> str:
    """Draft the release with its notes."""
    with step() as here:
        return publication.draft_release(here, here.permit, planned(here))
    raise AssertionError("unreachable: step() raises")


@task
def publish_release() -> str:
    """Publish the draft; from now on the version is taken."""
    with step() as here:
        return publication.publish_release(here, here.permit, planned(here))
    raise AssertionError("unreachable: step() raises")


@task.sensor(mode="reschedule", poke_interval=poll_seconds(), timeout=PIPELINE)
def await_pipeline() -> PokeReturnValue:
    """Follow the pipeline that publishing has started to its end."""
    with step() as here:
        published = datetime.fromisoformat(here.proof_of("publish_release"))
        progress = publication.look_at_pipeline(here, planned(here), published)
        here.tell_progress(progress)
        return PokeReturnValue(is_done=progress.done, xcom_value=progress.text)
    raise AssertionError("unreachable: step() raises")
