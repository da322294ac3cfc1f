"""The sandbox as its users see it: Airflow's REST API as a given user, and the control API."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import boto3
import httpx

T = TypeVar("T")
FINISHED = ("success", "failed")
DEADLINE = 180.0  # seconds; how long a journey may wait for one condition while its run makes no progress
AIRFLOW_PACE = 1.0  # seconds between two polls of Airflow's API, which shares two processors with everything else


def wait_for(
    what: str | Callable[[], str],
    look: Callable[[], T | None],
    deadline: float = DEADLINE,
    every: float = 0.25,
    progress: Callable[[], object] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """Return the first truthy look; fail with what was waited for, told as it is then if it is a function.

    The deadline is counted in looks, which take longer on a busy machine. When it is reached it begins anew, as long as
    `progress` returns something else each time.
    """
    known: list[object] = []
    while True:
        for _ in range(max(1, round(deadline / every))):
            if found := look():
                return found
            pause(every)
        reached = progress() if progress else None
        if not progress or reached in known:
            raise AssertionError(f"waited {deadline:.0f} s for {what if isinstance(what, str) else what()}")
        known.append(reached)


class Sandbox:
    """A running sandbox, from its endpoints.json."""

    def __init__(self, file: Path):
        self.file = file
        self.endpoints = json.loads(file.read_text(encoding="utf-8"))
        self.control = httpx.Client(base_url=self.endpoints["control"], timeout=120)
        self.transport: httpx.BaseTransport | None = None  # how to reach Airflow, if not in the usual way
        self.exit_code = 0  # with which its process is expected to end
        self._clients: dict[str, httpx.Client] = {}
        self._aws: dict[tuple[str, str], Any] = {}

    def airflow(self, user: str) -> httpx.Client:
        """Return a client logged in as a user."""
        if user not in self._clients:
            login = {"username": user, "password": self.endpoints["users"][user]["password"]}
            base = self.endpoints["airflow"].rstrip("/")
            with httpx.Client(timeout=120, transport=self.transport) as client:
                answer = client.post(f"{base}/auth/token", json=login).raise_for_status()
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            place = f"{base}/api/v2"
            self._clients[user] = httpx.Client(base_url=place, headers=headers, timeout=120, transport=self.transport)
        return self._clients[user]

    def pid(self, component: str) -> int:
        """Return the id of a component's process, which changes when it dies."""
        return int(json.loads(self.file.read_text(encoding="utf-8"))["processes"][component])

    def aws(self, target: str, service: str) -> Any:
        """Return a boto3 client of another person who works in a target's account."""
        if (target, service) not in self._aws:
            found = self.target(target)
            common = {"endpoint_url": self.endpoints["aws"], "region_name": found["region"]}
            client_of: Callable[..., Any] = boto3.client  # which service it is, and so its type, is known only here
            base = client_of("sts", **common, aws_access_key_id="sandbox", aws_secret_access_key="sandbox")
            role = f"arn:aws:iam::{found['account']}:role/somebody"
            key = base.assume_role(RoleArn=role, RoleSessionName="somebody", DurationSeconds=43_200)["Credentials"]
            self._aws[target, service] = client_of(
                service,
                **common,
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
                aws_session_token=key["SessionToken"],
            )
        return self._aws[target, service]

    def trigger(self, dag_id: str, conf: dict[str, Any], user: str = "operator") -> "Run":
        """Start a run as a user."""
        answer = self.airflow(user).post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        assert answer.status_code == 200, answer.text
        return Run(self, dag_id, answer.json()["dag_run_id"])

    def newest_run(self, dag_id: str) -> "Run":
        """Return the newest run of a DAG, once there is an unfinished one."""

        def look() -> str | None:
            query: dict[str, str | int] = {"order_by": "-run_after", "limit": 1}
            runs = self.airflow("operator").get(f"/dags/{dag_id}/dagRuns", params=query).json()["dag_runs"]
            return runs[0]["dag_run_id"] if runs and runs[0]["state"] not in FINISHED else None

        return Run(self, dag_id, wait_for(f"a run of {dag_id}", look))

    def restart(self, target: str, user: str = "operator", **conf: Any) -> "Run":
        """Start service_restart."""
        return self.trigger("service_restart", {"target": target, "reason": "a journey of the tests", **conf}, user)

    def reset(self) -> None:
        self.control.post("/reset").raise_for_status()

    def fault(self, kind: str, target: str | None = None, **fields: Any) -> str:
        """Inject a fault and return its id. A fault of an external service takes no target."""
        named = {"target": target} if target else {}
        answer = self.control.post("/faults", json={"kind": kind, **named, **fields})
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def struck(self, fault: str) -> dict[str, Any]:
        """Return a fault's entry, with how often it took effect."""
        faults = self.control.get("/faults").raise_for_status().json()["faults"]
        return dict(next(each for each in faults if str(each["id"]) == fault))

    def injected(self, fault: str) -> int:
        """Return how often a fault took effect."""
        return int(self.struck(fault)["injected"])

    def threads(self, channel: str) -> list[dict[str, Any]]:
        """Return a Slack channel's messages, each with its replies."""
        workspaces = self.control.get("/slack").raise_for_status().json()["workspaces"]
        channels = [each for workspace in workspaces for each in workspace["channels"]]
        return list(next(each for each in channels if each["name"] == channel)["messages"])

    def thread(self, channel: str, run: "Run", until: str) -> dict[str, Any]:
        """Return the thread of a run, once its parent names the run."""

        def look() -> dict[str, Any] | None:
            for message in self.threads(channel):
                mine = message["metadata"]["event_payload"]["run"].endswith(run.run_id)
                if mine and until in message["text"]:
                    return message
            return None

        return wait_for(lambda: f"the thread of {run.run_id} to say {until!r}: {self.threads(channel)}", look)

    def state(self, target: str | None = None) -> Any:
        """Return what a run could have changed, by target, for one target or all."""
        params = {"target": target} if target else {}
        return self.control.get("/state", params=params).raise_for_status().json()

    def calls(self, after: int = 0, account: str | None = None) -> list[dict[str, Any]]:
        """Return the calls that AWS got, for one account or all."""
        params = {"after": after} | ({"account": account} if account else {})
        return list(self.control.get("/calls", params=params).raise_for_status().json()["calls"])

    def calls_of_runs(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the calls that AWS got, without the reads of slack_delivery, which polls every minute."""
        return [call for call in self.calls(after) if call["action"] not in ("AssumeRole", "GetItem")]

    def last_call(self) -> int:
        return max((call["n"] for call in self.calls()), default=0)

    def writes(self, after: int = 0) -> list[str]:
        """Return the mutating calls to the world, without those to the run stores."""
        return [
            call["action"] for call in self.calls(after) if call["mutates"] and call["service"].lower() != "dynamodb"
        ]

    def target(self, name: str) -> dict[str, Any]:
        world = self.control.get("/world", params={"target": name}).raise_for_status().json()
        return dict(world["targets"][0])

    def service(self, target: str, index: int = 0) -> dict[str, Any]:
        service: dict[str, Any] = self.target(target)["services"][index]
        return service

    def lowest_healthy(self, target: str, service: str) -> int:
        """Return the lowest healthy count of a service since the last reset."""
        answer = self.control.get("/timeline", params={"target": target, "service": service}).raise_for_status()
        return min(int(point["healthy"]) for point in answer.json()["points"])


class Run:
    """One run of a runbook."""

    def __init__(self, sandbox: Sandbox, dag_id: str, run_id: str):
        self.sandbox = sandbox
        self.path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        self.run_id = run_id

    def get(self, path: str = "", user: str = "operator") -> Any:
        return self.sandbox.airflow(user).get(self.path + path).raise_for_status().json()

    @property
    def state(self) -> str:
        if self.sandbox.transport:  # a killed server may end a stream before its first line
            return str(self.get()["state"])
        # GET of the run would cost the API server a query for each of its tasks
        with closing(self._states()) as states:
            return next(states)

    def tasks(self) -> dict[str, str | None]:
        """Return the state of each task. Mapped tasks have names such as confirm_qa[0]."""
        listed = self.get("/taskInstances?limit=200")["task_instances"]
        return {_named(task["task_id"], task["map_index"]): task["state"] for task in listed}

    def task(self, name: str) -> str | None:
        """Return the state of one task, or None as long as it does not exist."""
        task, index = _parts(name)
        place = f"{self.path}/taskInstances/{task}" + (f"/{index}" if index >= 0 else "")
        answer = self.sandbox.airflow("operator").get(place)
        return None if answer.status_code == 404 else answer.raise_for_status().json()["state"]

    def wait_until_asked(self, task: str = "approve_restart", deadline: float = DEADLINE) -> dict[str, Any]:
        """Wait until a task asks for input, and return the question."""
        self.wait_for_task(task, "awaiting_input", deadline=deadline)
        name, index = _parts(task)
        return dict(self.get(f"/taskInstances/{name}/{index}/hitlDetails"))

    def answer(self, option: str, user: str = "approver", task: str = "approve_restart", **form: str) -> httpx.Response:
        """Choose an option of a task's question. `form` contains the values of its fields."""
        name, index = _parts(task)
        body = {"chosen_options": [option], "params_input": form}
        return self.sandbox.airflow(user).patch(f"{self.path}/taskInstances/{name}/{index}/hitlDetails", json=body)

    def approve(self, user: str = "approver", task: str = "approve_restart", **form: str) -> None:
        self.wait_until_asked(task)
        answer = self.answer("Approve", user, task, **form)
        assert answer.status_code == 200, answer.text

    def mark(self, task: str, state: str, user: str = "operator") -> None:
        body = {"new_state": state}
        answer = self.sandbox.airflow(user).patch(f"{self.path}/taskInstances/{task}", json=body)
        assert answer.status_code == 200, answer.text

    def mark_failed(self, user: str = "operator") -> None:
        """Mark the whole run as failed, as the button in the UI does."""
        answer = self.sandbox.airflow(user).patch(self.path, json={"state": "failed"})
        assert answer.status_code == 200, answer.text

    def clear(self, *tasks: str, user: str = "operator") -> None:
        """Have tasks of a run that is over run again, as the button of the UI does.

        Airflow sets a run's end over what is cleared in its very last moments, so they are waited for.
        """
        self.wait()
        before = self.get()["end_date"]
        body = {"dry_run": False, "only_failed": False, "dag_run_id": self.run_id, "task_ids": list(tasks)}
        dag = self.path.split("/")[2]
        answer = self.sandbox.airflow(user).post(f"/dags/{dag}/clearTaskInstances", json=body)
        assert answer.status_code == 200, answer.text

        def goes_on() -> bool:  # or has ended again: a short run may resume and end between two looks
            now = self.get()
            return now["state"] not in FINISHED or now["end_date"] != before

        wait_for("the run to go on", goes_on)

    def wait(self, deadline: float = DEADLINE) -> str:
        """Wait until the run has ended, and return its state."""
        what = lambda: f"run {self.run_id} to end, but it is {self.describe()}"  # noqa: E731  # told when it is too late
        with self._ending() as (ended, pause):
            wait_for(what, ended, deadline, AIRFLOW_PACE, self.tasks, pause)
        return self.state

    def wait_for_task(self, task: str, *states: str, deadline: float = DEADLINE) -> None:
        """Wait until a task is seen in one of these states. It may be in another one by the time this returns."""
        what = f"{task} to be {' or '.join(states)}"

        with self._ending() as (has_ended, pause):

            def look() -> str | None:
                ended = has_ended()  # read before the task, since the last task may still write its state
                state = self.task(task)
                return state if state in states else "too late" if ended else None

            seen = wait_for(lambda: f"{what}: {self.describe()}", look, deadline, AIRFLOW_PACE, self.tasks, pause)
        assert seen in states, f"the run ended before {what} was seen: {self.describe()}"

    def log(self, task: str) -> str:
        """Return the log of a task's last attempt, and its lines once more as one text: long ones are wrapped."""
        name, index = _parts(task)
        tries = self.get(f"/taskInstances/{name}" + (f"/{index}" if index >= 0 else ""))["try_number"]
        answer = self.sandbox.airflow("operator").get(
            f"{self.path}/taskInstances/{name}/logs/{tries}",
            headers={"Accept": "application/json"},
            params={"full_content": True, "map_index": index},
        )
        lines = answer.json()["content"] if answer.status_code == 200 else []
        return answer.text + " ".join(str(line.get("event", "")).strip() for line in lines if isinstance(line, dict))

    def describe(self) -> str:
        """Return the run's tasks and the logs of the failed ones, for a test's failure message."""
        states = self.tasks()
        logs = [f"--- {task}\n{self.log(task)[-3000:]}" for task, state in states.items() if state == "failed"]
        return f"{self.state}: {states}\n" + "\n".join(logs)

    def _ended(self) -> bool:
        return self.state in FINISHED

    @contextmanager
    def _ending(self) -> Iterator[tuple[Callable[[], bool], Callable[[float], None]]]:
        """Yield how to tell whether the run has ended, and how to pause between two looks at it."""
        if self.sandbox.transport:
            yield self._ended, time.sleep
            return
        with closing(self._states()) as states:  # the server pauses between two of them
            yield lambda: next(states) in FINISHED, lambda _: None

    def _states(self) -> Generator[str, None, None]:
        """Yield the run's state at once and then every AIRFLOW_PACE seconds, from one answer of Airflow's API."""
        path, pace = f"{self.path}/wait", {"interval": AIRFLOW_PACE}
        while True:  # an answer that ends before the run, as the server's does when it restarts, is asked for again
            with self.sandbox.airflow("operator").stream("GET", path, params=pace) as answer:
                for line in answer.raise_for_status().iter_lines():
                    yield str(json.loads(line)["state"])


def _named(task: str, index: int) -> str:
    return task if index < 0 else f"{task}[{index}]"


def _parts(name: str) -> tuple[str, int]:
    task, _, index = name.removesuffix("]").partition("[")
    return task, int(index or -1)
