"""Release faults: alarms, expired images, failing snapshots, builds and one-off tasks."""

from __future__ import annotations

from functools import partial

from moto.cloudwatch.models import cloudwatch_backends
from moto.ecs.models import ecs_backends

from include.inventory import Environment, Target
from sandbox.aws.faults.catalogue import BUILD, ONE_OFF
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.services.cloudwatch.model import set_alarm
from sandbox.aws.services.ecr.model import Repository, make_manifest
from sandbox.aws.state import target_registry
from sandbox.aws.state.region import Region
from sandbox.aws.state.world import WorldState

Regions = dict[tuple[str, str], Region]


def prepare(fault: Fault, world: WorldState, target: Target, name: str | None) -> None:
    """Check that a fault can apply to its target, and apply its immediate effect. Raises: FaultError."""
    environment = target.environment
    if environment.cluster is None and not _applies_at_once(fault):
        raise FaultError(f"Target {target.name} has no cluster, so {fault.kind} cannot apply to it.")
    if name:
        raise FaultError(f"Fault {fault.kind} strikes the target as a whole; leave 'service' out.")
    if fault.kind in ONE_OFF:
        if environment.one_off is None:
            raise FaultError(f"Target {target.name} has no one-off tasks, so {fault.kind} cannot apply to it.")
        fault.service = environment.one_off.family
        if fault.kind == "one_off_sidecar":
            _add_sidecar(fault, environment)
    elif fault.kind in BUILD:
        if environment.builder is None or environment.builder.kind != "codebuild":
            raise FaultError(f"Target {target.name} has no project of CodeBuild, so {fault.kind} cannot apply to it.")
    elif fault.kind == "image_expired":
        _expire(fault, target_registry.repository_of(world, target), fault.fields["tag"] or _running_tag(world, target))
    elif fault.kind == "tag_moved":
        tag = fault.fields["tag"] or _running_tag(world, target)
        _move_tag(fault, target_registry.repository_of(world, target), tag, world.clock.now())
    elif fault.kind in ("snapshot_fails", "snapshot_quota", "database_in_cluster"):
        if environment.database is None:
            raise FaultError(f"Target {target.name} has no database, so {fault.kind} cannot apply to it.")
        fault.place = (environment.account, environment.region, environment.database.instance)
    elif fault.kind == "alarm":
        _choose_alarm(fault, target)
        fault.place = (environment.account, environment.region, environment.cluster or "")
        apply_if_due(world.regions, fault, fault.since)


def _applies_at_once(fault: Fault) -> bool:
    """Tell whether it needs no deployment, and so no cluster: an alarm that fires at once."""
    return fault.kind == "alarm" and fault.fields["when"] == "now"


def _add_sidecar(fault: Fault, environment: Environment) -> None:
    """Register the newest definition of one-off tasks anew, with one more container."""
    backend, fields = ecs_backends[environment.account][environment.region], fault.fields
    newest = backend.describe_task_definition(fault.service)
    if any(definition["name"] == fields["name"] for definition in newest.container_definitions):
        raise FaultError(f"Task definition {newest.family} has a container {fields['name']} already; name another one.")
    sidecar = {
        "name": fields["name"],
        "image": f"public.ecr.aws/sandbox/{fields['name']}:1",
        "essential": fields["essential"] == "yes",
        "memory": 64,
    }
    made = backend.register_task_definition(
        newest.family,
        [*newest.container_definitions, sidecar],
        network_mode=newest.network_mode,
        requires_compatibilities=newest.requires_compatibilities,
        cpu=newest.cpu,
        memory=newest.memory,
    )

    def deregister() -> None:
        backend.deregister_task_definition(made.arn)

    fault.undo = deregister


def apply_if_due(regions: Regions, fault: Fault, now: float) -> None:
    """Apply a fault if it is due."""
    if fault.kind != "alarm" or fault.injected:
        return
    account, name, cluster = fault.place
    began = (
        fault.since if fault.fields["when"] == "now" else _last_deployment(regions[account, name], cluster, fault.since)
    )
    if began is None or now - began < fault.fields["after_seconds"]:
        return
    alarm = cloudwatch_backends[account][name].alarms[fault.fields["name"]]
    fault.undo = partial(set_alarm, alarm, alarm.state_value, now)
    set_alarm(alarm, fault.fields["state"], now)
    fault.count()


def _last_deployment(region: Region, cluster: str, after: float) -> float | None:
    """Return when the first deployment began that is younger than `after`, if there is one."""
    services = [each for each in region.services.values() if each.cluster == cluster]
    return min(
        (
            deployment.created
            for service in services
            for deployment in service.deployments
            if deployment.created > after
        ),
        default=None,
    )


def _choose_alarm(fault: Fault, target: Target) -> None:
    known = target.environment.alarms
    if not known:
        raise FaultError(f"The inventory names no alarms for {target.name}, so alarm cannot apply to it.")
    fault.fields["name"] = fault.fields["name"] or known[0]
    if fault.fields["name"] not in known:
        raise FaultError(f"Target {target.name} has no alarm {fault.fields['name']!r}; it has {', '.join(known)}.")


def _expire(fault: Fault, repository: Repository, tag: str) -> None:
    image = repository.tagged(tag)
    if image is None:
        raise FaultError(
            f"Repository {repository.name} has no image with the tag {tag!r}, so image_expired cannot apply."
        )
    del repository.images[image.digest]
    fault.undo = partial(repository.images.__setitem__, image.digest, image)
    fault.count()


def _move_tag(fault: Fault, repository: Repository, tag: str, now: float) -> None:
    """Push another image under a tag, as a builder does that tags whatever it builds as `latest`."""
    image, immutable = repository.tagged(tag), repository.immutable
    if image is None:
        raise FaultError(f"Repository {repository.name} has no image with the tag {tag!r}, so tag_moved cannot apply.")
    repository.immutable = False
    other = repository.push(make_manifest(repository.name, tag, f"moved {fault.id}"), tag, now)

    def move_back() -> None:
        if tag in other.tags:
            other.tags.remove(tag)
            image.tags.append(tag)
        repository.immutable = immutable

    fault.undo = move_back
    fault.count()


def _running_tag(world: WorldState, target: Target) -> str:
    """Return the tag of the image that the target's oldest task runs."""
    environment = target.environment
    tasks = world.region(environment.account, environment.region).tasks.values()
    running = [task for task in tasks if task.service and task.cluster == environment.cluster and task.alive]
    if not running:
        raise FaultError(f"Nothing runs in {target.name}, so this fault needs the field 'tag': the tag of an image.")
    image = next(iter(min(running, key=lambda each: each.created).images.values()))
    return image.rpartition(":")[2]
