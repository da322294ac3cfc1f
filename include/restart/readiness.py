"""What a service must be before it is restarted: deployed by ECS, steady, healthy, and its images the ones that run."""

from include.aws.ecs import Service as LiveService
from include.ecs.daemon import why_not_replaceable
from include.ecs.service_state import ServiceState
from include.ecs.traffic_shift import ensure_settled
from include.errors import PreconditionError
from include.inventory import Service


def refuse_other_kind(state: ServiceState) -> None:
    """Refuse a service that ECS itself does not deploy, or not as a restart would. Raises: PreconditionError."""
    live = state.service
    name = live.name
    if live.status != "ACTIVE":
        raise PreconditionError(f"Service {name} is {live.status}, not ACTIVE; it cannot be restarted.")
    if live.controller != "ECS":
        raise PreconditionError(
            f"Service {name} is deployed by {live.controller}, which refuses a forced deployment; restart it through its pipeline."
        )
    if stuck := why_not_replaceable(live):
        raise PreconditionError(stuck)


def refuse_unsteady(service: Service, state: ServiceState) -> None:
    """Refuse a service that is not steady and healthy, or not known to be. Raises: PreconditionError."""
    live = state.service
    name = live.name
    if blind := state.missing_health(balanced=bool(service.load_balancing), checked=service.container_health_check):
        raise PreconditionError(blind)
    if len(live.deployments) == 1 and live.primary.rollout_state == "FAILED":
        raise PreconditionError(
            f"The last deployment of service {name} failed ({live.primary.rollout_reason or 'no reason given'}), so a new "
            "task would fail as well; deploy a task definition that works first."
        )
    ensure_settled(name, state.newest)
    if len(live.deployments) != 1 or not state.is_rolled_out:
        raise PreconditionError(
            f"Service {name} has a deployment in progress ({live.primary.id}, {live.primary.rollout_state or 'no state'}, since "
            f"{live.primary.created_at:%Y-%m-%d %H:%M}); {_way_out(live)}."
        )
    if live.running != live.desired or live.pending or len(state.alive) != live.desired:
        raise PreconditionError(
            f"Service {name} is not steady: {live.running} running and {live.pending} pending of {live.desired} wanted; "
            "wait until it is, or find out why it is not."
        )
    if len(state.healthy) != live.desired:
        ill = next(each for each in state.alive if not each.is_healthy)
        raise PreconditionError(
            f"Service {name} has {len(state.healthy)} healthy tasks of {live.desired} wanted (task {ill.task.id} is "
            f"{ill.condition}); a restart now could leave it short, make it healthy first."
        )
    if live.target_groups and live.grace_period < service.boot.total_seconds():
        raise PreconditionError(
            f"Service {name} gives new tasks {live.grace_period} s of grace but they need about "
            f"{service.boot.total_seconds():.0f} s to become healthy, so ECS would kill them in a loop; raise "
            "healthCheckGracePeriodSeconds first."
        )


def refuse_other_image(state: ServiceState) -> None:
    """Refuse a restart that would deploy: a new task runs what its image's name stands for when it starts. Raises: PreconditionError."""
    for other in state.images.others if state.images else ():
        raise PreconditionError(other.explain(state.service.name))


def _way_out(live: LiveService) -> str:
    """Return what to do about a deployment in progress: to wait for one that cannot end helps nobody."""
    said = live.complaint(live.primary.created_at)
    if not said:
        return "wait until it has completed"
    return (
        f"{said}. It will hardly end by itself: give it what it lacks, or stop it in ECS (StopServiceDeployment), which puts back "
        "what ran before"
    )
