"""The plan of a rollback that a person starts: every service gets the revision of a release whose image still exists."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from include.aws.ecr import Image
from include.ecs.running_images import RunningImages
from include.errors import PreconditionError
from include.inventory import Target
from include.releases.deployment.plan import Live, group_changes, idle, plan_services, services_seconds, waiting, weak
from include.releases.model import ServiceRelease, revision
from include.restart.notes import note_unread_images
from include.run.plan.model import Change, Plan
from include.run.plan.preconditions import refuse_other_account, refuse_outside_hours

NOT_UNDONE = "Schema changes are not undone: going back in the database is done by hand, with the lead developer."


@dataclass(frozen=True)
class Candidate:
    """A task definition to which a service could be rolled back."""

    definition: str  # its ARN
    digest: str  # of its image
    active: bool


class RollbackPlan(Plan):
    """The plan of a rollback. `to` are task definitions by service."""

    version: str  # the readable tag or version to roll back to
    image: str  # its digest
    services: tuple[ServiceRelease, ...]  # newest first
    to: dict[str, str]


def offer(images: Sequence[Image], environment: str, ran: Container[str] = ()) -> tuple[str, ...]:
    """Return a tag of each release whose image is still in the registry, newest first: the readable tag if it has one.

    `ran` are the digests of images that the services have revisions of: a release deployed by a pipeline has no readable tag.
    """
    found = []
    for image in sorted(images, key=lambda each: each.pushed_at, reverse=True):
        readable = [tag for tag in image.tags if tag.startswith(f"{environment}-")]
        found += sorted(readable, reverse=True) or (list(image.tags[:1]) if image.digest in ran else [])
    return tuple(found)


def plan_rollback(
    target: Target,
    to: str,
    images: Sequence[Image],
    candidates: Mapping[str, Sequence[Candidate]],
    live: Mapping[str, Live],
    account: str,
    now: datetime,
) -> RollbackPlan:
    """Build the plan. `to` is a readable tag, empty for the last release before the one that runs. `candidates` are the revisions
    of each service's family, newest first.

    Raises: PreconditionError.
    """
    refuse_other_account(target, account)
    refuse_outside_hours(target.name, target.environment.maintenance_hours, now)
    ran = {candidate.digest for several in candidates.values() for candidate in several if candidate.active}
    there = offer(images, target.environment_name, ran)
    chosen_by_us = not to
    to = to or last_before(there, images, candidates, live)
    image = next((image for image in images if to in image.tags), None)
    if image is None:
        asked = (
            f"no image tagged {to} any more"
            if to
            else "no release before the running one for which every service has a task definition"
        )
        raise PreconditionError(
            f"The registry has {asked}; choose one that is still there: {', '.join(there) or 'none'}, nothing was changed."
        )
    parts = tuple(reversed(plan_services(target, live)))
    chosen = {part.service: _choose(part, image, candidates.get(part.service, ())) for part in parts}
    going = [part for part in parts if part.before != chosen[part.service]]
    changes = []
    for part in going:
        by = "CodeDeploy, blue-green" if part.controller == "CODE_DEPLOY" else "ecs.UpdateService"
        changes += group_changes(part)
        changes.append(
            Change(
                what=f"{part.service} ({by})",
                before=f"{revision(part.before)}, {part.count} tasks",
                after=f"{revision(chosen[part.service])}, {part.count} tasks",
                undo=f"forward to {revision(part.before)}",
            )
        )
    return RollbackPlan(
        runbook="release_rollback",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=tuple(changes),
        notes=(
            f"Image {image.digest[:19]} ({to}"
            f"{', the last release before the one that runs, since the run names none' if chosen_by_us else ''}).",
            NOT_UNDONE,
            *waiting(going),
            *weak(live),
            *idle(parts),
        ),
        expected_seconds=int(services_seconds(going)),
        version=to,
        image=image.digest,
        services=parts,
        to=chosen,
    )


def with_other_images(plan: RollbackPlan, found: Mapping[str, RunningImages]) -> RollbackPlan:
    """Return the plan with what it deploys beside the release's image. `found` is what the earlier revisions name now, by service.

    Raises: PreconditionError if the tasks of one could not start.
    """
    notes: list[str] = []
    for part in plan.services:
        if part.service not in found:
            continue
        to, images = revision(plan.to[part.service]), found[part.service].beside(part.container)
        for other in images.others:
            if not other.names:
                raise PreconditionError(other.explain_unstartable(to))
            notes.append(other.tell_return(part.service, to))
        notes += note_unread_images(part.service, images)
    return plan.model_copy(update={"notes": (*plan.notes, *notes)})


def last_before(
    there: Sequence[str],
    images: Sequence[Image],
    candidates: Mapping[str, Sequence[Candidate]],
    live: Mapping[str, Live],
) -> str:
    """Return the newest release whose image is older than every running one and that every service can run, or nothing.

    After an earlier rollback the newest release is the bad one, so the newest that does not run would be wrong.
    """
    running = {digest for service in live.values() for digest in service.digests}
    known = [image for image in images if image.digest in running]
    if not known or len(known) < len(running):
        return ""
    first = min(image.pushed_at for image in known)
    older = {tag: image.digest for image in images if image.pushed_at < first for tag in image.tags}
    for tag in there:
        fitting = [
            any(candidate.active and candidate.digest == older.get(tag) for candidate in several)
            for several in candidates.values()
        ]
        if tag in older and all(fitting):
            return tag
    return ""


def describe_offer(
    there: Sequence[str], images: Sequence[Image], live: Mapping[str, Live], taken: str
) -> dict[str, str]:
    """Return what each release that is there is beside the one that runs; `taken` is the one that a run takes which names none."""
    running = {digest for service in live.values() for digest in service.digests}
    runs = [image.pushed_at for image in images if image.digest in running]
    found = {}
    for tag in there:
        image = next(image for image in images if tag in image.tags)
        if tag == taken:
            found[tag] = "the last release before the one that runs; taken if the field is left empty"
        elif image.digest in running:
            found[tag] = "runs now"
        elif runs and image.pushed_at > max(runs):
            found[tag] = "newer than what runs: it went back, or was not released here"
        else:
            found[tag] = ""
    return found


def _choose(part: ServiceRelease, image: Image, candidates: Sequence[Candidate]) -> str:
    fitting = next(
        (candidate for candidate in candidates if candidate.active and candidate.digest == image.digest), None
    )
    if fitting is None:
        raise PreconditionError(
            f"{part.service} has no active task definition with image {image.digest[:19]}; register one with it, or choose "
            "another release, nothing was changed."
        )
    return fitting.definition
