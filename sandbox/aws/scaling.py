"""Auto Scaling groups: instances come and go with time, and an alarm shrinks a group that is not used."""

from sandbox.aws import lifecycle
from sandbox.aws.model import INSTANCE_CPU, Group, Instance, Region, new_id

START, REGISTER, TERMINATE = 75.0, 60.0, 60.0  # seconds to InService, then to the ECS cluster; to be gone
SAMPLE, WINDOW, COOLDOWN = 60.0, 600.0, 600.0  # the low-reservation alarm: average over the window below 100 %


def add_instance(region: Region, group: Group, now: float) -> Instance:
    """Launch one instance."""
    made = Instance(
        id=f"i-{region.random.getrandbits(68):017x}",
        arn=region.arn("ecs", f"container-instance/{group.cluster}/{new_id()}"),
        type=group.instance_type,
        launched=now,
    )
    group.instances[made.id] = made
    group.activities.insert(0, f"Launching a new EC2 instance: {made.id}")
    return made


def advance(region: Region, group: Group, now: float) -> None:
    """Move a group's instances, its size and its alarm."""
    for instance in list(group.instances.values()):
        _advance_instance(region, group, instance, now)
    staying = [each for each in group.instances.values() if each.terminating is None]
    if len(staying) < group.desired and "Launch" not in group.suspended:
        for _ in range(group.desired - len(staying)):
            add_instance(region, group, now)
    elif len(staying) > group.desired and "Terminate" not in group.suspended:
        _shrink(region, group, staying, len(staying) - group.desired, now)
    _watch_reservation(region, group, now)


def _advance_instance(region: Region, group: Group, instance: Instance, now: float) -> None:
    if instance.terminating is not None:
        if now - instance.terminating >= TERMINATE:
            del group.instances[instance.id]
        return
    age = now - instance.launched
    instance.state = "InService" if age >= START else "Pending"
    instance.registered = age >= START + REGISTER


def _shrink(region: Region, group: Group, staying: list[Instance], count: int, now: float) -> None:
    free = [each for each in staying if not each.protected]
    if not free:
        text = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
        if text not in group.activities[:1]:
            group.activities.insert(0, text)
    # the oldest launch goes first, in use or not
    for instance in sorted(free, key=lambda each: each.launched)[:count]:
        terminate(region, group, instance, now)


def terminate(region: Region, group: Group, instance: Instance, now: float) -> None:
    """Take an instance away, and with it every task on it."""
    instance.state, instance.terminating, instance.registered = "Terminating", now, False
    group.activities.insert(0, f"Terminating EC2 instance: {instance.id}")
    for task in list(region.tasks.values()):
        if task.instance == instance.id and task.status != "STOPPED":
            lifecycle.request_stop(
                region, task, now, "TerminationNotice", f"Host EC2 (instance {instance.id}) terminated.", 137
            )
            lifecycle.finish(region, task, now)


def reservation(region: Region, group: Group) -> float:
    """Return the CPU reserved by tasks, as a percentage of what the registered instances have."""
    instances = [each for each in group.instances.values() if each.registered]
    total = sum(INSTANCE_CPU[each.type] for each in instances)
    ids = {each.id for each in instances}
    used = sum(task.cpu for task in region.tasks.values() if task.instance in ids and task.status != "STOPPED")
    return 100.0 * used / total if total else 100.0


def _watch_reservation(region: Region, group: Group, now: float) -> None:
    if not group.samples or now - group.samples[-1][0] >= SAMPLE:
        group.samples.append((now, reservation(region, group)))
    group.samples = [(at, value) for at, value in group.samples if now - at <= WINDOW]
    full = now - group.samples[0][0] >= WINDOW - SAMPLE
    average = sum(value for _, value in group.samples) / len(group.samples)
    group.alarm = "ALARM" if full and average < 100 else "OK"
    may_act = "AlarmNotification" not in group.suspended and now - group.last_scaled >= COOLDOWN
    if group.alarm == "ALARM" and may_act and group.desired > group.min:
        group.desired -= 1
        group.last_scaled = now
        group.activities.insert(0, f"An alarm changed the desired capacity to {group.desired}.")
