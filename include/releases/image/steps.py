"""Provide a commit's image in the registry: find it, or have it built once, and return its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from include import github
from include.aws import codebuild, ecr
from include.aws.clients import Clients
from include.aws.ecr import Image
from include.aws.sts import ask_who
from include.errors import PreconditionError
from include.inventory import Target
from include.inventory.releases import ScanPolicy
from include.reconcile import reconcile
from include.releases.context import ReleaseContext
from include.releases.image.plan import ImagePublicationPlan, plan_image_publication
from include.releases.image.rules import Verdict, commit_tag, judge_scan
from include.run import documents
from include.run.context import Context
from include.run.journal import list_events, written_intents
from include.waiters.progress import Progress
from include.write import read_write

SCAN_BEGINS = timedelta(minutes=5)  # at most this long after the push
NONE, CODEBUILD, GITHUB = "none", "codebuild", "github"


def make_plan(ctx: ReleaseContext, commit: str) -> tuple[ImagePublicationPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    target, builder = ctx.target, ctx.target.environment.builder
    account, since = ask_who(ctx.clients.sts)
    words = f"{'CodeBuild project' if builder.kind == CODEBUILD else 'workflow'} {builder.name}" if builder else None
    plan = plan_image_publication(
        target,
        commit,
        find_images(ctx, commit),
        account,
        length=target.registry.commit_length,
        builder=words,
    )
    return plan, since


def find_image(ctx: Context, commit: str) -> Image | None:
    """Return the image with exactly the commit's tag, or None. Raises: PreconditionError for what is no commit."""
    return _find_image(ctx.clients, ctx.target, commit)


def _find_image(clients: Clients, target: Target, commit: str) -> Image | None:
    registry = target.registry
    return ecr.describe_image(clients.ecr, registry, commit_tag(commit, registry.commit_length))


def find_images(ctx: ReleaseContext, commit: str) -> dict[str, Image | None]:
    """Return the commit's image in every registry that the target's builder pushes to, the target's own first.

    Each registry is read with the role of its own target, since no account reads another's registry without permission.
    """
    target, system, builder = ctx.target, ctx.target.system, ctx.target.environment.builder
    others = [Target(system, name) for name, each in system.environments.items() if builder and each.builder == builder]
    names: dict[str, Target] = {}
    for each in (target, *others):
        names.setdefault(f"{each.registry.account}/{each.registry.repository}", each)
    return {name: _find_image(ctx.clients_of(each.name), each, commit) for name, each in names.items()}


def start_build(ctx: ReleaseContext, commit: str) -> dict[str, str]:
    """Have the commit's image built unless it is there. Return which build to follow as JSON: kind, id, url.

    The build is on record before the wait begins, so a retry finds it and starts no second one.
    """
    store, kept_at = ctx.store, documents.build(ctx.run)
    if kept := store.get(*kept_at):
        return _told(kept)
    if all(find_images(ctx, commit).values()):
        return _told({"kind": NONE})
    builder = ctx.target.environment.builder
    if builder is None:
        raise PreconditionError(
            f"{ctx.target.name} has no builder in the inventory, and its registry no image of commit {commit[:12]}; nothing "
            "was changed."
        )
    reconcile(ctx.clients, ctx.writer)
    start = _start_codebuild if builder.kind == CODEBUILD else _start_workflow
    found = start(ctx, builder.name, commit)
    store.add(*kept_at, found)
    return _told(found)


def _told(found: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(found.get(key, "")) for key in ("kind", "id", "url")}


def _start_codebuild(ctx: ReleaseContext, project: str, commit: str) -> dict[str, str]:
    client = ctx.clients.codebuild
    running = codebuild.find_build(client, project, commit)
    if running is None or running.status != "IN_PROGRESS":
        token = hashlib.sha256(f"{ctx.run} {commit}".encode()).hexdigest()
        running = ctx.writer.write(codebuild.start_build(client, project, commit, token))
    return {"kind": CODEBUILD, "id": running.id, "url": running.log_url}


def _start_workflow(ctx: ReleaseContext, file: str, commit: str) -> dict[str, str]:
    mark = ctx.store.get(*documents.build_mark(ctx.run))
    if mark and _may_have_dispatched(ctx):
        if found := github.find_run(ctx.github, file, after=int(mark["newest"])):
            return _followed(found)  # started by an earlier attempt of this step whose process died
    else:  # nothing began, so what others have started since is not ours
        _mark(ctx, file, mark)
    branch = ctx.target.system.versions.branch
    made = ctx.writer.write(github.dispatch_workflow(ctx.github, file, branch, {"commit": commit}))
    return {"kind": GITHUB, "id": str(made or ""), "url": ""}


def _may_have_dispatched(ctx: ReleaseContext) -> bool:
    """Tell whether this run may have started a workflow: a call that GitHub has refused started none."""
    written = (read_write(event) for event in written_intents(list_events(ctx.store, ctx.run)))
    return any(str(write) == str(github.CREATE_DISPATCH) for write in written)


def _mark(ctx: ReleaseContext, file: str, before: Mapping[str, Any] | None) -> None:
    """Put on record which run of a workflow is the newest before this run starts one."""
    expected = int(before.get("version", 1)) if before else 0
    mark = documents.BuildMarkDocument(newest=github.newest_run(ctx.github, file), version=expected + 1)
    place = documents.build_mark(ctx.run)
    ctx.store.swap(*place, mark, version=expected + 1, expected=expected)


def _followed(run: github.WorkflowRun) -> dict[str, str]:
    return {"kind": GITHUB, "id": str(run.id), "url": run.url}


def poll_build(ctx: ReleaseContext, build: Mapping[str, str], commit: str) -> Progress:
    """Look whether a build is over, the image is there, and its scan is, too. Raises: PreconditionError if it failed."""
    if build["kind"] == CODEBUILD:
        progress = _judge_codebuild(codebuild.describe_build(ctx.clients.codebuild, build["id"]))
    elif build["kind"] == GITHUB:
        progress = _judge_workflow(ctx, build)
    else:
        progress = Progress(True, "nothing had to be built")
    if not progress.done:
        return progress
    found = find_images(ctx, commit)
    image = next(iter(found.values()))
    if missing := [name for name, each in found.items() if each is None]:
        raise PreconditionError(
            f"The build {build['id']} ended well, but {', '.join(missing)} has no image tagged "
            f"{commit_tag(commit, ctx.target.registry.commit_length)}: {build['url'] or 'look at its log'}; nothing was deployed."
        )
    assert image  # otherwise it would be missing
    verdict = poll_scan(ctx, image)
    return Progress(not verdict.wait, f"image {image.digest[:19]}{image.kind}: {verdict.text}", verdict.text)


def poll_scan(ctx: ReleaseContext, image: Image) -> Verdict:
    """Judge the scan of an image by the target's policy. An image pushed just now may still be waiting for its scan."""
    release = ctx.target.environment.release
    policy = release.scan if release else ScanPolicy()
    scan = ecr.describe_scan(ctx.clients.ecr, ctx.target.registry, image)
    if not scan.status and ask_who(ctx.clients.sts)[1] - image.pushed_at < SCAN_BEGINS:
        return Verdict(True, "the image was pushed just now, and its scan has not begun")
    return judge_scan(image, scan, policy.refuse, policy.accepted)


def _judge_codebuild(build: codebuild.Build) -> Progress:
    if build.status == "IN_PROGRESS":
        return Progress(False, f"build {build.id} is in phase {build.phase}", f"build in phase {build.phase}")
    if build.status != "SUCCEEDED":
        raise PreconditionError(
            f"Build {build.id} is {build.status} ({build.reason or 'no reason given'}): {build.log_url}; nothing was deployed, "
            "mend it and start again."
        )
    return Progress(True, f"build {build.id} succeeded")


def _judge_workflow(ctx: ReleaseContext, build: Mapping[str, str]) -> Progress:
    builder = ctx.target.environment.builder
    assert builder  # this step started that build
    if build["id"]:
        found: github.WorkflowRun | None = github.get_run(ctx.github, int(build["id"]))
    else:
        mark = ctx.store.get(*documents.build_mark(ctx.run)) or {"newest": 0}
        found = github.find_run(ctx.github, builder.name, after=int(mark["newest"]))
    if found is None:
        return Progress(False, f"workflow {builder.name} has not begun yet")
    if found.status != "completed":
        return Progress(False, f"{found.name} is {found.status}: {found.url}", f"{found.name} is {found.status}")
    if found.conclusion != "success":
        raise PreconditionError(
            f"{found.name} ended with {found.conclusion}: {found.url}; nothing was deployed, mend it and start again."
        )
    return Progress(True, f"{found.name} succeeded")


def verify_image(ctx: ReleaseContext, commit: str, digest: str) -> str:
    """Return the proof that this digest is the commit's image, and what its scan found. Raises: PreconditionError."""
    image = find_image(ctx, commit)
    if image is None or image.digest != digest:
        raise PreconditionError(
            f"Commit {commit[:12]} has image {image.digest[:19] if image else 'none'} in the registry now, not {digest[:19]}; find "
            "out who removed or replaced it."
        )
    return f"image {digest}{image.kind} is commit {commit[:12]}; {poll_scan(ctx, image).text}"
