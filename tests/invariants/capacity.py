"""I6, I7: an old task stops only when enough new ones are healthy, and there are never fewer healthy tasks than at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.invariants.history import Call, History, Point, Run, Violation

FRESH = timedelta(seconds=10)  # how old a reading may be on which an old task is stopped, by AWS's clock
LOOKS = frozenset({"ecs.DescribeServices", "ecs.DescribeTasks"})


def check_stops(history: History) -> list[Violation]:
    """Check I6 for every StopTask of every run, and for the write that lowers the count so that ECS stops surplus tasks."""
    found: list[Violation] = []
    for run in history.runs.values():
        writes = history.writes_of(run)
        for index, call in enumerate(writes):
            service = _service_of(run, call)
            if service is None or not call.took_effect:
                continue
            if call.name == "ecs.StopTask" and not _is_repeat(history, call, writes[:index]):
                found += [*_is_old(run, service, call, writes[0]), *_is_fresh(history, call, writes[index - 1])]
                found += _enough_new(history, run, service, call)
            elif call.name == "ecs.UpdateService" and _lowers(history, run, call):
                found += _enough_new(history, run, service, call)
    return found


def check_capacity(history: History) -> list[Violation]:
    """Check I7: from a run's first write to its end, a service has at least as many healthy tasks as before."""
    found: list[Violation] = []
    for run in history.runs.values():
        writes = history.writes_of(run)
        if not writes or run.target is None:
            continue
        end = history.calls[-1].at
        if run.record_n is not None:
            end = max((call.at for call in history.calls if call.n <= run.record_n), default=end)
        for service in run.plan.get("services", ()):
            found += _never_short(history, run, service, writes[0].at, end)
    return found


def _service_of(run: Run, call: Call) -> Mapping[str, Any] | None:
    """Return the part of the run's plan for a call on a service or one of its tasks."""
    for service in run.plan.get("services", ()):
        if "old_tasks" not in service:
            continue  # for a release, whose old tasks ECS itself stops
        if call.params.get("cluster") == service["cluster"] and (
            call.params.get("service") == service["service"] or call.name == "ecs.StopTask"
        ):
            part: Mapping[str, Any] = service
            return part
    return None


def _is_repeat(history: History, call: Call, earlier: list[Call]) -> bool:
    """Tell whether the same intent has stopped the task before: after a lost answer, the SDK calls again."""
    claim = history.claims(call)
    return any(each.took_effect and each.params == call.params and history.claims(each) == claim for each in earlier)


def _lowers(history: History, run: Run, call: Call) -> bool:
    claim = history.claims(call)
    return claim is not None and claim[1].step.endswith("stop_old_tasks") and "desiredCount" in call.values


def _is_old(run: Run, service: Mapping[str, Any], call: Call, first: Call) -> Iterator[Violation]:
    arn = call.params["task"]
    started = {task["arn"]: task["started_at"] for task in service["old_tasks"]}.get(arn)
    mark = run.confirmed.get("since")
    if started is None:
        yield Violation("I6", f"Call {call.n:g} of {run.id} stops {_id(arn)}, which is no old task of its plan.")
        return
    begun = datetime.fromisoformat(str(mark)) if mark else first.at
    if datetime.fromisoformat(started) >= begun:
        yield Violation(
            "I6", f"Call {call.n:g} of {run.id} stops {_id(arn)}, started {started}, not before the run's mark {begun}."
        )


def _is_fresh(history: History, call: Call, previous: Call) -> Iterator[Violation]:
    """Tell whether AWS was read between the previous write and this one, and recently."""
    since = previous.n if previous.n < call.n else float("-inf")
    limit = FRESH * history.speed
    fresh = {
        each.name
        for each in history.calls
        if since < each.n < call.n
        and (each.account, each.role) == (call.account, call.role)
        and each.params.get("cluster") == call.params.get("cluster")
        and each.took_effect
        and call.at - each.at <= limit
    }
    if missing := sorted(LOOKS - fresh):
        yield Violation(
            "I6",
            f"Call {call.n:g} stops {_id(call.params['task'])} without {' and '.join(missing)} between it and the write "
            f"before (call {since:g}) or within {limit.total_seconds():g} s of AWS's clock.",
        )


def _enough_new(history: History, run: Run, service: Mapping[str, Any], call: Call) -> Iterator[Violation]:
    key = (str(run.target), service["service"])
    if history.is_excused("I6", *key) or not (points := _at(history.timelines.get(key, []), call.at)):
        return
    old = {task["arn"].rsplit("/", 1)[-1] for task in service["old_tasks"]}
    stopped = {
        _id(write.params["task"])
        for write in history.writes_of(run)
        if write.name == "ecs.StopTask" and write.n < call.n
    }
    new = max(
        len(point.tasks - old) if point.tasks is not None else point.healthy - len(old - stopped) for point in points
    )
    needed = min([service["count"], *(count for at, count in history.counts_of_others(*key) if at <= call.at)])
    if new < needed:
        yield Violation(
            "I6",
            f"Call {call.n:g} {call.name} of {run.id} lets old tasks of {service['service']} go while {new} new ones were "
            f"healthy, of {needed} needed.",
        )


def _at(points: list[Point], moment: datetime) -> list[Point]:
    """Return the points that may apply at a moment. Times are whole seconds, so one second may have several."""
    before = [point for point in points if point.at < moment]
    return before[-1:] + [point for point in points if point.at == moment] if points else []


def _never_short(
    history: History, run: Run, service: Mapping[str, Any], begin: datetime, end: datetime
) -> Iterator[Violation]:
    key = (str(run.target), service["service"])
    if history.is_excused("I7", *key):
        return
    others, points = history.counts_of_others(*key), history.timelines.get(key, [])
    needed = service["count"]
    for each in [point for point in points if point.at < begin][-1:] + [
        point for point in points if begin <= point.at <= end
    ]:
        if (each.at, each.desired) in others:
            needed = min(needed, each.desired)  # others want fewer tasks: a schedule, or a person
        if each.healthy < needed:
            yield Violation(
                "I7",
                f"{each.healthy} tasks of {service['service']} were healthy at {each.at:%H:%M:%S} during {run.id}, of {needed} "
                "before it began.",
            )
            return


def _id(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
