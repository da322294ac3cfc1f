"""What the tasks of a service run, beside what their task definition names now: a tag may have moved since they started."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.aws import ecr
from include.aws.clients import Clients
from include.aws.ecs import Task
from include.aws.image_names import ImageName, read_image_name
from include.aws.refusals import translated
from include.aws.task_definitions import describe_definition
from include.errors import RefusedError
from include.inventory.models import Registry


@dataclass(frozen=True)
class OtherImage:
    """A container of which a new task would not run what the tasks run. `names` is "" if the image is gone."""

    container: str
    image: str  # as the task definition has it
    runs: tuple[str, ...]  # digests that its tasks report
    names: str  # the digest that the image's name stands for now

    def explain(self, service: str) -> str:
        """Return what that means for new tasks of a service, in one sentence with the way out."""
        runs = " and ".join(digest[:19] for digest in self.runs)
        if not self.names:
            return (
                f"No new task of {service} could start: {self.image}, the image of its container {self.container}, is not in its "
                f"registry any more (its tasks run {runs}); push it there again, or deploy a release whose image is there."
            )
        return (
            f"New tasks of {service} would run another image: the tasks of its container {self.container} run {runs}, and "
            f"{self.image}, which their task definition names, stands for {self.names[:19]} by now. Put the tag back on what runs, "
            "or deploy a release, which names its image by digest."
        )

    def explain_no_way_back(self, service: str, revision: str) -> str:
        """Return why a release of a service could not be taken back, in one sentence with the way out."""
        runs = " and ".join(digest[:19] for digest in self.runs)
        now = f"stands for {self.names[:19]} by now" if self.names else "is not in its registry any more"
        return (
            f"{service} could not go back to {revision}: it runs {runs}, and {self.image}, which that revision names, {now}. Put the "
            "tag back on what runs, so that there is a way back, then start again; nothing was changed."
        )

    def tell(self, service: str) -> str:
        """Return that a release of a service renews this container as well, as a note."""
        runs = " and ".join(digest[:19] for digest in self.runs)
        return (
            f"This renews container {self.container} of {service} as well: it runs {runs}, and {self.image} stands for "
            f"{self.names[:19]} by now. Going back does not bring back the one that runs."
        )

    def tell_return(self, service: str, revision: str) -> str:
        """Return that a service which goes back to an earlier revision gets another image in this container, as a note."""
        if not self.runs:
            begins = f"This starts container {self.container} of {service} as well, which no task of it runs"
            now = f"{self.image}, which {revision} names, stands for {self.names[:19]} now"
            return f"{begins}: {now}. What it stood for when {revision} ran is not on record."
        runs = " and ".join(digest[:19] for digest in self.runs)
        begins = f"This renews container {self.container} of {service} as well: it runs {runs}, and"
        if read_image_name(self.image).digest:
            return f"{begins} {revision} names {self.names[:19]}."
        return (
            f"{begins} {self.image}, which {revision} names, stands for {self.names[:19]} by now. What it stood for when {revision} ran "
            "is not on record."
        )

    def explain_unstartable(self, revision: str) -> str:
        """Return why no task of a revision could start, if the image is gone, in one sentence with the way out."""
        return (
            f"No task of {revision} could start: {self.image}, the image of its container {self.container}, is not in its registry any "
            "more; push it there again, or choose another release, nothing was changed."
        )


@dataclass(frozen=True)
class RunningImages:
    """The images of a service's tasks by container."""

    accepted: tuple[tuple[str, tuple[str, ...]], ...] = ()  # the digests that ECS may report for the image named now
    others: tuple[OtherImage, ...] = ()
    unread: tuple[str, ...] = ()  # images nobody here can ask about, each with the reason
    runs: tuple[tuple[str, tuple[str, ...]], ...] = ()  # the digests that tasks report

    def beside(self, container: str) -> RunningImages:
        """Return the same without the container of the release's own image."""
        return RunningImages(
            tuple(each for each in self.accepted if each[0] != container),
            tuple(other for other in self.others if other.container != container),
            self.unread,
            tuple(run for run in self.runs if run[0] != container),
        )


def read_running_images(
    clients: Clients, definition: str, tasks: Sequence[Task], accounts: Collection[str]
) -> RunningImages:
    """Compare what running tasks of a task definition report with what its images' names stand for now.

    `accounts` are those whose registries have to answer; what another one refuses is told as unread. Raises: PreconditionError.
    """
    described = describe_definition(clients.ecs, definition)
    own = [task for task in tasks if task.task_definition == definition]
    names = [str(container["name"]) for container in described["containerDefinitions"]]
    return _compare(clients, described, {name: _digests(own, name) for name in names}, accounts, known=True)


def read_other_images(
    clients: Clients, definition: Mapping[str, Any], runs: Mapping[str, Sequence[str]], accounts: Collection[str]
) -> RunningImages:
    """Compare what a task definition that does not run names now with the digests that run, by container.

    A container of which nothing runs is among the others, unless its image is named by digest. `accounts`: see read_running_images.
    Raises: PreconditionError.
    """
    return _compare(clients, definition, runs, accounts, known=False)


def _compare(
    clients: Clients,
    definition: Mapping[str, Any],
    running: Mapping[str, Sequence[str]],
    accounts: Collection[str],
    *,
    known: bool,
) -> RunningImages:
    accepted, others, unread = [], [], []
    for container in definition["containerDefinitions"]:
        name, image = str(container["name"]), str(container["image"])
        named = read_image_name(image)
        runs = tuple(running.get(name, ()))
        found: Any = _why_not_asked(clients, named)
        if not found:
            registry = Registry(account=named.account, region=named.region, repository=named.repository)
            try:
                with translated():
                    found = ecr.read_pulled(clients.ecr, registry, named.digest or named.tag)
            except RefusedError as error:
                if named.account in accounts:
                    raise
                found = str(error)
        if isinstance(found, str):
            if not named.digest:
                unread.append(f"{image} of container {name} ({found.rstrip('.')})")
        elif found is None:
            others.append(OtherImage(name, image, runs, ""))
        elif set(runs) - found.reported or not (runs or known or named.digest):
            others.append(OtherImage(name, image, runs, found.digest))
        else:
            accepted.append((name, tuple(sorted(found.reported))))
    return RunningImages(
        tuple(accepted), tuple(others), tuple(unread), tuple((n, tuple(d)) for n, d in running.items())
    )


def _digests(tasks: Sequence[Task], name: str) -> tuple[str, ...]:
    found = {run.image_digest for task in tasks if (run := task.container(name)) and run.image_digest}
    return tuple(sorted(found))


def _why_not_asked(clients: Clients, named: ImageName) -> str:
    if not named.account:
        return f"{named.host or 'Docker Hub'} is not asked"
    region = clients.ecr.meta.region_name
    return "" if named.region == region else f"its registry is in {named.region}, not in {region}"
