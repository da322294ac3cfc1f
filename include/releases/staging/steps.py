"""The steps of a deployment to staging: its plan, the wait for a commit's checks, and the attestation at its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from include import github
from include.aws import cloudwatch, ecr
from include.aws.ecs import list_tasks
from include.aws.sts import ask_who
from include.aws.task_definitions import container_of, describe_definition, image_of
from include.ecs.container_diff import template_of
from include.ecs.running_images import read_running_images
from include.ecs.service_state import read_service, with_room
from include.errors import PreconditionError
from include.inventory import Target
from include.releases.context import ReleaseContext
from include.releases.deployment.codedeploy import defined_digest, read_live_service
from include.releases.deployment.plan import Live, live_of
from include.releases.image.platforms import ensure_runnable
from include.releases.image.rules import digest_in, ensure_commit
from include.releases.image.steps import find_image
from include.releases.migration.steps import ensure_migratable
from include.releases.model import ServiceRelease
from include.releases.production.checks import ensure_green, missing_of, skipped
from include.releases.staging.plan import StagingDeploymentPlan, plan_staging_deployment
from include.run.context import Context
from include.run.image_attestations import add_attestation
from include.text import canonical_json
from include.waiters.progress import Progress

if TYPE_CHECKING:
    from github.Repository import Repository

log = logging.getLogger(__name__)


def make_plan(ctx: ReleaseContext, commit: str, stamp: datetime) -> tuple[StagingDeploymentPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    target, clients = ctx.target, ctx.clients
    ensure_commit(commit)
    account, since = ask_who(clients.sts)
    live = read_live(ctx)
    plan = plan_staging_deployment(
        target,
        commit,
        find_image(ctx, commit),
        live,
        github.list_checks(ctx.github, commit),
        github.compare_status(ctx.github, target.system.versions.branch, commit),
        account,
        since,
        stamp=stamp,
        length=target.registry.commit_length,
        templates=read_templates(ctx, live),
        newer=_newer(ctx, commit, live),
    )
    beside = ensure_migratable(ctx, plan.migration, since)
    if plan.image:  # otherwise it is asked about once it has been built
        ensure_runnable(ctx, plan.image, {part.service: part.before for part in plan.services})
    return plan.model_copy(update={"notes": (*plan.notes, *beside)}), since


def _newer(ctx: ReleaseContext, commit: str, live: Mapping[str, Live]) -> str:
    """Return the commit that runs now if it is newer than the one to deploy, or "" if it is not or this is unknown."""
    length = ctx.target.registry.commit_length
    running = {digest for each in live.values() for digest in each.digests}
    tags = [
        tag
        for image in ecr.list_images(ctx.clients.ecr, ctx.target.registry)
        for tag in image.tags
        if image.digest in running and len(tag) == length and set(tag) <= set("0123456789abcdef")
    ]
    return next((tag for tag in tags if _is_behind(ctx, tag, commit)), "")


def _is_behind(ctx: ReleaseContext, running: str, commit: str) -> bool:
    try:
        return github.compare_status(ctx.github, running, commit) == "behind"
    except PreconditionError as error:  # GitHub no longer has the commit that runs: history was rewritten
        log.info("How commit %s stands to %s is not known: %s", commit[:12], running[:12], error)
        return False


def read_live(ctx: Context) -> dict[str, Live]:
    """Read every service of the target's release section, in order."""
    found, target = {}, ctx.target
    for name in target.release.services:
        service = target.environment.service(name)
        if service.deployment_controller == "CODE_DEPLOY":
            found[name] = read_live_service(ctx, name)
            continue
        group = service.scaling_group.name if service.scaling_group else None
        state = read_service(ctx.clients, str(target.environment.cluster), name, group)
        found[name] = live_of(with_room(ctx.clients, state), service)
    for name, each in found.items():
        if not each.desired and not each.digests:  # no task tells what it runs
            digest = defined_digest(ctx, each.definition, target.environment.service(name).container)
            found[name] = replace(each, digests=frozenset({digest} - {""}))
    return _as_pushed(ctx, _with_firing(ctx, _with_images(ctx, found)))


def _with_images(ctx: Context, live: Mapping[str, Live]) -> dict[str, Live]:
    """Return the services with what their tasks run, beside what their task definition names now."""
    clients, environment, found = ctx.clients, ctx.target.environment, {}
    for name, each in live.items():
        tasks = [
            task for task in list_tasks(clients.ecs, str(environment.cluster), name) if task.last_status == "RUNNING"
        ]
        accounts = {environment.account, ctx.target.registry.account}
        images = read_running_images(clients, each.definition, tasks, accounts)
        found[name] = replace(each, images=images)
    return found


def _with_firing(ctx: Context, live: Mapping[str, Live]) -> dict[str, Live]:
    """Return the services with those of their deployments' alarms that fire already."""
    firing = cloudwatch.find_firing(ctx.clients, [name for each in live.values() for name in each.alarms])
    return {
        service: replace(each, firing=tuple(name for name in each.alarms if name in firing))
        for service, each in live.items()
    }


def _as_pushed(ctx: Context, live: Mapping[str, Live]) -> dict[str, Live]:
    """Return the services with the digests that their images were pushed under: of an index, ECS may report a platform's."""
    client, registry, found = ctx.clients.ecr, ctx.target.registry, {}
    images = ecr.list_images(client, registry)
    for name, each in live.items():
        named = ""
        if each.digests and any(image.is_index for image in images):
            definition = describe_definition(ctx.clients.ecs, each.definition)
            image = image_of(definition, ctx.target.environment.service(name).container)
            named = digest_in(image, images, registry)
        pushed = ecr.find_pushed(client, registry, images, each.digests, named)
        found[name] = replace(each, digests=frozenset(pushed.values()))
    return found


def read_templates(ctx: Context, live: Mapping[str, Live]) -> dict[str, str]:
    """Return what the container of each service is, but for values, as JSON."""
    found = {}
    for name, each in live.items():
        container = ctx.target.environment.service(name).container
        definition = describe_definition(ctx.clients.ecs, each.definition)
        found[name] = canonical_json(template_of(container_of(definition, container)))
    return found


def poll_checks(ctx: ReleaseContext, commit: str) -> Progress:
    """Look whether every check of a commit is green. Raises: PreconditionError if one has failed."""
    return look_at_checks(ctx.github, ctx.target, commit)


def look_at_checks(repository: Repository, target: Target, commit: str) -> Progress:
    """Look whether every check of a commit in a repository is green. Raises: PreconditionError if one has failed."""
    checks, required = github.list_checks(repository, commit), target.system.versions.checks
    if ensure_green(commit, checks, required):
        passed = f"{len(checks) - len(skipped(checks))} checks of commit {commit[:12]} are green"
        return Progress(True, "; skipped: ".join(filter(None, [passed, ", ".join(skipped(checks))])))
    text = f"commit {commit[:12]} waits for {missing_of(checks, required)}"
    return Progress(False, text, text)


def attest_image(ctx: ReleaseContext, digest: str, commit: str, parts: Sequence[ServiceRelease]) -> str:
    """Put on record that this image was deployed here and passed, which production asks for."""
    # what no task ran is not proved
    proved = {part.container: part.template for part in parts if part.count}
    add_attestation(ctx.store, ctx.target.name, digest, commit, ctx.run, proved)
    return f"image {digest[:19]} of commit {commit[:12]} is proved on {ctx.target.name}"
