"""What a release to production reads from GitHub, AWS and staging's records before it plans."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from include import github
from include.aws import cloudwatch, ecr
from include.aws.ecr import Image, Scan
from include.aws.sts import ask_who
from include.ecs.container_diff import differences
from include.errors import PreconditionError
from include.inventory import Target
from include.releases.bake.steps import read_environments
from include.releases.context import ReleaseContext
from include.releases.deployment.plan import Live
from include.releases.image.platforms import ensure_runnable
from include.releases.image.rules import ensure_commit, find_tagged
from include.releases.migration.rules import find_migrations
from include.releases.migration.steps import ensure_migratable
from include.releases.production.plan import ProductionReleasePlan, Repository, World, plan_production_release
from include.releases.production.versions import Bump, choose_version, previous_version, read_tags, running_version
from include.releases.staging.steps import read_live, read_templates
from include.run.image_attestations import last_attestation, read_attestation
from include.run.store import RunStore

if TYPE_CHECKING:
    from include.sentry import Sentry


@dataclass(frozen=True)
class ReleaseRequest:
    """A person's request for a release, without its target. Without a commit, it is the last one that staging has proved."""

    commit: str = ""
    version: str = ""
    bump: Bump = "patch"


def make_plan(
    ctx: ReleaseContext,
    staging: RunStore,
    request: ReleaseRequest,
    stamp: datetime,
    sentry: Sentry | None = None,
) -> tuple[ProductionReleasePlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    target, clients = ctx.target, ctx.clients
    assert target.proved_on  # only such targets are offered
    account, since = ask_who(clients.sts)
    commit = request.commit or _last_proved(staging, target.proved_on)
    ensure_commit(commit)
    live, own = read_live(ctx), ecr.list_images(clients.ecr, target.registry)
    source = target if target.release.deployed_by == "runbook" else target.proved_on  # where a pipeline takes it from
    registry, there = source.registry, ctx.clients_of(source.name).ecr
    images = own if source is target else ecr.list_images(there, registry)
    image = find_tagged(commit[: registry.commit_length], images)
    proof = read_attestation(staging, target.proved_on.name, image.digest, commit) if image else None
    templates = read_templates(ctx, live)
    world = World(
        live=live,
        images=images,
        own=own,
        scan=ecr.describe_scan(there, registry, image) if image else Scan(""),
        proof=proof,
        alarms=cloudwatch.describe_alarms(clients.cloudwatch, target.environment.alarms),
        account=account,
        templates=templates,
        differences=_differences(target, proof.templates if proof else {}, templates),
        keep=target.registry.keep,
        length=registry.commit_length,
        sentry_environments=read_environments(sentry, target),
    )
    plan = plan_production_release(
        target,
        commit,
        read_repository(ctx, commit, request, running_commits(live, own, target.registry.commit_length)),
        world,
        since,
        stamp=stamp,
        version=request.version,
        bump=request.bump,
        registry=source.name,
    )
    beside = ensure_migratable(ctx, plan.migration, since)
    ensure_runnable(ctx, plan.image, {part.service: part.before for part in plan.services}, (there, registry))
    return plan.model_copy(update={"notes": (*plan.notes, *beside)}), since


def _last_proved(staging: RunStore, target: Target) -> str:
    proof = last_attestation(staging, target.name)
    if proof is None:
        raise PreconditionError(
            f"{target.name} has never proved an image, so there is nothing to release; deploy a commit there first."
        )
    return proof.commit


def _differences(target: Target, proved: Mapping[str, str], ctx: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for name in target.release.services:
        container = target.environment.service(name).container
        if container in proved:
            different = differences(json.loads(proved[container]), json.loads(ctx[name]))
            found += [f"container {container} of {name} {each}" for each in different]
        elif proved:
            found.append(f"container {container} of {name} was proved by no task where the image was proved")
    return tuple(found)


def running_commits(live: Mapping[str, Live], images: Sequence[Image], length: int) -> frozenset[str]:
    """Return the commits of the images that run, as far as their tags tell them; "" stands for one that they do not."""
    running = {digest for each in live.values() for digest in each.digests}
    tags = {image.digest: image.tags for image in images}
    found = set()
    for digest in running:
        found.add(next((tag for tag in tags.get(digest, ()) if re.fullmatch(f"[0-9a-f]{{{length}}}", tag)), ""))
    return frozenset(found)


def read_repository(
    ctx: ReleaseContext, commit: str, request: ReleaseRequest, running: Collection[str] = ()
) -> Repository:
    """Return what GitHub reports for a release of a commit. `running` are the commits of the images that run, "" for unknown ones."""
    versions, repository = ctx.target.system.versions, ctx.github
    commits = github.list_tags(repository)
    tags = read_tags(commits, versions.prefix)
    new = choose_version(request.version, tags, request.bump, versions.prefix)
    runs = running_version(tags, new, commits, running) if all(running) else None
    previous = runs or previous_version(tags, new)
    tag = str(previous) if previous else None
    return Repository(
        tags=tags,
        previous=previous,
        known=runs is not None,
        commits=github.list_commits_between(repository, tag, commit),
        lacking=github.list_commits_between(repository, commit, tag) if tag else (),
        files=find_migrations(github.changed_files(repository, tag, commit)) if tag else (),
        comparison=github.compare_status(repository, versions.branch, commit),
        checks=github.list_checks(repository, commit),
    )
