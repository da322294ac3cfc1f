"""I5: a run leaves the state from before, or a state that somebody agreed to."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.invariants.history import History, Run, Violation, role_name

LEFT_UP = ("failed", "stopped")  # outcomes whose record asks people to check the target


def check_postconditions(history: History) -> list[Violation]:
    """Compare the targets before and after, once no run works on them."""
    found: list[Violation] = []
    for name, after in history.after.items():
        before = history.before.get(name)
        runs = [run for run in history.runs.values() if run.target == name]
        if before is None or any(run.record_n is None and history.writes_of(run) for run in runs):
            continue
        writing = [run for run in runs if history.writes_of(run)]
        last = max(writing, key=lambda run: history.writes_of(run)[-1].n, default=None)
        found += _leases(history, name, runs)
        for service in before.get("services", ()):
            found += _service(history, name, last, service, _named(after["services"], service["name"]))
        for group in before.get("groups", ()):
            if history.is_excused("I5", name, group["name"]):
                continue
            found += _group(last, group, _named(after["groups"], group["name"]))
    return found


def _leases(history: History, target: str, runs: list[Run]) -> Iterator[Violation]:
    lease = history.holder(target, float("inf"))
    over = {run.id: run for run in runs if run.record_n is not None}
    if lease and lease.owner in over and lease.kept and over[lease.owner].record.get("outcome") != "success":
        return  # a failed release keeps its target until a person has checked it
    if lease and lease.owner in over:
        yield Violation("I5", f"{target} is still leased to {lease.owner}, which is over.")


def _service(
    history: History, target: str, last: Run | None, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Violation]:
    if history.is_excused("I5", target, before["name"]):
        return
    others = {count for _, count in history.counts_of_others(target, before["name"])}
    allowed = (
        {before["desired"]} | _agreed(last, before["name"]) | others | _set_by_others(history, target, before["name"])
    )
    if after["desired"] not in allowed:
        yield Violation(
            "I5",
            f"The desired count of {before['name']} is {after['desired']}, not {' or '.join(map(str, sorted(allowed)))} as "
            f"before, as agreed or as somebody else has set it{_by(last)}.",
        )
    kept = [task["id"] for task in after["tasks"] if task["protected"] and task["desired_status"] == "RUNNING"]
    was = {task["id"] for task in before["tasks"] if task["protected"]}
    # protection ends by itself; a run that stopped half way, or was rolled back, says so
    if {*kept} - was and not (last and last.record.get("outcome") in LEFT_UP):
        yield Violation(
            "I5", f"Tasks {', '.join(sorted({*kept} - was))} of {before['name']} are still protected{_by(last)}."
        )


def _group(last: Run | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Violation]:
    for what in ("min", "max"):
        if after[what] != before[what]:
            yield Violation(
                "I5", f"{what} of group {before['name']} is {after[what]}, not {before[what]} as before{_by(last)}."
            )
    most = max([before["desired"], *_maximum(last, before["name"])])
    if not before["desired"] <= after["desired"] <= most:  # its alarm scales it in by itself, as the plan says
        yield Violation(
            "I5",
            f"Desired capacity of {before['name']} is {after['desired']}, not between {before['desired']} as before and {most} "
            f"as planned{_by(last)}.",
        )
    if sorted(after["suspended"]) != sorted(before["suspended"]):
        yield Violation(
            "I5",
            f"Group {before['name']} has {after['suspended']} suspended, not {before['suspended']} as before{_by(last)}.",
        )
    was = {instance["id"] for instance in before["instances"] if instance["protected"]}
    kept = [instance["id"] for instance in after["instances"] if instance["protected"] and instance["id"] not in was]
    if kept:
        yield Violation(
            "I5",
            f"Instances {', '.join(kept)} of {before['name']} are still protected, as they were not before{_by(last)}.",
        )
    lost = [instance["id"] for instance in after["instances"] if not instance["protected"] and instance["id"] in was]
    if lost:
        yield Violation(
            "I5",
            f"Instances {', '.join(lost)} of {before['name']} are no longer protected, as they were before{_by(last)}.",
        )


def _agreed(last: Run | None, service: str) -> set[int]:
    """Return the count that may stay, because the run stopped half way, said so, and nobody asked to set it back."""
    if last is None or last.record.get("outcome") not in LEFT_UP:
        return set()
    if any(event.step == "return_count_before" and event.phase == "done" for event in last.events):
        return set()
    return {
        each["count_during"]
        for each in last.plan.get("services", ())
        if each["service"] == service and "count_during" in each  # a release sets no count
    }


def _set_by_others(history: History, target: str, service: str) -> set[int]:
    """Return the counts that were requested by others than runbooks."""
    environment = history.targets[target].environment
    return {
        int(call.params["desiredCount"])
        for call in history.calls
        if call.name == "ecs.UpdateService" and call.took_effect and call.params.get("desiredCount") is not None
        if call.account == environment.account and call.role != role_name(history.targets[target])
        if call.params.get("cluster") == environment.cluster and call.params.get("service") == service
    }


def _maximum(last: Run | None, group: str) -> list[int]:
    groups = [each.get("group") for each in (last.plan.get("services", ()) if last else ())]
    return [each["maximum"] for each in groups if each and each["name"] == group]


def _named(items: list[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(each for each in items if each["name"] == name)


def _by(last: Run | None) -> str:
    return f", after {last.id}" if last else ", and no run wrote on it"
