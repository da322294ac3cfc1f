"""How one task moves: started, registered, checked, drained, stopped."""

from sandbox.aws.model import Region, Service, Target, Task

PROVISION, PULL, ACTIVATE = 5.0, 25.0, 5.0  # seconds
CHECK_INTERVAL, CHECK_TIMES_DOWN = 30.0, 2  # a target group's own figures; one pass makes a new target healthy
DRAIN, STOP = 300.0, 15.0
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
    elif task.started is None:
        task.status, task.started = "RUNNING", now
        _register(region, task, now)
    else:
        _run(region, task, now)


def _run(region: Region, task: Task, now: float) -> None:
    assert task.started is not None
    running = now - task.started
    limit = task.behaviour.crash_after if task.service else task.run_seconds
    if limit is not None and running >= limit:
        for fault in task.behaviour.faults:
            fault.count()
        request_stop(
            region,
            task,
            now,
            "EssentialContainerExited",
            "Essential container in task exited",
            task.behaviour.exit_code,
        )
        finish(region, task, now)
        return
    for target in region.target_of(task):
        _check(task, target, now)


def passes(task: Task, now: float) -> bool:
    """Whether the task answers its health check with the code its target group wants."""
    if not task.behaviour.healthy or task.status != "RUNNING" or task.started is None:
        return False
    if task.load is not None:
        return bool(task.load.complete)
    return now - task.started >= task.behaviour.boot


def _check(task: Task, target: Target, now: float) -> None:
    if target.state == "draining" or now - task.checked < CHECK_INTERVAL:
        return
    task.checked = now
    if passes(task, now):
        if target.state != "healthy":
            target.state, target.since = "healthy", now
    elif target.state == "healthy" or (
        target.state == "initial" and now - target.registered >= CHECK_INTERVAL * CHECK_TIMES_DOWN
    ):
        target.state, target.since = "unhealthy", now


def _register(region: Region, task: Task, now: float) -> None:
    service = region.services.get((task.cluster, task.service or ""))
    for balancer in service.target_groups if service else []:
        key = (task.ip or task.instance or "", task.port)
        region.targets.setdefault(balancer["targetGroupArn"], {})[key] = Target(key[0], key[1], now, since=now)
        _say(service, now, f"registered 1 targets in (target-group {balancer['targetGroupArn']})")


def request_stop(region: Region, task: Task, now: float, code: str, reason: str, exit_code: int | None = None) -> None:
    """Begin to stop a task; one that is stopping already keeps its reason."""
    if task.desired == "STOPPED":
        return
    task.desired, task.stopping, task.stop_code, task.stopped_reason = "STOPPED", now, code, reason
    task.exit_code = exit_code if exit_code is not None else (143 if task.started else None)
    for target in region.target_of(task):
        target.state, target.draining = "draining", now


def _wind_down(region: Region, task: Task, now: float) -> None:
    assert task.stopping is not None
    drain = DRAIN if region.target_of(task) else 0.0
    if now - task.stopping < drain:
        task.status = "DEACTIVATING"
    elif now - task.stopping < drain + STOP and task.started:
        task.status = "STOPPING"
    else:
        finish(region, task, now)


def finish(region: Region, task: Task, now: float) -> None:
    """End a task at once: its targets go, its place on the instance is free."""
    key = (task.ip or task.instance or "", task.port)
    for targets in region.targets.values():
        targets.pop(key, None)
    task.status, task.stopped = "STOPPED", now


def _say(service: Service | None, now: float, message: str) -> None:
    if service:
        service.say(now, message)
