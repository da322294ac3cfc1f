"""A staging deployment, and the release of its image, as recorded in the call log and the run stores."""

import json
from datetime import datetime, timedelta
from typing import Any

from include.inventory import Target, load
from include.releases.migration.rules import client_token, migration_key, started_by
from include.run.lease import Lease
from tests.invariants import Violation, check, read_history
from tests.unit.facts import NOON
from tests.unit.invariants.history_builder import intended

PRODUCTION, STAGING = load().target("core/production"), load().target("core/staging")
RELEASE, DEPLOYMENT = "production_release/one", "staging_deployment/ci-1"
COMMIT, DIGEST, PLAN = "c" * 40, f"sha256:{'1' * 64}", "d" * 64
COMMAND = ["bundle", "exec", "rake", "db:migrate"]
VERSION = "v0.6.15"


def key_of(target: Target) -> str:
    return migration_key(target.name, DIGEST, COMMAND)


class ReleaseHistoryBuilder:
    """Writes one order of calls and documents. Every part can be falsified or left out."""

    def __init__(self) -> None:
        self.now: datetime = NOON
        self.calls: list[dict[str, Any]] = []
        self.documents: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.leases = {each.name: Lease(target=each.name) for each in (PRODUCTION, STAGING)}
        self.place = STAGING

    def call(self, service: str, action: str, params: dict[str, Any], *, mutates: bool = True) -> None:
        self.now += timedelta(seconds=1)
        environment = self.place.environment
        one = {"n": len(self.calls) + 1, "at": self.now.isoformat(), "account": environment.account}
        one |= {"role": environment.role, "service": service, "action": action, "params": params}
        self.calls.append({**one, "mutates": mutates, "status": 200})
        self.now += timedelta(seconds=1)  # records about a call are stored after it

    def put(self, pk: str, sk: str, document: dict[str, Any], condition: str = "attribute_not_exists(pk)") -> None:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "document": {"S": json.dumps(document)}}
        self.call("dynamodb", "PutItem", {"Item": item, "ConditionExpression": condition})
        self.documents[self.place.environment.account, pk, sk] = document

    def swap(self, target: Target, **changes: Any) -> None:
        before = self.leases[target.name]
        lease = before.model_copy(update={"version": before.version + 1, **changes})
        self.leases[target.name] = lease
        self.put(f"target#{target.name}", "lease", lease.model_dump(mode="json"), "version = :expected")

    def begin(self, run: str, plan: dict[str, Any]) -> None:
        self.plan, self.run = plan, run
        for seat, by in enumerate(("approver", "second_approver")[: self.place.environment.approval.count], 1):
            decision = {
                "seat": seat,
                "outcome": "approved",
                "by": by,
                "at": self.now.isoformat(),
                "digest": PLAN,
                "why": "so",
            }
            self.put(f"run#{run}", f"decision#{seat}", decision)
        fencing = self.leases[self.place.name].fencing + 1
        self.swap(self.place, owner=run, fencing=fencing, confirmed_plan=None)
        self.swap(self.place, confirmed_plan=PLAN)
        confirmed = {"target": self.place.name, "run": run, "requester": "olga", "digest": PLAN, "plan": plan}
        self.put(f"run#{run}", "confirmed", confirmed)

    def event(self, phase: str, text: str, **details: Any) -> int:
        number = sum(pk == f"run#{self.run}" and sk.startswith("event#") for _, pk, sk in self.documents) + 1
        document = {
            "at": self.now.isoformat(),
            "number": number,
            "step": "step",
            "phase": phase,
            "text": text,
            **details,
        }
        self.put(f"run#{self.run}", f"event#{number:020d}", document)
        return number

    def write(self, name: str, on: list[str], params: dict[str, Any] | None = None, **values: Any) -> None:
        """Announce a write, make it (unless it is no call of AWS), and record that it is done."""
        key = {"pk": {"S": f"target#{self.place.name}"}, "sk": {"S": "lease"}}
        self.call("dynamodb", "GetItem", {"Key": key}, mutates=False)
        lease = self.leases[self.place.name]
        about = {"write": intended(name, on, values), "fencing": lease.fencing, "digest": PLAN}
        number = self.event("intent", name, **about)
        if params is not None:
            self.call(*name.split("."), params)
        self.event("done", name, intent=number)

    def begin_attempt(self, number: int = 1, run: str | None = None) -> None:
        document = {
            "at": self.now.isoformat(),
            "number": number,
            "run": run or self.run,
            "begun_at": self.now.isoformat(),
        }
        self._attempt(number, "0-begun", document)

    def run_task(self, number: int = 1, **different: Any) -> None:
        key = key_of(self.place)
        values = {"startedBy": started_by(key), "clientToken": client_token(key, number), **different}
        self.write("ecs.RunTask", [], {"cluster": "core", "group": "migrations", **values}, **values)
        self._attempt(number, "1-started", {"at": self.now.isoformat(), "number": number, "arn": f"arn:{number}"})

    def end_attempt(self, number: int = 1, outcome: str = "succeeded", **different: Any) -> None:
        code = 0 if outcome == "succeeded" else 1
        details = {"exit_code": code, **different}
        document = {"at": self.now.isoformat(), "number": number, "outcome": outcome, **details}
        self._attempt(number, "2-ended", {name: value for name, value in document.items() if value is not None})

    def _attempt(self, number: int, part: str, document: dict[str, Any]) -> None:
        self.put(f"target#{self.place.name}", f"migration#{key_of(self.place)}#{number:04d}#{part}", document)

    def migrate(self, number: int = 1, outcome: str = "succeeded") -> None:
        self.begin_attempt(number)
        self.run_task(number)
        self.end_attempt(number, outcome)

    def deploy(self, image: str = f"core@{DIGEST}") -> None:
        for service, container in (("app", "app"), ("sidekiq", "sidekiq")):
            family = f"core-{service}"
            definition = {"family": family, "containerDefinitions": [{"name": container, "image": image}]}
            self.write("ecs.RegisterTaskDefinition", [family], definition)
            params = {"service": family, "taskDefinition": f"{family}:2"}
            self.write("ecs.UpdateService", [family], params, taskDefinition=f"{family}:2")

    def prove(self, **different: Any) -> None:
        proof = {"at": self.now.isoformat(), "digest": DIGEST, "commit": COMMIT, "target": STAGING.name}
        proof |= {"run": DEPLOYMENT, "templates": {"app": "t"}, **different}
        self.put(f"target#{STAGING.name}", f"proof#{proof['digest']}#{proof['commit']}", proof)

    def end(self, outcome: str = "success") -> None:
        self.swap(self.place, owner=None, confirmed_plan=None)
        record = {"target": self.place.name, "run": self.run, "outcome": outcome, "digest": PLAN, "plan": self.plan}
        self.put(f"run#{self.run}", "record", {**record, "ended": self.now.isoformat()})

    # the two runs

    def services(self) -> list[dict[str, Any]]:
        facts = {"cluster": "core", "before": "x:1", "count": 4}
        return [{**facts, "service": f"core-{each}", "container": each, "template": "t"} for each in ("app", "sidekiq")]

    def migration(self, target: Target, **different: Any) -> dict[str, Any]:
        return {"key": key_of(target), "container": "app", "again": False, **different}

    def stage(self, run: str = DEPLOYMENT, **plan: Any) -> None:
        self.place = STAGING
        facts = {"runbook": "staging_deployment", "commit": COMMIT, "image": DIGEST, "services": self.services()}
        self.begin(run, {**facts, "migration": self.migration(STAGING), **plan})

    def staged(self) -> "ReleaseHistoryBuilder":
        self.stage()
        self.migrate()
        self.deploy()
        self.prove()
        self.end()
        return self

    def release(self, run: str = RELEASE, **plan: Any) -> None:
        self.place = PRODUCTION
        facts: dict[str, Any] = {"runbook": "production_release", "commit": COMMIT, "image": DIGEST, "version": VERSION}
        facts |= {"previous": "v0.6.14", "on_branch": True, "checks": "green", "proved_on": STAGING.name}
        facts |= {"readable": f"production-{VERSION}-2026", "services": self.services(), "template_differences": []}
        self.begin(run, {**facts, "migration": self.migration(PRODUCTION), **plan})

    def publish(self, tag: str = VERSION, commit: str = COMMIT) -> None:
        self.write("github.PublishRelease", ["example-housing/core"], tag_name=tag, target_commitish=commit)

    def released(self, **plan: Any) -> "ReleaseHistoryBuilder":
        self.release(**plan)
        self.publish()
        self.migrate()
        self.deploy()
        self.end()
        return self

    def violations(self) -> list[Violation]:
        documents = [(*key, document) for key, document in self.documents.items()]
        return check(read_history([PRODUCTION, STAGING], self.calls, documents))

    def broken(self) -> set[str]:
        return {violation.invariant for violation in self.violations()}
