"""The plan of production_release: what is released, who proved it, the cost of a rollback, and the calls to be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from include.aws.cloudwatch import Alarm
from include.aws.ecr import Image, Scan
from include.errors import PreconditionError
from include.inventory import Target
from include.releases.bake.rules import refuse_unwatched, states, unwatched_environment
from include.releases.deployment.plan import (
    Live,
    notes_on,
    refuse_no_way_back,
    service_changes,
    services_seconds,
    tag_change,
)
from include.releases.image.rules import judge_scan, readable_tag, require_attestation, require_image, require_survivor
from include.releases.migration.plan import USUAL, plan_task, task_changes
from include.releases.model import Migration, ServiceRelease
from include.releases.preconditions import ensure_allowed, plan_ready_services
from include.releases.production.checks import missing_of, skipped
from include.releases.production.release_notes import Tickets, find_tickets
from include.releases.production.versions import Bump, Tags, Version, choose_version
from include.run.image_attestations import Attestation
from include.run.plan.model import Change, Plan, Skip

if TYPE_CHECKING:
    from include.github import Commit

LACKING_SHOWN = 10  # commits of the last release that this one lacks
TAGS_SHOWN = 5  # of those that are no versions
SHOWN = 30  # commits to list for the approver; the release's notes list all


class ProductionReleasePlan(Plan):
    """The plan of a release."""

    version: str
    previous: str  # "" for the first release
    commit: str
    on_branch: bool
    checks: Literal["green"]
    image: str  # its digest
    readable: str
    proved_by: str  # the staging run
    proved_on: str
    scan: str
    tickets: tuple[str, ...]
    services: tuple[ServiceRelease, ...]
    migration: Migration | None
    migrations: tuple[str, ...]  # files changed since the last release
    template_differences: tuple[str, ...]
    deployed_by: Literal["runbook", "pipeline"]
    workflow: str
    bake_seconds: int
    firing: tuple[str, ...]  # alarms that were in ALARM before the release
    contents: tuple[str, ...] = ()  # commits, remarks on their tickets, and tags that do not count

    @property
    def details(self) -> tuple[str, ...]:
        return self.contents


@dataclass(frozen=True)
class Repository:
    """What GitHub reports for a release."""

    tags: Tags
    previous: (
        Version | None
    )  # the version that runs, from which this release's range counts; None for the first release
    commits: Sequence[Commit]  # since the last release, oldest first
    files: Sequence[str]  # migrations changed since the last release, see find_migrations
    comparison: str  # of the branch with the commit
    checks: Sequence[tuple[str, str]]
    lacking: Sequence[Commit] = ()  # commits of the last release that this one does not have, oldest first
    known: bool = True  # that `previous` is what runs: otherwise it is the highest version


@dataclass(frozen=True)
class World:
    """What AWS and the run stores say for a release."""

    live: Mapping[str, Live]
    images: Sequence[Image]  # in the registry from which the release's image is taken
    scan: Scan
    proof: Attestation | None
    alarms: Sequence[Alarm]
    account: str
    templates: Mapping[str, str] = field(default_factory=dict)
    differences: Sequence[str] = ()
    keep: Mapping[str, int] = field(default_factory=dict)  # the registry's lifecycle policy
    length: int = 40  # of a commit in an image's tag
    own: Sequence[Image] | None = None  # of production's registry, if it is a separate one
    sentry_environments: Sequence[str] | None = None  # that Sentry knows of the project, or None if it was not read


def plan_production_release(
    target: Target,
    commit: str,
    repository: Repository,
    world: World,
    now: datetime,
    *,
    stamp: datetime,
    version: str = "",
    bump: Bump = "patch",
    registry: str = "",
) -> ProductionReleasePlan:
    """Build the plan, or refuse. `stamp` is the run's own time: the readable tag is the same whenever the plan is made again.

    Raises: PreconditionError.
    """
    release, versions = target.release, target.system.versions
    green = ensure_allowed(target, commit, world.account, repository.comparison, repository.checks, now)
    new = choose_version(version, repository.tags, bump, versions.prefix)
    if not green:
        raise PreconditionError(
            f"Commit {commit[:12]} is not green yet: it waits for {missing_of(repository.checks, versions.checks)}; start again "
            "when it is."
        )
    image = require_image(commit, world.length, world.images, registry or target.name)
    staging = target.proved_on.name if target.proved_on else target.name
    proof = require_attestation(image, commit, world.proof, staging)
    verdict = judge_scan(image, world.scan, release.scan.refuse, release.scan.accepted)
    if verdict.wait:
        raise PreconditionError(f"Nothing can be said of it yet: {verdict.text}; wait for it, then start again.")
    readable = readable_tag(target.environment_name, str(new), stamp)
    own = world.images if world.own is None else world.own
    there = image.digest if any(each.digest == image.digest for each in own) else ""
    by_push = release.deployed_by == "pipeline"
    parts = plan_ready_services(target, world.live, world.templates, there if by_push else None)
    for part in parts:
        if not part.before_digest:
            raise PreconditionError(
                f"Which image {part.service} runs is not known, so whether it can go back is not; look at its tasks first."
            )
        require_survivor(part.before_digest, own, world.keep, readable, image.digest, part.service)
    refuse_no_way_back(parts, world.live)
    assert release.bake is not None  # the inventory requires a bake if an image proved elsewhere is released
    refuse_unwatched(target.environment.alarms, world.alarms, release.bake)
    migration = plan_task(target, image.digest, preset=release.migrate) if release.migrate else None
    tickets = (
        find_tickets(repository.commits, target.system.jira_project, repository.lacking)
        if target.system.jira_project
        else Tickets(())
    )
    firing = tuple(n for n, s in sorted(states(world.alarms, target.environment.alarms).items()) if s == "ALARM")
    previous = repository.previous
    seconds = services_seconds(parts) + (USUAL if migration else 0) + release.bake.duration.total_seconds()
    return ProductionReleasePlan(
        runbook="production_release",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=tuple(_changes(target, str(new), commit, image, readable, parts, migration)),
        skips=(Skip(what="a build", why="production gets the very image that staging has proved"),),
        notes=(
            *_going_back(parts, repository.files, migration),
            *_since(repository, new),
            *_taken_away(repository, tickets, str(previous or "")),
            *(f"Here, {difference}." for difference in world.differences),
            *notes_on(target, parts, world.live),
            *filter(None, [unwatched_environment(target, world.sentry_environments)]),
            *([f"Firing already, so not held against this release: {', '.join(firing)}."] if firing else []),
            f"Image {image.digest[:19]}{image.kind}, proved on {staging} by {proof.run}; {verdict.text}.",
            _how_much(repository, tickets, str(previous or "")),
        ),
        contents=tuple(_what_goes_out(repository, tickets)),
        expected_seconds=int(seconds),
        version=str(new),
        previous=str(previous or ""),
        commit=commit,
        on_branch=True,
        checks="green",
        image=image.digest,
        readable=readable,
        proved_by=proof.run,
        proved_on=staging,
        scan=verdict.text,
        tickets=tickets.keys,
        services=parts,
        migration=migration,
        migrations=tuple(repository.files),
        template_differences=tuple(world.differences),
        deployed_by=release.deployed_by,
        workflow=release.workflow or "",
        bake_seconds=int(release.bake.duration.total_seconds()),
        firing=firing,
    )


def _taken_away(repository: Repository, tickets: Tickets, previous: str) -> list[str]:
    """Return what a release takes back, and what nobody has checked of it."""
    notes = [f"{sentence}." for sentence in tickets.told]
    if lacking := repository.lacking:
        shown = "; ".join(f"{each.sha[:7]} {each.subject}" for each in lacking[-LACKING_SHOWN:])
        more = f"; and {len(lacking) - LACKING_SHOWN} earlier ones" if len(lacking) > LACKING_SHOWN else ""
        notes.append(f"{previous} has {len(lacking)} commits that this release takes away again: {shown}{more}.")
    if names := skipped(repository.checks):
        notes.append(f"Skipped, so nothing was checked by them: {', '.join(names)}.")
    return notes


def _since(repository: Repository, new: Version) -> list[str]:
    """Return a note if the range of a release does not begin at the last version, or if it is not known to begin at what runs."""
    previous = repository.previous
    if previous is None:
        return []
    if not repository.known:
        return [
            "Which version runs is not known, since the tags of what runs name no version's commit: the range begins at the last "
            f"version, {previous}."
        ]
    over = [str(version) for version in repository.tags.versions if previous < version < new]
    if not over:
        return []
    verb = "is" if len(over) == 1 else "are"
    return [
        f"{', '.join(over)} {verb} published and {'does' if len(over) == 1 else 'do'} not run, {previous} does: the range begins "
        "there, so their tickets are told with this release."
    ]


def _how_much(repository: Repository, tickets: Tickets, previous: str) -> str:
    since = f"since {previous}" if previous else "in the first release"
    return f"{len(repository.commits)} commits {since}, {len(tickets.keys)} tickets: {', '.join(tickets.keys) or 'none named'}."


def _what_goes_out(repository: Repository, tickets: Tickets) -> list[str]:
    commits = repository.commits
    details = [f"{commit.sha[:7]} {commit.subject}" for commit in commits[-SHOWN:]]
    if len(commits) > SHOWN:
        details.append(f"... and {len(commits) - SHOWN} earlier commits")
    details += [f"{remark}." for remark in tickets.remarks]
    ignored = repository.tags.ignored
    details += [f"Not counted as a version: tag {each.tag} ({each.why})." for each in ignored[:TAGS_SHOWN]]
    if len(ignored) > TAGS_SHOWN:
        details.append(f"... and {len(ignored) - TAGS_SHOWN} more tags that are not counted")
    return details


def _going_back(parts: Sequence[ServiceRelease], files: Sequence[str], migration: Migration | None) -> list[str]:
    images = ", ".join(sorted({part.before_digest[:19] for part in parts}))
    possible = f"Going back is possible: what runs now ({images}) outlives this release in the registry."
    names = ", ".join(file.rsplit("/", 1)[-1] for file in files)
    if files and migration:
        schema = (
            f"Migrations will run with this release: {names}; going back does not undo them, so it is safe only if the code "
            "before works with the schema after."
        )
    elif files:
        schema = (
            f"Migrations came since the last release, and this runbook runs none: {names}; if they are made otherwise, going "
            "back does not undo them."
        )
    else:
        schema = "No migration has changed since the last release, so going back is safe for the schema."
    return [schema, possible]


def _changes(
    target: Target,
    version: str,
    commit: str,
    image: Image,
    readable: str,
    parts: Sequence[ServiceRelease],
    migration: Migration | None,
) -> list[Change]:
    release, what = target.release, f"image {image.digest[:19]}"
    changes = [
        Change(
            what=f"publish release {version} of {target.system.github} at {commit[:12]}",
            before="a draft with its notes",
            after="published",
            undo="none: a release that goes back stays published, and says so",
        )
    ]
    if release.deployed_by == "pipeline":
        changes.append(
            Change(
                what=f"workflow {release.workflow}, which publishing starts, followed to its end",
                before="not running",
                after="completed: success",
                undo="the services go back as below",
            )
        )
    else:
        tags = ", ".join(image.tags) or "no tag"
        changes.append(tag_change(what, tags, readable))
    if migration:
        changes += task_changes(migration, f"{migration.family} with {what}")
    return changes + service_changes(parts, what)
