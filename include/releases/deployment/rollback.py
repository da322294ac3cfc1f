"""The rollback: which services return to which task definition, newest first, and what stays as the release left it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from include.errors import PreconditionError
from include.releases.model import ServiceRelease, revision
from include.text import one_line

Where = Literal["before", "released", "elsewhere"]


@dataclass(frozen=True)
class ServiceRollback:
    """One service to roll back. If ECS is rolling it back by itself, it runs the old definition already and is waited for."""

    part: ServiceRelease
    runs: str
    to: str

    def __str__(self) -> str:
        if self.runs == self.to:
            return f"{self.part.service} to {revision(self.to)}, as ECS has begun by itself"
        return f"{self.part.service} from {revision(self.runs)} to {revision(self.to)}"


@dataclass(frozen=True)
class DeploymentRollback:
    """What a rollback does, and what it does not undo."""

    returns: tuple[ServiceRollback, ...]  # newest first
    untouched: tuple[str, ...]  # services that run the same as before
    mixed: str | None  # how the release is mixed, in one sentence
    renewed: tuple[str, ...] = ()  # which other containers get another image than the one from before, each a sentence

    @property
    def text(self) -> str:
        """The rollback in one sentence for the person on call."""
        if not self.returns:
            return "Every service runs what it ran before; nothing goes back."
        return " ".join([f"Going back: {', then '.join(map(str, self.returns))}.", *self.renewed])


def locate(part: ServiceRelease, runs: str, wanted: str | None) -> Where:
    """Say whether a service runs the task definition before the release or the release's own (None: not registered yet)."""
    if runs == part.before:
        return "before"
    return "released" if wanted is not None and runs == wanted else "elsewhere"


def find_mixed(parts: Sequence[ServiceRelease], wanted: Mapping[str, str], runs: Mapping[str, str]) -> str | None:
    """Return which services run the release and which do not, in one sentence, or None if all are on the same side."""
    places = {part.service: locate(part, runs[part.service], wanted.get(part.service)) for part in parts}
    if len(set(places.values())) <= 1 and "elsewhere" not in places.values():
        return None
    each = [
        f"{part.service} on {revision(runs[part.service])}"
        f"{' (the release)' if places[part.service] == 'released' else ''}"
        f"{' (neither the release nor what was before)' if places[part.service] == 'elsewhere' else ''}"
        for part in parts
    ]
    return f"The release is mixed: {', '.join(each)}"


def plan_deployment_rollback(
    parts: Sequence[ServiceRelease],
    wanted: Mapping[str, str],
    runs: Mapping[str, str],
    existing: Mapping[str, bool],
    *,
    unsettled: Collection[str] = (),
    renewed: Mapping[str, Sequence[str]] | None = None,
) -> DeploymentRollback:
    """Work out the rollback of a release that failed; `parts` are in the order of the release.

    `wanted` and `runs` are task definitions by service, `existing` says by task definition whether it is still ACTIVE and
    its images in the registry, `unsettled` are the services with a deployment under way, `renewed` tells by service which other
    containers get another image than they had before.
    Raises: PreconditionError if a service runs a task definition that is neither this release's nor the one before, or
    there is nothing to go back to.
    """
    returns, untouched = [], []
    for part in reversed(parts):
        where = locate(part, runs[part.service], wanted.get(part.service))
        if where == "before" and part.service not in unsettled:
            untouched.append(part.service)
            continue
        if where == "elsewhere":
            raise PreconditionError(
                f"{part.service} runs {revision(runs[part.service])}, which is neither this release nor "
                f"{revision(part.before)} before it: somebody deployed meanwhile, and going back would undo their work; ask them, "
                "then start a rollback to the release you want."
            )
        if not existing.get(part.before, False):
            raise PreconditionError(
                f"{part.service} cannot go back to {revision(part.before)}: its task definition or an image of it is gone, or the "
                "tag that it names stands for another image by now; choose an older release that is still in the registry, or fix forward."
            )
        returns.append(ServiceRollback(part, runs[part.service], part.before))
    return DeploymentRollback(
        returns=tuple(returns),
        untouched=tuple(untouched),
        mixed=find_mixed(parts, wanted, runs),
        renewed=tuple(text for each in returns for text in (renewed or {}).get(each.part.service, ())),
    )


def not_undone(migrated: Sequence[str], published: str) -> tuple[str, ...]:
    """Return what a rollback does not undo. `migrated` are the commands that were run, `published` the version that was."""
    left = [
        f"the schema changes of {one_line(command)} (going back in the database is done by hand, with the lead developer)"
        for command in migrated
    ]
    if published:
        left.append(f"release and tag {published} on GitHub, which stay published")
    return tuple(left)
