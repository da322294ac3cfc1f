"""Plan the services of a release from their state before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from include.aws.autoscaling import Group
from include.aws.deployment_strategies import ROLLING, Strategy
from include.ecs.daemon import DAEMON, describe, why_not_replaceable
from include.ecs.room import Room
from include.ecs.running_images import OtherImage, RunningImages
from include.ecs.service_state import ServiceState
from include.ecs.traffic_shift import describe_stage
from include.errors import PreconditionError
from include.inventory import Service, Target
from include.releases.model import ServiceRelease, revision
from include.restart.group_surge import GroupSurge
from include.restart.notes import note_unchecked, note_unjudged, note_unwatched
from include.restart.plan import DRAIN, INSTANCE_START
from include.run.plan.model import Change


@dataclass(frozen=True)
class Live:
    """The current state of a service, whoever deploys it."""

    definition: str  # the ARN of the task definition that has the traffic
    digests: frozenset[str]  # of the images its tasks run
    desired: int
    healthy: int
    controller: str = "ECS"
    status: str = "ACTIVE"
    busy: str = ""  # the running deployment, in words
    group: Group | None = None
    room: Room | None = None  # for more tasks on instances
    daemon: str = ""  # how ECS replaces the one task on each instance, if it is such a service
    stuck: str = ""  # why it must not, or cannot, in one sentence
    blind: str = ""  # why its health cannot be known, in one sentence
    unchecked: bool = False  # nothing asks its tasks how they are
    strategy: Strategy = ROLLING
    alarms: tuple[str, ...] = ()  # that AWS watches while it deploys the service
    firing: tuple[str, ...] = ()  # those of them that are in ALARM already
    images: RunningImages = field(
        default_factory=RunningImages
    )  # what its tasks run, beside what `definition` names now


def live_of(state: ServiceState, described: Service) -> Live:
    """Return the current state of a service that ECS itself deploys, from one look at it."""
    service, container = state.service, described.container
    busy = [deployment for deployment in service.deployments if deployment.rollout_state == "IN_PROGRESS"]
    words = f"deployment {busy[0].id} to {revision(busy[0].task_definition)}" if busy else ""
    if state.newest and state.newest.ongoing:
        words = describe_stage(state.newest)
    found = [each.task.container(container) for each in state.alive]
    return Live(
        definition=service.primary.task_definition,
        digests=frozenset(each.image_digest for each in found if each and each.image_digest),
        desired=service.desired,
        healthy=len(state.healthy),
        controller=service.controller,
        status=service.status,
        busy=words,
        group=state.group,
        room=state.room,
        blind=state.missing_health(balanced=bool(described.load_balancing), checked=described.container_health_check),
        unchecked=state.is_unchecked,
        strategy=service.strategy,
        alarms=service.alarms,
        daemon=describe(service) if service.scheduling == DAEMON else "",
        stuck=why_not_replaceable(service),
    )


def plan_services(
    target: Target, live: Mapping[str, Live], templates: Mapping[str, str] | None = None
) -> tuple[ServiceRelease, ...]:
    """Return the services of a target's release in order. Raises: PreconditionError if one cannot be deployed now."""
    parts = []
    for name in target.release.services:
        service, seen = target.environment.service(name), live[name]
        _refuse_unready(service, seen)
        parts.append(
            ServiceRelease(
                cluster=str(target.environment.cluster),
                service=name,
                container=service.container,
                family=service.family,
                before=seen.definition,
                before_digest=next(iter(seen.digests), ""),
                count=seen.desired,
                controller=service.deployment_controller,
                log_group=service.log_group,
                boot_seconds=int(service.boot.total_seconds()),
                timeout_seconds=int(target.release.timeout.total_seconds()),
                group=_surge(name, seen),
                strategy=seen.strategy,
                beside=seen.images.beside(service.container).runs,
                template=(templates or {}).get(name, ""),
            )
        )
    return tuple(parts)


def _besides(service: Service, live: Live) -> tuple[OtherImage, ...]:
    """Return the containers beside that of the release's image of which a new task would run another image."""
    return live.images.beside(service.container).others


def refuse_unstartable(target: Target, live: Mapping[str, Live]) -> None:
    """Refuse a release whose tasks could not start, since the image of another container is gone. Raises: PreconditionError."""
    for name, each in live.items():
        for other in _besides(target.environment.service(name), each):
            if not other.names:
                raise PreconditionError(other.explain(name))


def refuse_no_way_back(parts: Sequence[ServiceRelease], live: Mapping[str, Live]) -> None:
    """Refuse a release of services whose revision from before names another image by now. Raises: PreconditionError."""
    for part in parts:
        for other in live[part.service].images.others:
            if other.container == part.container:
                raise PreconditionError(other.explain_no_way_back(part.service, revision(part.before)))


def renewed(target: Target, live: Mapping[str, Live]) -> list[str]:
    """Return notes on the containers that a release renews beside its own, since their tags have moved."""
    return [
        other.tell(name) for name, each in live.items() for other in _besides(target.environment.service(name), each)
    ]


def refuse_pushed(parts: Sequence[ServiceRelease], digest: str) -> None:
    """Refuse an image that is in the registry already, where only a push starts a deployment.

    A digest of "" stands for an image that is not there. Raises: PreconditionError.
    """
    for part in parts:
        if part.controller == "CODE_DEPLOY" and digest and part.before_digest != digest:
            raise PreconditionError(
                f"Image {digest[:19]} is in the registry already, but {part.service} does not run it, and only the push of an "
                "image starts its deployment; if it ran here before, go back to it by release_rollback, else deploy a newer "
                "commit, nothing was changed."
            )


def refuse_alarmed(parts: Sequence[ServiceRelease], live: Mapping[str, Live], digest: str) -> None:
    """Refuse a push whose deployment CodeDeploy would stop as it begins, since an alarm of its group fires already.

    Raises: PreconditionError.
    """
    for part in parts:
        firing = live[part.service].firing
        if part.controller == "CODE_DEPLOY" and firing and part.before_digest != digest:
            raise PreconditionError(
                f"{', '.join(firing)} {'fires' if len(firing) == 1 else 'fire'} already, and CodeDeploy stops a deployment of "
                f"{part.service} while one of its deployment group's alarms does; wait until {'it is' if len(firing) == 1 else 'they are'} "
                "OK, or go back to an earlier release by release_rollback, nothing was changed."
            )


def _refuse_unready(service: Service, live: Live) -> None:
    if live.status != "ACTIVE":
        raise PreconditionError(f"Service {service.name} is {live.status}, not ACTIVE; nothing can be deployed to it.")
    if live.controller != service.deployment_controller:
        raise PreconditionError(
            f"Service {service.name} is deployed by {live.controller}, but the inventory says {service.deployment_controller}; "
            "correct deployment_controller."
        )
    if live.stuck:
        raise PreconditionError(live.stuck)
    if live.blind:
        raise PreconditionError(live.blind)
    if live.busy:
        raise PreconditionError(f"Service {service.name} is being deployed ({live.busy}); wait until that is over.")
    if len(live.digests) > 1:
        images = ", ".join(sorted(digest[:19] for digest in live.digests))
        raise PreconditionError(
            f"Service {service.name} runs {len(live.digests)} images at once ({images}), so there is no one state to go back to; "
            "bring it onto one first, by the rollback runbook."
        )


def refuse_idle(target: str, parts: Sequence[ServiceRelease]) -> None:
    """Refuse a release that no task would run. Raises: PreconditionError."""
    if not any(part.count for part in parts):
        raise PreconditionError(
            f"Every service of {target} has a desired count of 0 ({', '.join(part.service for part in parts)}), so no task would run "
            "the image and nothing would be proved; scale one out first."
        )


def idle(parts: Sequence[ServiceRelease]) -> list[str]:
    """Return notes on the services that get their definition, but run no task of it."""
    return [
        f"{part.service} has a desired count of 0: its definition is renewed, and no task of it runs that could prove it"
        for part in parts
        if not part.count
    ]


def _surge(name: str, live: Live) -> GroupSurge | None:
    group = live.group
    if group is None or not live.desired or live.daemon:  # a daemon is replaced in place, on each instance
        return None
    room = live.room
    if room is None and group.max < 2 * live.desired:
        raise PreconditionError(
            f"Auto Scaling group {group.name} allows {group.max} instances but the deployment of {name} needs "
            f"{2 * live.desired} ({live.desired} old and {live.desired} new tasks side by side); raise its maximum first."
        )
    if room is not None and room.at_most(group) < live.desired:
        raise PreconditionError(
            f"Only {room.at_most(group)} of {live.desired} new tasks of {name} ({room.size} each) find room beside the old ones, even "
            f"with {group.max} instances, the maximum of Auto Scaling group {group.name}{room.why}; raise its maximum first, or make "
            "room on its instances."
        )
    return GroupSurge.of(group, group.max)


def group_changes(part: ServiceRelease) -> list[Change]:
    """Return the changes to the Auto Scaling group of a service on instances, which make room for both revisions."""
    if part.group is None:
        return []
    return [
        Change(
            what=f"desired capacity of Auto Scaling group {part.group.name} (autoscaling.SetDesiredCapacity)",
            before=str(part.group.desired_before),
            after=f"{part.group.maximum}, its maximum, and not shrinking meanwhile",
            undo="by itself: its alarm shrinks it later",
        )
    ]


def service_changes(parts: Sequence[ServiceRelease], image: str) -> list[Change]:
    """Return the changes a release makes to its services, in order."""
    changes = []
    for part in parts:
        changes += group_changes(part)
        by = (
            "CodeDeploy, blue-green"
            if part.controller == "CODE_DEPLOY"
            else "ecs.RegisterTaskDefinition, ecs.UpdateService"
        )
        if part.strategy != ROLLING:
            by += f"; {part.strategy}"
        changes.append(
            Change(
                what=f"{part.service} ({by})",
                before=f"{revision(part.before)}, {part.count} tasks",
                after=f"a new revision with {image}, {part.count} tasks",
                undo=f"back to {revision(part.before)}",
            )
        )
    return changes


def tag_change(what: str, tags: str, readable: str) -> Change:
    """Return the change that puts the readable tag on an image that has others."""
    return Change(
        what=f"tag {what} (ecr.PutImage)",
        before=tags,
        after=f"{tags}, {readable}",
        undo="not needed: tags name it only",
    )


def services_seconds(parts: Sequence[ServiceRelease]) -> float:
    """Return the approximate duration of deploying a release's services, in seconds."""
    return sum(
        part.boot_seconds
        + part.strategy.usual_seconds
        + DRAIN.total_seconds()
        + (INSTANCE_START.total_seconds() if part.group else 60)
        for part in parts
    )


def waiting(parts: Sequence[ServiceRelease]) -> list[str]:
    """Return notes on the services whose deployments ECS is told to hold up: a way back is held up in the same way."""
    return [
        f"ECS deploys {part.service} by {part.strategy}. Until its end it goes back at once, and afterwards in the same way again."
        for part in parts
        if part.strategy.shifts
    ]


def notes_on(target: Target, parts: Sequence[ServiceRelease], live: Mapping[str, Live]) -> list[str]:
    """Return the notes on the services of a release, and on what they were before it."""
    return [*waiting(parts), *weak(live), *renewed(target, live), *idle(parts)]


def weak(live: Mapping[str, Live]) -> list[str]:
    """Return notes on services that lack healthy tasks before the release, to which a rollback leads, or that nothing checks."""
    return [
        *(
            f"{name} has {each.healthy} healthy tasks of {each.desired} before this run: going back would lead there again"
            for name, each in live.items()
            if each.healthy < each.desired
        ),
        *(each.daemon for each in live.values() if each.daemon),
        *(note for name, each in live.items() for note in note_unjudged(name, each.room)),
        *(note_unchecked(name) for name, each in live.items() if each.unchecked),
        *(note_unwatched(name, each.firing) for name, each in live.items() if each.firing and each.controller == "ECS"),
    ]
