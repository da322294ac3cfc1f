"""The steps between which a commit is proved on staging: its checks are green, and what passed everything is put on record."""

from __future__ import annotations

from airflow.sdk import PokeReturnValue, task

from include.releases.staging import keep_proof, look_at_checks
from opskit.groups.deployment import digest_of, parts_of
from opskit.operators.await_state import poll_seconds
from opskit.step import step

CHECKS = 2 * 3600  # seconds for a commit's checks to be over
PROOFS = (  # each leaves a sentence; one that was marked as success by hand leaves none
    "await_checks_green",
    "image.verify_image",
    "migration.verify_migration",
    "verify_deployment",
    "performance.verify_performance",
)


@task.sensor(mode="reschedule", poke_interval=poll_seconds(), timeout=CHECKS)
def await_checks_green() -> PokeReturnValue:
    """Wait for every check of the commit to be green; a red one ends the run."""
    with step() as here:
        progress = look_at_checks(here, here.guard["plan"]["commit"])
        here.tell_progress(progress)
        return PokeReturnValue(is_done=progress.done, xcom_value=progress.text)
    raise AssertionError("unreachable: step() raises")


@task
def keep_staging_proof() -> str:
    """Put on record that this image passed here, which production asks for."""
    with step() as here:
        here.permit.check()
        for each in PROOFS:
            here.proof_of(each)
        return keep_proof(here, here.run, digest_of(here), here.guard["plan"]["commit"], parts_of(here))
    raise AssertionError("unreachable: step() raises")
