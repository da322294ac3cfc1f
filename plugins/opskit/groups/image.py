"""The steps that provide a commit's image in the registry. Every runbook that needs an image shares them."""

from __future__ import annotations

from airflow.sdk import PokeReturnValue, task_group

from include.releases.image import steps
from include.releases.image.steps import find_image
from opskit.context import StepContext
from opskit.step import poll, step

LONGEST = 2 * 3600  # seconds; CodeBuild's own limit is one hour, GitHub's six for a job


@step
def start_build(ctx: StepContext) -> dict[str, str]:
    """Find the image, or have it built."""
    return steps.start_build(ctx, ctx.guard["plan"]["commit"])


@poll(timeout=LONGEST)
def await_image(ctx: StepContext) -> PokeReturnValue:
    """Follow the build and the scan to their end. Return the image's digest."""
    commit, build = ctx.guard["plan"]["commit"], ctx.proof_of(start_build)
    progress = steps.poll_build(ctx, build, commit)
    ctx.tell_progress(progress)
    found = find_image(ctx, commit) if progress.done else None
    return PokeReturnValue(is_done=progress.done, xcom_value=found.digest if found else None)


@step
def verify_image(ctx: StepContext) -> str:
    """Prove which image was found or built."""
    ctx.writer.check()
    return steps.verify_image(ctx, ctx.guard["plan"]["commit"], ctx.proof_of(await_image))


@task_group(group_id="image", group_display_name="Image")
def image() -> None:
    """Find the image or have it built, follow the build and the scan to their end, and prove which image it is."""
    start_build() >> await_image() >> verify_image()
