"""The simulated AWS without a socket: real boto3 clients whose requests go directly to its WSGI application."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import botocore.httpsession
import pytest
from airflow.sdk import Connection
from botocore.awsrequest import AWSResponse, HeadersDict
from moto.backends import list_of_moto_modules

from include.aws.clients import Clients
from include.inventory import Inventory, Target
from opskit.connections.aws import make_clients
from sandbox.aws.authorization.policy import Policies
from sandbox.aws.authorization.requests import requests_of
from sandbox.aws.authorization.role_policies import document_of
from sandbox.aws.control.api import make_control
from sandbox.aws.http.endpoint import Application
from sandbox.aws.http.requests import read_call
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock, as_datetime, as_text
from sandbox.aws.state.snapshot import world_json
from tests.invariants import Excuse, Violation, check, read_history
from tests.support.built_world import BuiltWorlds

URL = "http://127.0.0.1:9"  # nobody listens there; a name would be taken for that of a bucket
TABLE = "runbook-operations"


@dataclass(frozen=True)
class Sent:
    """One request of a runbook, numbered from the beginning, including retries of the SDK."""

    number: int
    name: str  # ecs.StopTask
    mutates: bool
    once: bool  # a call the SDK may not repeat


class Killed(BaseException):
    """The process is killed here: nothing of it runs any more, not even its handlers of exceptions."""


Hook = Callable[[str, Sent], "AWSResponse | None"]


class Cloud:
    """One world for all tests of a process. `hook("before" or "after", request)` may raise, or answer instead of AWS."""

    def __init__(self, inventory: Inventory, patch: pytest.MonkeyPatch):
        self.inventory = inventory
        self.world = World(ManualClock())
        self.application = Application(self.world)
        self.hook: Hook | None = None
        self.sent = 0
        self._thread, self._real_sleep = threading.current_thread(), time.sleep
        self._clients: dict[tuple[str, str], Clients] = {}
        self._own: dict[tuple[str, str], Policies] = {}
        modules = tuple(list_of_moto_modules())  # moto looks through its own folder at every request
        patch.setattr("moto.backends.list_of_moto_modules", lambda: modules)
        patch.setattr(botocore.httpsession.URLLib3Session, "send", lambda _, request: self._send(request))
        patch.setattr("time.sleep", self._sleep)  # the SDK's waits between two tries, and our own
        self.control = make_control(self.world, self.application, inventory, self.reset).test_client()
        self._built = BuiltWorlds(self.world, URL, inventory)
        self._began = self.world.clock.now()
        self.reset()

    def reset(self, moment: float | None = None) -> None:
        """Restart with the initial world or one built at a moment, without calls and documents."""
        self.hook, self.sent = None, 0
        self._built.begin_at(moment or self._began)
        self.application.calls.clear()
        self.before = self.look()

    def fault(self, kind: str, target: str, **fields: Any) -> str:
        """Inject a fault and return its id."""
        answer = self.control.post("/faults", json={"kind": kind, "target": target, **fields})
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json["id"])

    def injected(self, fault: str) -> int:
        """Return how often a fault took effect."""
        listed = self.control.get("/faults").json["faults"]
        return next(int(each["injected"]) for each in listed if str(each["id"]) == fault)

    def _sleep(self, seconds: float) -> None:
        """Let the world's time pass for whoever works in it; a thread that another test has left behind sleeps as usual."""
        sleep = self.world.clock.advance if threading.current_thread() is self._thread else self._real_sleep
        sleep(seconds)

    def advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        self.world.catch_up()

    def clients(self, name: str, role: str = "") -> Clients:
        """Return the clients that the runbooks make from a target's connection, kept across resets; with another role, somebody's."""
        if (name, role) not in self._clients:
            target = self.inventory.target(name)
            environment = target.environment
            arn = f"arn:aws:iam::{environment.account}:role/{role or environment.role}"
            extra = {"endpoint_url": URL, "role_arn": arn}
            connection = Connection(
                conn_id="aws", conn_type="aws", login="sandbox", password="sandbox", extra=json.dumps(extra)
            )
            self._clients[name, role] = make_clients(connection, target)
        return self._clients[name, role]

    def limit(self, name: str, runbook: str) -> None:
        """Give the role of a target no more than the policy of one runbook, as long as this world lasts."""
        target = self.inventory.target(name)
        place = target.environment
        if (name, runbook) not in self._own:
            self._own[name, runbook] = Policies([document_of(runbook, target)])
        self.application.identities.roles[f"arn:aws:iam::{place.account}:role/{place.role}"] = self._own[name, runbook]

    def unused(self, name: str, runbook: str) -> set[str]:
        """Return the rights in the policy of a runbook that none of the logged calls of a target's role needed."""
        target = self.inventory.target(name)
        place = target.environment
        own = [call for call in self.application.calls if (call.account, call.role) == (place.account, place.role)]
        used = {request.action for call in own for request in requests_of(call, self.world)}
        granted = {right for each in document_of(runbook, target)["Statement"] for right in each["Action"]}
        return granted - used

    def look(self) -> dict[str, Any]:
        return {target["name"]: target for target in world_json(self.world, self.inventory.targets.values())["targets"]}

    def service(self, target: str, index: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.look()[target]["services"][index]
        return found

    def writes(self) -> list[str]:
        """Return the calls that changed AWS, without those to the run stores."""
        return [call.action for call in self.application.calls if call.mutates and call.service != "dynamodb"]

    def documents(self, target: Target) -> Iterator[tuple[str, str, dict[str, Any]]]:
        pages = self.clients(target.name, SOMEBODY).dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        for page in pages:
            for item in page["Items"]:
                yield item["pk"]["S"], item["sk"]["S"], json.loads(item["document"]["S"])

    def violations(self, excuses: tuple[Excuse, ...] = ()) -> list[Violation]:
        """Check everything since the reset against the promises of every runbook."""
        self.hook = None
        targets = list(self.inventory.targets.values())
        return check(
            read_history(
                targets,
                [call.as_json() for call in self.application.calls],
                [(target.environment.account, *document) for target in targets for document in self.documents(target)],
                timelines={
                    key: [{**point, "at": as_text(point["at"])} for point in points]
                    for key, points in self.world.timeline.items()
                },
                before=self.before,
                after=self.look(),
                excuses=excuses,
            )
        )

    def _send(self, request: Any) -> AWSResponse:
        environ = _environ(request)
        call, key = read_call(environ)
        if key == self.application.identities.builder_key:
            return self._ask(request, environ)
        self.sent += 1
        sent = Sent(
            self.sent, f"{call.service}.{call.action}", call.mutates, "forceNewDeployment" in (call.params or {})
        )
        if self.hook and (answer := self.hook("before", sent)):
            return answer
        answer = self._ask(request, environ)
        if self.hook:
            self.hook("after", sent)
        return answer

    def _ask(self, request: Any, environ: dict[str, Any]) -> AWSResponse:
        got: list[Any] = []
        body = b"".join(self.application(environ, lambda line, headers, *_: got.extend((line, headers))))
        headers = [*got[1], ("date", format_datetime(as_datetime(self.world.clock.now()), usegmt=True))]
        return answer_of(request.url, int(got[0].split()[0]), body, headers)


class _Body(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def answer_of(url: str, status: int, body: bytes, headers: list[tuple[str, str]]) -> AWSResponse:
    return AWSResponse(url, status, HeadersDict(headers), _Body(body))


def _environ(request: Any) -> dict[str, Any]:
    url, body = urlsplit(request.url), request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    body = body.encode() if isinstance(body, str) else body
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": url.path or "/",
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[f"HTTP_{key}"] = value.decode() if isinstance(value, bytes) else value
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_CONTENT_LENGTH", None)
    return environ
