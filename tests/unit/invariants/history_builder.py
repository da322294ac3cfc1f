"""A run as recorded in the call log and the run store, one line at a time, so that a test can falsify single lines."""

import json
from datetime import datetime, timedelta
from typing import Any

from include.run.lease import Lease
from tests.invariants import History, Violation, check, read_history
from tests.unit.facts import NOON, TASKS, maps, surge_plan

TARGET, RUN, REQUESTER, DIGEST = "maps/staging", "service_restart/manual-1", "olga", "d" * 64
ACCOUNT, ROLE = "222222222221", "runbooks"
SERVICE, CLUSTER, GROUP = "StagingApp_EC2LaunchType", "ecsStagingCluster", "asgStagingContainerInstance"
OLD, NEW = ("old1", "old2"), ("new1", "new2", "new3")


def arn(task: str) -> str:
    return f"{TASKS}/{task}"


def intended(name: str, on: list[str], values: dict[str, Any]) -> dict[str, Any]:
    """Return what the journal keeps of a write."""
    service, action = name.split(".")
    return {
        "service": service,
        "action": action,
        "resources": {"of": on},
        "values": values,
        "unknown": "it is not known",
    }


class HistoryBuilder:
    """Writes calls and documents in one order. Every part can be falsified or left out."""

    def __init__(self, **environment: Any) -> None:
        self.target = maps(**environment)
        self.now: datetime = NOON
        self.calls: list[dict[str, Any]] = []
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self.lease = Lease(target=TARGET)
        self.points = [self.point(2, OLD)]
        self.before, self.after = self.world(), self.world()
        self.posts: list[tuple[str, str | None, str]] = []
        self.excuses: list[Any] = []
        self.plan = {"services": [surge_plan().model_dump(mode="json")]}

    def point(self, desired: int, healthy: tuple[str, ...], **different: Any) -> dict[str, Any]:
        at = self.now.isoformat()
        return {"at": at, "healthy": len(healthy), "desired": desired, "tasks": list(healthy), **different}

    def world(self, desired: int = 2, *, capacity: int = 2, **group: Any) -> dict[str, Any]:
        tasks = [{"id": each, "protected": False, "desired_status": "RUNNING"} for each in OLD]
        facts = {"name": GROUP, "min": 2, "max": 5, "desired": capacity, "suspended": [], "instances": [], **group}
        return {"services": [{"name": SERVICE, "desired": desired, "tasks": tasks}], "groups": [facts]}

    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def call(self, service: str, action: str, params: dict[str, Any], *, status: int = 200, **different: Any) -> None:
        reads = action.startswith(("Describe", "Get", "Query", "List"))
        one = {
            "n": len(self.calls) + 1,
            "at": self.now.isoformat(),
            "account": ACCOUNT,
            "role": ROLE,
            "service": service,
            "action": action,
            "params": params,
            "mutates": not reads,
            "status": status,
            **different,
        }
        self.calls.append(one)

    def put(self, pk: str, sk: str, document: dict[str, Any], condition: str = "attribute_not_exists(pk)") -> None:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "document": {"S": json.dumps(document)}}
        self.call("dynamodb", "PutItem", {"Item": item, "ConditionExpression": condition})
        self.documents[pk, sk] = document

    def decide(self, by: str | None = "ann", outcome: str = "approved", *, seat: int = 1, digest: str = DIGEST) -> None:
        decision = {
            "seat": seat,
            "outcome": outcome,
            "by": by,
            "at": self.now.isoformat(),
            "digest": digest,
            "why": "so",
        }
        self.put(f"run#{RUN}", f"decision#{seat}", decision)

    def swap(self, **changes: Any) -> None:
        self.lease = self.lease.model_copy(update={"version": self.lease.version + 1, **changes})
        self.put(f"target#{TARGET}", "lease", self.lease.model_dump(mode="json"), "version = :expected")

    def claim(self, run: str = RUN, fencing: int | None = None) -> None:
        self.swap(owner=run, fencing=self.lease.fencing + 1 if fencing is None else fencing, confirmed_plan=None)

    def confirm(self, run: str = RUN, digest: str = DIGEST, requester: str | None = REQUESTER) -> None:
        self.swap(confirmed_plan=digest)
        confirmed = {"target": TARGET, "run": run, "requester": requester, "digest": digest, "plan": self.plan}
        self.put(f"run#{run}", "confirmed", {**confirmed, "since": NOON.isoformat()})
        self.wait(0.1)

    def event(self, phase: str, text: str, *, run: str = RUN, step: str = "step", **details: Any) -> int:
        number = sum(pk == f"run#{run}" and sk.startswith("event#") for pk, sk in self.documents) + 1
        document = {"at": self.now.isoformat(), "number": number, "step": step, "phase": phase, "text": text, **details}
        self.put(f"run#{run}", f"event#{number:020d}", document)
        return number

    def intend(
        self, name: str, on: list[str], *, run: str = RUN, step: str = "step", digest: str = DIGEST, **values: Any
    ) -> int:
        self.look_at_lease()
        details = {"write": intended(name, on, values), "fencing": self.lease.fencing, "digest": digest}
        return self.event("intent", f"{name} {' '.join(on)}", run=run, step=step, **details)

    def look_at_lease(self) -> None:
        self.call("dynamodb", "GetItem", {"Key": {"pk": {"S": f"target#{TARGET}"}, "sk": {"S": "lease"}}})

    def write(self, name: str, on: list[str], params: dict[str, Any], *, run: str = RUN, **rest: Any) -> None:
        number = self.intend(name, on, run=run, **rest)
        self.call(*name.split("."), params)
        self.event("done", name, run=run, step=str(rest.get("step", "step")), intent=number)

    def look(self) -> None:
        self.call("ecs", "DescribeServices", {"cluster": CLUSTER, "services": [SERVICE]})
        self.call("ecs", "DescribeTasks", {"cluster": CLUSTER, "tasks": []})

    def set_count(self, count: int, step: str = "step") -> None:
        params = {"cluster": CLUSTER, "service": SERVICE, "desiredCount": count}
        self.write("ecs.UpdateService", [SERVICE], params, step=step, desiredCount=count)

    def stop(self, task: str) -> None:
        params = {"cluster": CLUSTER, "task": arn(task)}
        self.write("ecs.StopTask", [SERVICE, arn(task)], params, step="surge.stop_old_tasks")

    def record(self, outcome: str = "success", run: str = RUN) -> None:
        record = {"target": TARGET, "run": run, "outcome": outcome, "digest": DIGEST, "plan": self.plan}
        self.put(f"run#{run}", "record", {**record, "ended": self.now.isoformat()})

    # the parts of a successful surge

    def begin(self) -> None:
        self.decide()
        self.claim()
        self.confirm()

    def scale_out(self) -> None:
        self.write(
            "autoscaling.SetDesiredCapacity",
            [GROUP],
            {"AutoScalingGroupName": GROUP, "DesiredCapacity": "5"},
            DesiredCapacity=5,
        )
        self.set_count(5)
        self.points.append(self.point(5, OLD))
        self.wait(25)
        self.points.append(self.point(5, OLD + NEW))
        self.wait(1)

    def stop_old(self) -> None:
        self.look()
        self.set_count(2, "surge.stop_old_tasks")
        for task in OLD:
            self.look()
            self.stop(task)
        self.wait(1)
        self.points.append(self.point(2, NEW[:2]))

    def end(self, outcome: str = "success") -> None:
        self.after = self.world(capacity=5)
        self.wait(1)
        self.swap(owner=None, confirmed_plan=None)
        self.record(outcome)

    def restart(self) -> "HistoryBuilder":
        self.begin()
        self.scale_out()
        self.stop_old()
        self.end()
        return self

    def violations(self, *others: tuple[str, str, str, dict[str, Any]]) -> list[Violation]:
        """Return the broken promises. `others` are documents of another target's store."""
        return check(self.history(*others))

    def history(self, *others: tuple[str, str, str, dict[str, Any]]) -> History:
        return read_history(
            [self.target],
            self.calls,
            [*((ACCOUNT, pk, sk, document) for (pk, sk), document in self.documents.items()), *others],
            timelines={(TARGET, SERVICE): self.points},
            before={TARGET: self.before},
            after={TARGET: self.after},
            posts=self.posts,
            excuses=self.excuses,
        )

    def broken(self) -> set[str]:
        return {violation.invariant for violation in self.violations()}
