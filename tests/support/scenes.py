"""Parallel journeys: each on a target, an account and a service of its own, all in one sandbox.

A journey mostly waits for Airflow and for AWS. A journey with the fixture `scene` runs in a thread of a small pool
together with the others of its kind. pytest reports each as if it had run alone (tests/journey/conftest.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import yaml

from include.inventory import Inventory
from include.inventory.loader import SHIPPED
from tests.support.history import ensure_kept, stored, violations, world
from tests.support.sandbox_client import Run, Sandbox, wait_for

AT_ONCE = 6  # journeys; Airflow has eight workers, and the machine two cores
SPEED = 120
DAGS = Path(__file__).resolve().parents[2] / "dags"
EDITED = "edited_restart"  # service_restart by another name
USERS = {"approvers": ["approver", "second_approver"], "count": 1, "respond_within": "2h"}


def write_inventory(folder: Path, scenes: dict[str, dict[str, Any]]) -> None:
    """Write one system per scene: a surge of two big tasks, or two rolling services, depending on its `strategy`."""
    for number, (name, options) in enumerate(scenes.items(), start=1):
        if make_system := SYSTEMS.get(options.get("strategy", "")):
            system = make_system(name, number)
            if bake := options.get("bake"):
                system["environments"]["production"]["release"]["bake"]["duration"] = bake
            for environment in system["environments"].values():
                environment["approval"] = {**USERS, **options.get("approval", {})}
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(system), encoding="utf-8")
            continue
        make = _rolling if options.get("strategy") == "rolling" else _surge
        environment = {
            "account": f"{700000000000 + number}",
            "region": "us-east-1",
            "role": f"{name}-runbooks",
            "cluster": f"{name}-cluster",
            "approval": {**USERS, **options.get("approval", {})},
            **make(name),
        }
        if options.get("schedule"):  # once a year: a fault fires it
            action = {"name": f"{name}-down", "schedule": "cron(0 3 1 1 ? *)", "timezone": "Europe/London"}
            environment["services"][0]["scheduled_scaling"] = [{**action, "min": 1, "max": 1}]
        environment["restart"]["timeout"] = options.get("timeout", environment["restart"]["timeout"])
        for service in environment["services"]:
            if "load_balancing" in service:
                service["load_balancing"]["grace_period"] = options.get(
                    "grace", service["load_balancing"]["grace_period"]
                )
        system = {"system": name, "title": f"Scene {number}", "environments": {"staging": environment}}
        if options.get("slack"):
            system["slack_workspace"] = name
            environment["slack_channel"] = f"#{name}"
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(system), encoding="utf-8")


def released_system(name: str, number: int) -> dict[str, Any]:
    """Return a system that is deployed to staging and released to production, with a repository, tickets and a thread."""
    registry = {
        "account": f"{900000000000 + number}",
        "region": "us-east-1",
        "repository": name,
        "keep": {"production-": 3, "staging-": 10},
    }
    environments = {}
    for account, environment in ((700000000000, "staging"), (800000000000, "production")):
        prefix = f"{name}-{environment}"
        made = _rolling(prefix)
        services = made["restart"]["services"]
        environments[environment] = {
            "account": f"{account + number}",
            "region": "us-east-1",
            "role": f"{prefix}-runbooks",
            "cluster": f"{prefix}-cluster",
            "slack_channel": f"#{prefix}",
            "registry": registry,
            "database": {"instance": prefix, "name": "app", "connection": f"postgres_{prefix}"},
            "alarms": [f"{prefix}-errors"],
            "one_off": {
                "family": f"{prefix}-ad-hoc",
                "container": "app",
                "log_group": f"{prefix}-log",
                "commands": {"migrate": ["bundle", "exec", "rake", "db:migrate"]},
            },
            "release": {"services": services, "timeout": "40m", "migrate": "migrate"},
            **made,
        }
    test = {
        "command": ["sh", "performance_test.sh"],
        "thresholds": [{"path": "/users", "milliseconds": 250, "per_second": 5}],
    }
    environments["staging"] |= {"builder": {"kind": "github", "name": "build_image.yml"}}
    environments["staging"]["release"]["performance"] = test
    environments["production"]["release"] |= {"proved_on": "staging", "bake": {"duration": "10m"}}
    return {
        "system": name,
        "title": f"Scene {number}",
        "slack_workspace": name,
        "github": f"example-{name}/app",
        "jira_project": name.upper(),
        "sentry": {"organization": f"example-{name}", "project": "app"},
        "environments": environments,
    }


def pushed_system(name: str, number: int) -> dict[str, Any]:
    """Return a system whose services CodeDeploy deploys as soon as their image is pushed, in production by a pipeline."""
    environments: dict[str, Any] = {}
    for account, environment in ((700000000000, "staging"), (800000000000, "production")):
        prefix = f"{name}-{environment}"
        app = _rolling(prefix)["services"][0]
        names = {"application": prefix, "group": prefix, "green_target_group": f"{prefix}-green"}
        environments[environment] = {
            "account": f"{account + number}",
            "region": "us-east-1",
            "role": f"{prefix}-runbooks",
            "cluster": f"{prefix}-cluster",
            "alarms": [f"{prefix}-errors"],
            "services": [{**app, "deployment_controller": "CODE_DEPLOY", "code_deploy": names}],
            "release": {"services": [app["name"]], "timeout": "40m"},
        }
    environments["staging"]["builder"] = {"kind": "github", "name": "build_image.yml"}
    environments["production"]["release"] |= {"proved_on": "staging", "bake": {"duration": "10m"}}
    environments["production"]["release"] |= {"deployed_by": "pipeline", "workflow": "production_pipeline.yml"}
    return {
        "system": name,
        "title": f"Scene {number}",
        "github": f"example-{name}/app",
        "image_repository": name,
        "environments": environments,
    }


def mapped_system(name: str, number: int) -> dict[str, Any]:
    """Return a system whose services load region data, in staging and production, with a tracking sheet."""
    environments: dict[str, Any] = {}
    for account, environment in ((700000000000, "staging"), (800000000000, "production")):
        prefix = f"{name}-{environment}"
        made = _surge(prefix)
        environments[environment] = {
            "account": f"{account + number}",
            "region": "us-east-1",
            "role": f"{prefix}-runbooks",
            "cluster": f"{prefix}-cluster",
            "slack_channel": f"#{prefix}",
            "database": {
                "instance": prefix,
                "name": "app",
                "connection": f"postgres_{prefix}".replace("-", "_"),
                "region_config": True,
            },
            "region_data": {
                "buckets": [f"{prefix}-data"],
                "required": ["topo.json", "static-metadata.json", "demographics/*", "geolevels/*", "voting/*"],
                "application": f"https://{prefix}.example",
            },
            **made,
        }
    environments["production"]["region_data"] |= {
        "proved_on": "staging",
        "sheet": {
            "spreadsheet": f"1-regions-of-{name}",
            "worksheet": "Regions",
            "uri": "production s3 url",
            "connection": f"google_sheets_{name}".replace("-", "_"),
        },
    }
    return {"system": name, "title": f"Scene {number}", "slack_workspace": name, "environments": environments}


def shifted_system(name: str, number: int) -> dict[str, Any]:
    """Return the shipped system whose traffic ECS itself shifts, blue/green and by canary, in accounts of its own."""
    text = (SHIPPED / "visits.yaml").read_text(encoding="utf-8").replace("visits", name)
    for account in (1, 2):
        text = text.replace(f"55555555555{account}", f"{600000000000 + 10 * number + account}")
    system: dict[str, Any] = yaml.safe_load(text.replace("example-clinics", f"example-{name}"))
    return system | {"github": f"example-{name}/app", "slack_workspace": name}


SYSTEMS = {"release": released_system, "push": pushed_system, "mapped": mapped_system, "shifted": shifted_system}


def _surge(name: str) -> dict[str, Any]:
    service = {
        "name": f"{name}-maps",
        "family": f"{name}-maps",
        "container": "app",
        "launch_type": "EC2",
        "tasks": 2,
        "cpu": 8192,
        "memory": 60000,
        "log_group": f"{name}-log",
        "boot": "6m",
        "loads": "topology",
        "load_balancing": {
            "target_group": f"{name}-tg",
            "container_port": 3005,
            "path": "/healthcheck",
            "matcher": "200",
            "grace_period": "60m",
        },
        "scaling_group": {"name": f"{name}-asg", "min": 2, "max": 5},
    }
    return {"services": [service], "restart": {"strategy": "surge", "services": [service["name"]], "timeout": "60m"}}


def _rolling(name: str) -> dict[str, Any]:
    app = {
        "name": f"{name}-app",
        "family": f"{name}-app",
        "container": "app",
        "launch_type": "FARGATE",
        "tasks": 2,
        "cpu": 1024,
        "memory": 4096,
        "log_group": f"{name}-log",
        "boot": "4m",
        "load_balancing": {
            "target_group": f"{name}-tg",
            "container_port": 8080,
            "path": "/health",
            "matcher": "204",
            "grace_period": "15m",
        },
    }
    worker = {key: value for key, value in app.items() if key != "load_balancing"}
    worker |= {"name": f"{name}-worker", "family": f"{name}-worker", "container": "worker", "tasks": 1}
    names = [app["name"], worker["name"]]
    return {"services": [app, worker], "restart": {"strategy": "rolling", "services": names, "timeout": "40m"}}


def write_dags(folder: Path) -> Path:
    """Write the runbooks, and a copy that a journey may edit: the code of the others must stay as planned with."""
    folder.mkdir()
    for file in DAGS.glob("*.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    text = (DAGS / "service_restart.py").read_text(encoding="utf-8")
    named = text.replace('subject="restart",', 'subject="restart",\n    page="service_restart",')
    assert named != text
    (folder / f"{EDITED}.py").write_text(named, encoding="utf-8")
    return folder


class Scene:
    """The resources of one journey."""

    def __init__(self, sandbox: Sandbox, name: str, inventory: Inventory, dags: Path = DAGS):
        self.sandbox = sandbox
        self.name = name
        self.dags = dags
        self.target = f"{name}/staging"
        self.cluster = f"{name}-cluster"
        self.before = self.state()
        self._described = inventory.target(self.target)
        self._targets = [target for target in inventory.targets.values() if target.system == self._described.system]
        self._account = self._described.environment.account
        self._world = world(sandbox, self._targets)

    def restart(self, user: str = "operator", **conf: Any) -> Run:
        return self.sandbox.restart(self.target, user, **conf)

    def restart_by(self, dag_id: str) -> Run:
        """Start another runbook that restarts the target."""
        return self.sandbox.trigger(dag_id, {"target": self.target, "reason": "a journey of the tests"})

    def start(self, dag_id: str, environment: str = "staging", **conf: Any) -> Run:
        """Start any runbook on one of the scene's targets."""
        target = f"{self.name}/{environment}"
        return self.sandbox.trigger(dag_id, {"target": target, "reason": "a journey of the tests", **conf})

    def repository(self) -> dict[str, Any]:
        """Return the current state of the scene's repository on GitHub."""
        found = self.sandbox.control.get("/github").raise_for_status().json()["repositories"]
        return dict(next(each for each in found if each["name"] == f"example-{self.name}/app"))

    def commits(self) -> list[str]:
        """Return the commits of the main branch, newest first."""
        return [commit["sha"] for commit in self.repository()["commits"]]

    def fault(self, kind: str, environment: str = "staging", **fields: Any) -> str:
        return self.sandbox.fault(kind, f"{self.name}/{environment}", **fields)

    def heal(self, fault: str) -> None:
        """Remove a fault."""
        self.sandbox.control.delete(f"/faults/{fault}").raise_for_status()

    @contextmanager
    def held(self, kind: str, environment: str = "staging", **fields: Any) -> Iterator[str]:
        """Hold the world at a fault, such as never_healthy, until a condition that has to come first is met."""
        fault = self.fault(kind, environment, **fields)
        yield fault
        assert self.injected(fault) > 0, "it held nothing up"
        self.heal(fault)

    def struck(self, fault: str) -> dict[str, Any]:
        """Return a fault's entry, with how often it took effect."""
        return self.sandbox.struck(fault)

    def injected(self, fault: str) -> int:
        return self.sandbox.injected(fault)

    def await_injected(self, fault: str) -> None:
        """Wait until a fault has taken effect."""
        wait_for(f"fault {fault} to take effect", lambda: self.injected(fault) > 0)

    def threads(self) -> list[dict[str, Any]]:
        """Return the messages posted to Slack, each with its replies."""
        return self.sandbox.threads(self.name)

    def thread(self, run: Run, until: str) -> dict[str, Any]:
        """Return the thread of a run, once its parent names the run."""
        return self.sandbox.thread(self.name, run, until)

    def regions(self, environment: str = "staging") -> dict[str, Any]:
        """Return a target's folders in S3, its rows of region_config and those of its sheet."""
        params = {"target": f"{self.name}/{environment}"}
        return dict(self.sandbox.control.get("/regions", params=params).raise_for_status().json())

    def state(self) -> Any:
        return self.sandbox.state(self.target)[self.target]

    def service(self, index: int = 0) -> dict[str, Any]:
        return self.sandbox.service(self.target, index)

    def group(self) -> dict[str, Any]:
        group: dict[str, Any] = self.sandbox.target(self.target)["groups"][0]
        return group

    def lease(self) -> dict[str, Any]:
        """Return the target's lease record, empty as long as no run has asked for it."""
        return self.sandbox.target(self.target)["lease"] or {}

    def alive(self, index: int = 0) -> set[str]:
        """Return the ids of the service's tasks that should run."""
        return {task["id"] for task in self.service(index)["tasks"] if task["desired_status"] == "RUNNING"}

    def lowest_healthy(self) -> int:
        return self.sandbox.lowest_healthy(self.target, self.service()["name"])

    def calls(self) -> list[dict[str, Any]]:
        """Return the successful calls of this scene's account since it began."""
        return [call for call in self.sandbox.calls(account=self._account) if call["status"] < 400]

    def writes(self) -> list[str]:
        """Return the runbook's mutating calls to the world, without those to the run stores."""
        return [
            call["action"]
            for call in self.calls()
            if call["mutates"] and call["service"] != "dynamodb" and call["role"] != "somebody"
        ]

    def decisions(self, run: Run, dag_id: str = "service_restart") -> list[dict[str, Any]]:
        """Return the recorded decisions on a run."""
        return self.on_record(run, "decision", dag_id)

    def on_record(self, run: Run, kind: str, dag_id: str) -> list[dict[str, Any]]:
        """Return the documents of one kind, such as event, of a run on staging."""
        found = stored(self.sandbox, self._described)
        return [each for pk, sk, each in found if pk == f"run#{dag_id}/{run.run_id}" and sk.split("#")[0] == kind]

    def aws(self, service: str) -> Any:
        """Return a boto3 client of another person in this scene's account."""
        return self.sandbox.aws(self.target, service)

    def aws_of(self, environment: str, service: str) -> Any:
        """Return a boto3 client of another person in the account of one of the scene's targets."""
        return self.sandbox.aws(f"{self.name}/{environment}", service)

    def database(self) -> psycopg.Connection[Any]:
        """Connect to the database of the scene's staging as its administrator."""
        return psycopg.connect(f"{self.sandbox.endpoints['postgres']}/{self.name}_staging")

    @property
    def registry(self) -> str:
        """The account of the scene's images."""
        return str(self._described.registry.account)

    def ensure_promises_kept(self) -> None:
        """Check what happened here against the promises of every runbook."""
        accounts = {target.environment.account for target in self._targets}
        accounts |= {target.environment.registry.account for target in self._targets if target.environment.registry}
        ensure_kept(violations(self.sandbox, self._world, self._targets, accounts))

    def ensure_nothing_changed(self) -> None:
        assert self.writes() == []
        assert self.state() == self.before

    def ensure_whole_again(self) -> None:
        """Assert that the run left nothing behind: lease, suspended processes, protected tasks, a count of its own."""
        assert self.lease()["owner"] is None
        for index, before in enumerate(self.before["services"]):
            service = self.service(index)
            assert service["desired"] == before["desired"], service
        for group in self.sandbox.target(self.target)["groups"]:
            assert group["suspended"] == []
