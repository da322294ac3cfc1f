"""The plan of image_publication: the image of exactly this commit in every registry that needs it."""

from collections.abc import Mapping

from include.aws.ecr import Image
from include.errors import PreconditionError
from include.inventory import Target
from include.releases.image.rules import commit_tag
from include.run.plan.model import Change, Frozen, Plan, Skip
from include.run.plan.preconditions import refuse_other_account

BUILD = 15 * 60  # seconds a build usually takes; CodeBuild's own limit is an hour


class Publication(Frozen):
    """One registry, and the digest of the commit's image in it, or "" if it has none."""

    registry: str
    digest: str


class ImagePublicationPlan(Plan):
    """The plan of a publication."""

    commit: str
    tag: str
    builder: str  # "" if nothing has to be built
    registries: tuple[Publication, ...]


def plan_image_publication(
    target: Target,
    commit: str,
    found: Mapping[str, Image | None],
    account: str,
    *,
    length: int = 40,
    builder: str | None = None,
) -> ImagePublicationPlan:
    """Build the plan. `found` is the image with exactly the commit's tag, by registry. Raises: PreconditionError."""
    refuse_other_account(target, account)
    tag = commit_tag(commit, length)
    digests = {each.digest for each in found.values() if each}
    if len(digests) > 1:
        where = ", ".join(f"{name}: {each.digest[:19]}" for name, each in sorted(found.items()) if each)
        raise PreconditionError(
            f"Commit {commit[:12]} has more than one image ({where}), so which one is meant is not known; remove the wrong one."
        )
    missing = [name for name, each in found.items() if each is None]
    if missing and not builder:
        raise PreconditionError(
            f"{', '.join(missing)} has no image of commit {commit[:12]}, and {target.name} has no builder in the inventory; "
            "deploy the commit to the environment that builds it, nothing was changed."
        )
    changes = [
        Change(
            what=f"build the image of commit {commit[:12]} ({builder}) and push it to {name}",
            before=f"no image tagged {tag}",
            after=f"an image tagged {tag}, its digest proved",
            undo="not needed: nothing uses an image before it is deployed",
        )
        for name in missing
    ]
    skips = [
        Skip(what=f"a build for {name}", why=f"it has image {each.digest[:19]}{each.kind} of this commit already")
        for name, each in found.items()
        if each
    ]
    return ImagePublicationPlan(
        runbook="image_publication",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=tuple(changes),
        skips=tuple(skips),
        expected_seconds=BUILD if missing else 0,
        commit=commit,
        tag=tag,
        builder=str(builder) if missing else "",
        registries=tuple(Publication(registry=n, digest=each.digest if each else "") for n, each in found.items()),
    )
