"""The steps at both ends of a proof on staging: wait for a commit's checks, and attest the image that passed everything."""

from __future__ import annotations

from include.releases.staging.steps import attest_image, poll_checks
from include.waiters.progress import Progress
from opskit.context import StepContext
from opskit.groups.definitions import digest_of, parts_of
from opskit.groups.deployment import verify_deployment
from opskit.groups.image import verify_image
from opskit.groups.load_test import verify_performance
from opskit.groups.migration import verify_migration
from opskit.step import poll, step

CHECKS = 2 * 3600  # seconds until a commit's checks have ended


@poll(timeout=CHECKS)
def await_checks_green(ctx: StepContext) -> Progress:
    """Wait for every check of the commit to be green. A red check ends the run."""
    return poll_checks(ctx, ctx.guard["plan"]["commit"])


@step
def keep_staging_proof(ctx: StepContext) -> str:
    """Record that this image passed here. Production requires this record."""
    ctx.writer.check()
    for proof in (await_checks_green, verify_image, verify_migration, verify_deployment, verify_performance):
        ctx.proof_of(proof)  # one that was marked as success by hand has left none
    return attest_image(ctx, digest_of(ctx), ctx.guard["plan"]["commit"], parts_of(ctx))
