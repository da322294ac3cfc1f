"""The steps that bring a commit's image into the registry; shared by every runbook that needs one."""

from __future__ import annotations

from airflow.sdk import PokeReturnValue, task, task_group

from include.releases import publishing
from include.releases.publishing import find_image
from opskit.operators.await_state import poll_seconds
from opskit.step import step

LONGEST = 2 * 3600  # seconds; CodeBuild's own limit is one hour, GitHub's six for a job


@task_group(group_id="image")
def image() -> None:
    """Find the image or have it built, follow the build and the scan to their end, prove which image it is."""

    @task
    def start_build() -> dict[str, str]:
        with step() as here:
            return publishing.start_build(here, here.permit, here.guard["plan"]["commit"])
        raise AssertionError("unreachable: step() raises")

    @task.sensor(mode="reschedule", poke_interval=poll_seconds(), timeout=LONGEST)
    def await_image() -> PokeReturnValue:
        with step() as here:
            commit, build = here.guard["plan"]["commit"], here.proof_of("image.start_build")
            progress = publishing.look_at_build(here, here.run, build, commit)
            here.tell_progress(progress)
            found = find_image(here.clients, here.target, commit) if progress.done else None
            return PokeReturnValue(is_done=progress.done, xcom_value=found.digest if found else None)
        raise AssertionError("unreachable: step() raises")

    @task
    def verify_image() -> str:
        with step() as here:
            here.permit.check()
            return publishing.prove_image(here, here.guard["plan"]["commit"], here.proof_of("image.await_image"))
        raise AssertionError("unreachable: step() raises")

    start_build() >> await_image() >> verify_image()
