"""Task faults: how a new task behaves under them."""

from sandbox.aws.faults.model import Fault
from sandbox.aws.services.ecs.model import Behaviour, Ending, Service

BAD_IMAGE_ENDS = 10.0  # seconds after its start


def shape(behaviour: Behaviour, service: Service, active: list[Fault], images: set[str], beside: bool) -> Behaviour:
    """Set a new task's behaviour under the active faults; `beside`: it is in a task set without traffic."""
    for fault in active:
        if fault.kind == "never_healthy":
            behaviour.healthy = False
            fault.keep(behaviour)
            fault.count()
        elif fault.kind == "slow":
            behaviour.boot *= fault.fields["factor"]
            fault.count()
        elif fault.kind == "crash":
            _crash(behaviour, fault)
        elif fault.kind == "bad_image" and not images <= fault.spared:
            _spoil(behaviour, fault)
        elif fault.kind == "bluegreen_fails" and beside and fault.fields["how"] == "unhealthy":
            behaviour.healthy = False
        elif fault.kind == "flap":
            behaviour.flaps = fault.fields["period_seconds"]
            # each at its own time: of three tasks in a row one is always ill
            behaviour.flapped = 2 * behaviour.flaps * (fault.shaped % 3) / 3
            fault.shaped += 1
            behaviour.faults.append(fault)
        elif fault.kind == "topology_errors":
            behaviour.failed_loads[fault.fields["region"].upper()] = fault.fields["times"]
            behaviour.faults.append(fault)
    return behaviour


def shape_one_off(behaviour: Behaviour, active: list[Fault]) -> Behaviour:
    """Set a new one-off task's behaviour under the active faults."""
    for fault in active:
        if fault.kind == "crash":
            _crash(behaviour, fault)
        elif fault.kind == "one_off_slow":
            behaviour.usual, behaviour.crash_after = behaviour.crash_after, fault.fields["seconds"]
            behaviour.faults.append(fault)
            fault.keep(behaviour)
        elif fault.kind in ("slow_pages", "seed_empty", "migration_conflict"):
            behaviour.faults.append(fault)
        elif fault.kind == "one_off_sidecar":
            behaviour.faults.append(fault)
            behaviour.besides.append(_ending(fault))
        elif fault.kind in ("one_off_exits", "one_off_stopped_by_aws") and fault.shaped < fault.fields["times"]:
            fault.shaped += 1
            behaviour.faults.append(fault)
            if fault.kind == "one_off_exits":
                behaviour.crash_after, behaviour.exit_code = fault.fields["after_seconds"], fault.fields["exit_code"]
                behaviour.reason = fault.fields["reason"] or ""
            else:
                behaviour.stops = fault.fields["after_seconds"], fault.fields["code"]
    return behaviour


def count(behaviour: Behaviour, *kinds: str) -> None:
    """Count a task's faults of these kinds, which have just taken effect."""
    for fault in behaviour.faults:
        if fault.kind in kinds:
            fault.count()


def _ending(fault: Fault) -> Ending:
    fields = fault.fields
    return Ending(
        fields["name"], fields["after_seconds"], fields["exit_code"], fields["reason"] or "", fields["main_exit_code"]
    )


def _spoil(behaviour: Behaviour, fault: Fault) -> None:
    how = fault.fields["how"]
    behaviour.faults.append(fault)
    if how == "crash":
        behaviour.crash_after, behaviour.exit_code = BAD_IMAGE_ENDS, 1
    elif how == "cannot_pull":
        behaviour.pullable = False
    else:
        behaviour.healthy = False
        fault.count()


def _crash(behaviour: Behaviour, fault: Fault) -> None:
    behaviour.crash_after = fault.fields["after_seconds"]
    behaviour.exit_code = fault.fields.get("exit_code", 1)
    behaviour.faults.append(fault)
