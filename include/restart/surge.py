"""Surge: double the tasks, wait for the new ones, then stop exactly the old ones.

Every function here is a pure decision: it takes what was read and returns what may be done, or raises.
`since` is the mark: AWS's clock just before the first write. A task is old if the plan lists it and new if it is not listed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from include.aws.ecs import Task
from include.ecs.service_state import LoadLines, ServiceState, TaskState
from include.ecs.task_end import describe_end
from include.errors import DriftError, RolloutFailedError
from include.restart import load_progress
from include.restart.plan import ServiceRestart
from include.text import joined
from include.waiters.progress import Progress, minutes

LEFT = "The old tasks were left alone and capacity was left up"


def split(plan: ServiceRestart, state: ServiceState) -> tuple[tuple[TaskState, ...], tuple[TaskState, ...]]:
    """Return the old and the new tasks that are running."""
    old = tuple(each for each in state.alive if each.task.arn in plan.old_arns)
    return old, tuple(each for each in state.alive if each.task.arn not in plan.old_arns)


def ensure_no_drift(plan: ServiceRestart, state: ServiceState, *, desired: Iterable[int]) -> None:
    """Refuse to go on if somebody else changed the service. Raises: DriftError."""
    live, allowed = state.service, tuple(desired)
    if live.desired not in allowed:
        raise DriftError(
            f"The desired count of {live.name} is {live.desired}, but this run sets it to {' or '.join(map(str, allowed))}: "
            f"somebody else changed it. {LEFT}; find out who, then start again."
        )
    if live.task_definition != plan.task_definition or len(live.deployments) != 1:
        raise DriftError(
            f"A deployment of {live.name} to {live.task_definition.rsplit('/', 1)[-1]} began during the restart. "
            f"{LEFT}; let it finish, then start again."
        )


def judge_new_tasks(plan: ServiceRestart, state: ServiceState, lines: LoadLines, since: datetime) -> Progress:
    """Wait until every new task is healthy. Raises: DriftError, RolloutFailedError."""
    ensure_no_drift(plan, state, desired=[plan.count_during])
    _refuse_shrunk_group(plan, state)
    old, new = split(plan, state)
    ours = [each.task for each in state.tasks if _is_ours(plan, each.task, since)]
    failed = load_progress.failed_loads(lines, [task.id for task in ours])
    _refuse_repeated(failed)
    _refuse_stopped(plan, ours)
    wanted = plan.count_during - len(old)
    healthy = [each for each in new if each.is_healthy]
    done = len(new) == wanted == len(healthy)
    said = state.service.complaint(since)
    complaint = f"; {said}" if said and not done else ""
    if not done and state.as_of - since > plan.timeout:
        raise RolloutFailedError(
            f"Only {len(healthy)} of {wanted} new tasks of {plan.service} are healthy after {minutes(since, state.as_of)} "
            f"(allowed: {plan.timeout_seconds // 60} min); {_ill(new)}{complaint}. {LEFT}; look at the log {plan.log_group}."
        )
    text = f"{len(healthy)} of {wanted} new tasks healthy"
    if not done and (load := load_progress.slowest(lines, [each.task.id for each in new if not each.is_healthy])):
        region = f", now {load.loading[0]}" if load.loading else ""
        text += f", slowest has loaded {load.percent} % ({load.complete} of {load.total} regions{region})"
    if failed:
        text += f", one failed load of {failed[0].region} is being retried"
    text = f"{text}, {minutes(since, state.as_of)} of usually {plan.boot_seconds // 60 + 5} min{complaint}"
    return Progress(done, text, f"{plan.service}: {len(healthy)} of {wanted} new tasks healthy")


def _refuse_shrunk_group(plan: ServiceRestart, state: ServiceState) -> None:
    assert plan.group  # a surge always has a group,
    assert state.group  # and it is read with it
    if state.group.desired < plan.count_during:
        raise DriftError(
            f"The desired capacity of {plan.group.name} fell to {state.group.desired} from {plan.group.maximum} during the "
            f"restart: somebody else changed it. {LEFT}; find out who, then start again."
        )


def _refuse_repeated(failed: tuple[load_progress.FailedLoad, ...]) -> None:
    for load in failed:
        if load.times > load_progress.TOLERATED:
            raise RolloutFailedError(
                f"Region {load.region} failed to load {load.times} times in task {load.task_id}: check {load.uri} (the "
                f"file itself and region_config.s3_uri), correct it, and stop that task. {LEFT}."
            )


def _is_ours(plan: ServiceRestart, task: Task, since: datetime) -> bool:
    # AWS lists stopped tasks for an hour: those of an earlier restart are neither old nor new
    made_before = task.created_at is not None and task.created_at < since - timedelta(seconds=1)
    return task.arn not in plan.old_arns and not (task.desired_status == "STOPPED" and made_before)


def _refuse_stopped(plan: ServiceRestart, ours: Iterable[Task]) -> None:
    for task in ours:
        if task.desired_status == "STOPPED":
            raise RolloutFailedError(
                f"New task {task.id} of {plan.service} stopped ({describe_end(task)}). {LEFT}; look at the log {plan.log_group}."
            )


def _ill(tasks: Iterable[TaskState]) -> str:
    ill = [f"{task.task.id} is {task.condition}" for task in tasks if not task.is_healthy]
    return joined(ill[:3]) or "the others have not been started"


def choose_protected(plan: ServiceRestart, state: ServiceState, since: datetime) -> tuple[TaskState, ...]:
    """Return the new tasks to protect: all of them, each healthy and started since the mark. Raises: DriftError, RolloutFailedError."""
    ensure_no_drift(plan, state, desired=[plan.count_during, plan.count])
    _, new = split(plan, state)
    healthy = tuple(each for each in new if each.is_healthy)
    if len(healthy) < plan.count:
        raise RolloutFailedError(
            f"{len(healthy)} new tasks of {plan.service} are healthy but {plan.count} are needed before an old one may be "
            f"stopped; {_ill(new)}. {LEFT}; start again."
        )
    for each in healthy:
        if each.task.started_at is None or each.task.started_at < since - timedelta(seconds=1):
            raise DriftError(
                f"Task {each.task.id} of {plan.service} started at {each.task.started_at}, before this run began "
                f"({since:%H:%M:%S}), but is not one of the old tasks of the plan. {LEFT}; start again."
            )
    return healthy


def choose_stopped(plan: ServiceRestart, state: ServiceState, since: datetime) -> tuple[TaskState, ...]:
    """Return the old tasks that are still running and may be stopped now. Raises: DriftError, RolloutFailedError."""
    choose_protected(plan, state, since)
    old, _ = split(plan, state)
    if len(old) > plan.count:
        raise DriftError(
            f"{len(old)} old tasks of {plan.service} are alive but only {plan.count} were counted. {LEFT}."
        )
    return old


def judge_old_stopped(plan: ServiceRestart, state: ServiceState, since: datetime) -> Progress:
    """Wait until no old task is left, draining ones included. Raises: DriftError, RolloutFailedError."""
    ensure_no_drift(plan, state, desired=[plan.count])
    left = [task for task in state.tasks if task.task.arn in plan.old_arns and task.task.last_status != "STOPPED"]
    if left:
        refuse_timed_out(plan, state, since, f"{len(left)} old tasks of {plan.service} are still stopping")
    return Progress(
        not left,
        f"{len(left)} of {len(plan.old_tasks)} old tasks still stopping, {len(state.healthy)} tasks healthy",
        f"{plan.service}: {len(plan.old_tasks) - len(left)} of {len(plan.old_tasks)} old tasks stopped",
    )


def judge_settled(plan: ServiceRestart, state: ServiceState, since: datetime) -> Progress:
    """Wait until the service runs as many tasks as before. Raises: DriftError, RolloutFailedError."""
    ensure_no_drift(plan, state, desired=[plan.count])
    done = len(state.alive) == plan.count == state.service.running
    if not done:
        what = f"{plan.service} runs {state.service.running} tasks instead of {plan.count}"
        refuse_timed_out(plan, state, since, what)
    return Progress(done, f"{state.service.running} tasks running of {plan.count} wanted, {len(state.healthy)} healthy")


def refuse_timed_out(plan: ServiceRestart, state: ServiceState, since: datetime, what: str) -> None:
    """Refuse to wait longer once the wait for `what` has timed out. Raises: RolloutFailedError."""
    if state.as_of - since > 2 * plan.timeout:  # the load, and then as long again for draining
        said = state.service.complaint(since) or "look at the service's events"
        raise RolloutFailedError(f"{what} {minutes(since, state.as_of)} after the restart began; {said}.")
