"""The lifecycle of a task: started, registered, health-checked, drained, stopped."""

from sandbox.aws.faults import task_faults
from sandbox.aws.services.ecs.model import Task
from sandbox.aws.services.elbv2.model import Target
from sandbox.aws.state.region import Region

PROVISION, PULL, ACTIVATE = 5.0, 25.0, 5.0  # seconds
CHECK_INTERVAL, PASSES_UP, FAILURES_DOWN = 30.0, 3, 2  # a target group's own figures
SETTLED = 40.0  # seconds that ECS waits before it counts a running task that nothing checks
DRAIN, STOP = 300.0, 15.0  # deregistration delay; from SIGTERM to the end
STOPPED_BY_AWS = {
    "SpotInterruption": "Your Spot Task was interrupted.",
    "TaskFailedToStart": "ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
    "retrieval failed: unable to retrieve secret from asm: service call has been retried 5 time(s)",
    "TerminationNotice": "Task stopped as the host is going through a scheduled maintenance.",
}
FORGET = 3600.0  # AWS remembers a stopped task about an hour


def advance(region: Region, task: Task, now: float) -> None:
    """Move a task to where it is at `now`; steps are a few seconds long, so no state is skipped."""
    if task.status == "STOPPED":
        if task.stopped is not None and now - task.stopped > FORGET:
            del region.tasks[task.arn]
        return
    if task.desired == "STOPPED":
        _wind_down(region, task, now)
        return
    age = now - task.created
    if age < PROVISION:
        task.status = "PROVISIONING"
    elif age < PROVISION + PULL:
        task.status = "PENDING"
    elif age < PROVISION + PULL + ACTIVATE:
        task.status = "ACTIVATING"
        if task.behaviour.stops is not None and task.behaviour.stops[1] == "TaskFailedToStart":
            stop_by_aws(region, task, now, "TaskFailedToStart")
            finish(task, now)
    elif task.started is None:
        task.status, task.started = "RUNNING", now
        _register(region, task, now)
    else:
        _run(region, task, now)


def sweep_targets(region: Region, now: float) -> None:
    """Remove the targets whose deregistration delay is over."""
    for targets in region.targets.values():
        for key, target in list(targets.items()):
            if target.draining is not None and now - target.draining >= DRAIN:
                del targets[key]


def _run(region: Region, task: Task, now: float) -> None:
    assert task.started is not None
    behaviour, age = task.behaviour, now - task.started
    if behaviour.usual is not None and age > behaviour.usual:
        behaviour.usual = None
        task_faults.count(behaviour, "one_off_slow")
    if behaviour.stops is not None and age >= behaviour.stops[0]:
        stop_by_aws(region, task, now, behaviour.stops[1])
        return
    for ending in behaviour.besides:
        if age >= ending.after and ending.container in task.containers and ending.container not in task.ended:
            task.ended[ending.container] = ending
            task_faults.count(behaviour, "one_off_sidecar")
            if ending.container in task.essential:
                exit_by_itself(region, task, now, ending.main_exit_code)
                return
    if task.behaviour.crash_after is not None and now - task.started >= task.behaviour.crash_after:
        task_faults.count(task.behaviour, "crash", "bad_image", "one_off_exits")
        exit_by_itself(region, task, now, task.behaviour.exit_code)
        return
    task.settled = task.settled or age >= SETTLED
    _check_containers(task, now)
    for target in region.target_of(task):
        _check(task, target, now)


def passes(task: Task, now: float) -> bool:
    """Tell whether the task answers its health check with the code its target group wants."""
    if not task.behaviour.healthy or task.status != "RUNNING" or task.started is None or _is_ill(task, now):
        return False
    if task.load is not None:
        return bool(task.load.complete)
    return now - task.started >= task.behaviour.boot


def _is_ill(task: Task, now: float) -> bool:
    period = task.behaviour.flaps
    if period is None or task.well_since is None:
        return False
    return int((now - task.well_since + task.behaviour.flapped) // period) % 2 == 1


def _check(task: Task, target: Target, now: float) -> None:
    if target.draining is not None or now < target.next_check:
        return
    target.next_check = now + CHECK_INTERVAL
    if passes(task, now):
        target.passed, target.failed = target.passed + 1, 0
        # a new target needs one pass, one that was given up needs them all
        if target.state == "initial" or target.passed >= PASSES_UP:
            target.state = "healthy"
            task.well_since = now if task.well_since is None else task.well_since
    else:
        target.passed, target.failed = 0, target.failed + 1
        if target.failed >= FAILURES_DOWN:
            if target.state == "healthy":
                _count_flap(task, now)
            target.state = "unhealthy"


def _check_containers(task: Task, now: float) -> None:
    check = task.check
    if check is None or task.started is None or now < max(check.next, task.started + check.interval):
        return
    check.next = now + check.interval
    if passes(task, now) and not task.behaviour.fails_checks:
        check.status, check.failed = "HEALTHY", 0
        task.well_since = now if task.well_since is None else task.well_since
        return
    if check.status == "UNKNOWN" and now - task.started < check.start_period:
        return
    check.failed += 1
    if check.failed >= check.retries:
        if check.status != "UNHEALTHY":
            _count_flap(task, now)
            task_faults.count(task.behaviour, "container_unhealthy")
        check.status = "UNHEALTHY"


def _count_flap(task: Task, now: float) -> None:
    for fault in task.behaviour.faults:
        if fault.kind == "flap" and _is_ill(task, now):
            fault.count()


def _register(region: Region, task: Task, now: float) -> None:
    service = region.services.get((task.cluster, task.service or ""))
    for balancer in task.target_groups if service else []:
        key = (task.ip or task.instance or "", task.port)
        first = now + region.random.uniform(0.1, 1.0) * CHECK_INTERVAL
        region.targets.setdefault(balancer["targetGroupArn"], {})[key] = Target(*key, now, next_check=first)
        if service:
            service.say(now, f"registered 1 targets in (target-group {balancer['targetGroupArn']})")


def request_stop(region: Region, task: Task, now: float, code: str, reason: str, exit_code: int | None = None) -> None:
    """Begin to stop a task; one that is stopping already keeps its reason."""
    if task.desired == "STOPPED":
        return
    task.desired, task.stopping, task.stop_code, task.stopped_reason = "STOPPED", now, code, reason
    task.exit_code = exit_code if exit_code is not None else (143 if task.started else None)
    for target in region.target_of(task):
        task.drains = True
        target.state, target.draining = "draining", now


def exit_by_itself(region: Region, task: Task, now: float, exit_code: int) -> None:
    """End a task whose essential container has exited: nobody waits for its connections to drain."""
    request_stop(region, task, now, "EssentialContainerExited", "Essential container in task exited", exit_code)
    finish(task, now)


def stop_by_aws(region: Region, task: Task, now: float, code: str) -> None:
    """Stop a task as AWS does for reasons of its own."""
    task_faults.count(task.behaviour, "one_off_stopped_by_aws")
    request_stop(region, task, now, code, STOPPED_BY_AWS[code])


def finish(task: Task, now: float) -> None:
    """End a task at once; its place is free, its targets go on draining."""
    task.status, task.stopped = "STOPPED", now


def _wind_down(region: Region, task: Task, now: float) -> None:
    assert task.stopping is not None
    drain = DRAIN if task.drains else 0.0
    if now - task.stopping < drain:
        task.status = "DEACTIVATING"
    elif now - task.stopping < drain + STOP and task.started:
        task.status = "STOPPING"
    else:
        finish(task, now)
