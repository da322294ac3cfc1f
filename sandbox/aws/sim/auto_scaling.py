"""Auto Scaling groups: instances launch and terminate over time, and an alarm scales in a group with low reservation."""

from moto.cloudwatch.models import cloudwatch_backends

from sandbox.aws.services.autoscaling.model import Group, Instance
from sandbox.aws.sim import task_lifecycle
from sandbox.aws.sim.task_placement import capacity_of
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.ids import new_id
from sandbox.aws.state.region import Region

START, REGISTER, TERMINATE = 75.0, 60.0, 60.0  # seconds to InService, then to the ECS cluster; to be gone
SAMPLE, WINDOW, COOLDOWN = 60.0, 600.0, 600.0  # the low-reservation alarm: average over the window below 100 %
DIFFERENCE = "a difference between desired and actual capacity"
DIED = "an instance was taken out of service in response to an EC2 health check that found it terminated"
PROTECTED = "Could not scale to desired capacity because all remaining instances are protected from scale-in."


def add_instance(region: Region, group: Group, now: float) -> Instance:
    """Launch one instance."""
    made = Instance(
        id=f"i-{region.random.getrandbits(68):017x}",
        arn=region.arn("ecs", f"container-instance/{group.cluster}/{new_id()}"),
        type=group.instance_type,
        launched=now,
        late=list(group.late),
        delay=sum(fault.fields["seconds"] for fault in group.late),
    )
    group.instances[made.id] = made
    group.say(now, f"Launching a new EC2 instance: {made.id}", DIFFERENCE)
    return made


def advance(region: Region, group: Group, now: float) -> None:
    """Move a group's instances, its size and its alarm."""
    for instance in list(group.instances.values()):
        _advance_instance(group, instance, now)
    staying = [each for each in group.instances.values() if each.terminating is None]
    if len(staying) < group.desired and "Launch" not in group.suspended:
        for _ in range(group.desired - len(staying)):
            add_instance(region, group, now)
    elif len(staying) > group.desired and "Terminate" not in group.suspended:
        _shrink(region, group, staying, len(staying) - group.desired, now)
    _watch_reservation(region, group, now)


def _advance_instance(group: Group, instance: Instance, now: float) -> None:
    if instance.terminating is not None:
        if now - instance.terminating >= TERMINATE:
            del group.instances[instance.id]
        return
    age = now - instance.launched
    if age >= START and instance.late:  # by now it would be in service
        for fault in instance.late:
            fault.count()
        instance.late = []
    instance.state = "InService" if age >= START + instance.delay else "Pending"
    instance.registered = age >= START + REGISTER + instance.delay


def _shrink(region: Region, group: Group, staying: list[Instance], count: int, now: float) -> None:
    free = [each for each in staying if not each.protected]
    if not free:
        group.say(now, PROTECTED, DIFFERENCE, "Failed")
    # the oldest launch goes first, in use or not
    for instance in sorted(free, key=lambda each: each.launched)[:count]:
        terminate(region, group, instance, now)


def terminate(region: Region, group: Group, instance: Instance, now: float, cause: str = DIFFERENCE) -> None:
    """Terminate an instance and every task on it."""
    instance.state, instance.terminating, instance.registered = "Terminating", now, False
    group.say(now, f"Terminating EC2 instance: {instance.id}", cause)
    for task in region.on_instance(instance.id):
        reason = f"Host EC2 (instance {instance.id}) terminated."
        task_lifecycle.request_stop(region, task, now, "TerminationNotice", reason, 137)
        task_lifecycle.finish(task, now)


def reservation(region: Region, group: Group) -> float:
    """Return the CPU reserved by tasks, as a percentage of what the registered instances have."""
    instances = [instance for instance in group.instances.values() if instance.registered]
    total = sum(capacity_of(instance.type)[0] for instance in instances)
    used = sum(task.cpu for instance in instances for task in region.on_instance(instance.id))
    return 100.0 * used / total if total else 100.0


def _watch_reservation(region: Region, group: Group, now: float) -> None:
    if not group.samples or now - group.samples[-1][0] >= SAMPLE:
        group.samples.append((now, reservation(region, group)))
    group.samples = [(at, value) for at, value in group.samples if now - at <= WINDOW]
    full = now - group.samples[0][0] >= WINDOW - SAMPLE
    average = sum(value for _, value in group.samples) / len(group.samples)
    low = full and average < 100
    state = "ALARM" if low or group.sounded else "OK"
    if state != group.alarm:
        group.alarm = state
        _show_alarm(region, group, average, now)
    may_act = "AlarmNotification" not in group.suspended and now - group.last_scaled >= COOLDOWN
    # an alarm that a fault sounds is that fault's to act on, so that it counts each time
    if low and not group.sounded and may_act and group.desired > group.min:
        lower(group, now)


def lower(group: Group, now: float) -> None:
    """Lower the desired capacity by one, as the alarm's policy does."""
    group.desired -= 1
    group.last_scaled = now
    group.say(now, f"Setting desired capacity to {group.desired}", f"alarm {alarm_name(group)} was in state ALARM")


def alarm_name(group: Group) -> str:
    """Return the low-reservation alarm's name in CloudWatch."""
    return f"{group.name}-low-cpu-reservation"


def _show_alarm(region: Region, group: Group, average: float, now: float) -> None:
    alarm = cloudwatch_backends[region.account][region.name].alarms.get(alarm_name(group))
    if alarm is not None:
        reason = f"Threshold Crossed: the average CPU reservation over 10 minutes is {average:.0f} %."
        alarm.update_state(reason, "{}", group.alarm)
        alarm.state_updated_timestamp = as_datetime(now).replace(tzinfo=None)
