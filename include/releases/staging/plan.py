"""The plan of staging_deployment: a green commit, its image, its migration, its services, and the gate they must pass."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from include.aws.ecr import Image
from include.errors import PreconditionError
from include.inventory import Target
from include.releases.deployment.plan import Live, notes_on, service_changes, services_seconds, tag_change
from include.releases.image.plan import BUILD
from include.releases.image.rules import commit_tag, readable_tag
from include.releases.migration.plan import USUAL, plan_task, task_changes
from include.releases.model import Migration, ServiceRelease
from include.releases.preconditions import ensure_allowed, plan_ready_services
from include.run.params import shown
from include.run.plan.model import Change, Plan, Skip

PERFORMANCE = 10 * 60  # seconds


class StagingDeploymentPlan(Plan):
    """The plan of a deployment to staging."""

    commit: str
    tag: str  # the image's, made of the commit
    image: str  # "" if this run still has to build the image from this commit
    readable: str  # the readable tag
    services: tuple[ServiceRelease, ...]
    migration: Migration | None
    performance: tuple[str, ...]  # the command of the performance test


def plan_staging_deployment(
    target: Target,
    commit: str,
    image: Image | None,
    live: Mapping[str, Live],
    checks: Sequence[tuple[str, str]],
    comparison: str,
    account: str,
    now: datetime,
    *,
    stamp: datetime,
    length: int = 40,
    templates: Mapping[str, str] | None = None,
    newer: str = "",
) -> StagingDeploymentPlan:
    """Build the plan. `stamp` is the run's own time, the same whenever the plan is made again.

    `newer` is the commit that runs now, if it is newer than this one.

    `checks` and `comparison` are what GitHub reports on the commit: it must be on its branch, and none of its checks may have
    failed. Running checks are waited for before the image is deployed. Raises: PreconditionError.
    """
    ensure_allowed(target, commit, account, comparison, checks, now)
    tag, release, digest = commit_tag(commit, length), target.release, image.digest if image else ""
    parts = plan_ready_services(target, live, templates, digest)
    migration = plan_task(target, digest, preset=release.migrate) if release.migrate else None
    what = f"image {digest[:19]}" if digest else f"the image of commit {commit[:12]}"
    blue_green = all(part.controller == "CODE_DEPLOY" for part in parts)
    readable = readable_tag(target.environment_name, None, stamp)
    changes = []
    if image is None:
        changes.append(
            Change(
                what=f"build the image of commit {commit[:12]}",
                before=f"no image tagged {tag}",
                after=f"an image tagged {tag}",
                undo="not needed: nothing uses it yet",
            )
        )
    if not blue_green:
        changes.append(tag_change(what, tag, readable))
    if migration:
        changes += task_changes(migration, f"{migration.family} with {what}")
    changes += service_changes(parts, what)
    seconds = services_seconds(parts) + (BUILD if image is None else 0) + (USUAL if migration else 0)
    command = release.performance.command if release.performance else ()
    if command:
        seconds += PERFORMANCE
    gate = [] if command else [Skip(what="a performance test", why=f"{target.name} has none in the inventory")]
    return StagingDeploymentPlan(
        runbook="staging_deployment",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=tuple(changes),
        skips=tuple(gate),
        notes=(
            *([f"Older than commit {newer[:12]}, which runs now: staging goes back in time."] if newer else []),
            *notes_on(target, parts, live),
            *([f"Image {image.digest[:19]} is{image.kind.removeprefix(',')}."] if image and image.is_index else []),
        ),
        expected_seconds=int(seconds),
        commit=commit,
        tag=tag,
        image=digest,
        readable=readable,
        services=parts,
        migration=migration,
        performance=command,
    )


def refuse_other_repository(target: Target, given: str) -> None:
    """Refuse a commit of another repository than the target's, if the request names one. Raises: PreconditionError."""
    known = target.system.github
    if given and given != known:
        raise PreconditionError(
            f"{target.name} is built from {known}, not from {shown(given)}; correct the call or the inventory, nothing was "
            "changed."
        )
