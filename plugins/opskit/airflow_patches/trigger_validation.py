"""Refuse invalid requests at Airflow's API in one sentence, before a run exists.

Airflow itself accepts any key it does not know, and answers a wrong value with a dump of the schema. It also accepts values that it
cannot pass on to its own processes: in the conf of a run, the answer to a question, an XCom, a variable and elsewhere.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from include import trigger_request
from include.request_rules import wrong_request
from include.run.params import storable, wrong_values
from opskit.requested import fields_of, params_of, people_of

API = re.compile(
    r"^(?!(?:/[^/]+)?/execution/).*?/(?:api/v2|ui|auth)/"
)  # what people and CI call; tasks call /execution
WRITES = ("POST", "PUT", "PATCH")
START = re.compile(r"/api/v2/dags/(?P<dag_id>[^/]+)/dagRuns/?$")
ANSWER = re.compile(
    r"/api/v2/dags/(?P<dag_id>[^/]+)/dagRuns/(?P<run_id>[^/]+)/taskInstances/(?P<task_id>[^/]+)/(?P<map_index>-?[0-9]{1,9})/hitlDetails/?$"
)
NOT_ASKED = b"is not a respondent"  # in Airflow's 403 for an answer by somebody who was not asked


class TriggerValidation:
    """ASGI middleware around Airflow's API server; `fastapi_root_middlewares` of the plugin names it.

    Airflow decides first who may call. An invalid request is passed on as one that Airflow refuses, so a user without the
    permission gets Airflow's 401 or 403 and the attempt is in its audit log. Only Airflow's 422 is replaced by our sentence.
    """

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not API.search(scope["path"]):
            await self.app(scope, receive, send)
            return
        if not storable(scope["path"] + unquote_plus(scope.get("query_string", b"").decode(errors="replace"))):
            await _refuse(send, trigger_request.ODD_ADDRESS)
            return
        if scope["method"] not in WRITES:
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        sentence, instead = await self._refusal(scope, body)
        if sentence is not None:
            refused = json.dumps(instead).encode()
            await self.app(_resized(scope, refused), _replay(refused, receive), _Answer(send, sentence))
            return
        if instead:
            body = json.dumps(instead).encode()
            scope = _resized(scope, body)
        if answered := _answered(scope):
            from starlette.concurrency import run_in_threadpool

            people = await run_in_threadpool(people_of, **answered.groupdict())
            if people:
                send = _Denied(send, f"You may not answer this question: {' or '.join(people)} may.")
        await self.app(scope, _replay(body, receive), send)

    async def _refusal(self, scope: Any, body: bytes) -> tuple[str | None, dict[str, Any]]:
        """Return what is wrong with a request, and what is passed on in its place: nothing if it is passed on as it is."""
        from starlette.concurrency import run_in_threadpool

        started, answered = scope["method"] == "POST" and START.search(scope["path"]), _answered(scope)
        logged = trigger_request.loggable if started or answered else trigger_request.unknown
        if len(body) > trigger_request.LARGEST:
            return trigger_request.TOO_LARGE, logged({})
        try:
            given = trigger_request.parse(body)
        except ValueError:  # not JSON or not UTF-8: Airflow reports that itself
            return None, {}
        except RecursionError:
            return trigger_request.TOO_DEEP, logged({})
        # for any DAG: such values would stop processes that all DAGs share
        if sentence := trigger_request.cannot_be_kept(given):
            return sentence, logged(given)
        if not isinstance(given, dict):
            return None, {}
        if started:
            dag_id = started["dag_id"]
            params = await run_in_threadpool(params_of, scope["app"].state.dag_bag, dag_id)
            if params is not None:
                now = datetime.now(UTC)
                wrong = trigger_request.cannot_be_started(given, now)
                wrong = wrong or await run_in_threadpool(wrong_request, dag_id, params, given.get("conf"))
                return (wrong, logged(given)) if wrong else (None, trigger_request.named(given, now))
        if answered:
            asked = await run_in_threadpool(fields_of, **answered.groupdict())
            wrong = wrong_values(asked, given.get("params_input"))
            return wrong, logged(given) if wrong else {}
        return None, {}


class _Answer:
    """Passes Airflow's answer on, with a 422 or a success replaced by 400 and our sentence."""

    def __init__(self, send: Any, sentence: str):
        self.send = send
        self.body = json.dumps({"detail": sentence}).encode()
        self.ours = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.ours = message["status"] == 422 or message["status"] < 300
            if self.ours:
                headers = _headers(message["headers"], len(self.body), {b"content-encoding"})
                message = {**message, "status": 400, "headers": headers}
        elif self.ours:
            if message.get("more_body"):
                return
            message = {"type": "http.response.body", "body": self.body}
        await self.send(message)


class _Denied:
    """Passes Airflow's answer on. Where it says that somebody was not asked, our sentence says who was."""

    def __init__(self, send: Any, sentence: str):
        self.send = send
        self.body = json.dumps({"detail": sentence}).encode()
        self.start: Any = None

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] == 403:
            self.start = message
            return
        if self.start is not None:
            start, self.start = self.start, None
            if NOT_ASKED in message["body"] and not message.get("more_body"):
                start = {**start, "headers": _headers(start["headers"], len(self.body), {b"content-encoding"})}
                message = {**message, "body": self.body}
            await self.send(start)
        await self.send(message)


async def _refuse(send: Any, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = _headers([(b"content-type", b"application/json")], len(body), set())
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _answered(scope: Any) -> re.Match[str] | None:
    return ANSWER.search(scope["path"]) if scope["method"] == "PATCH" else None


async def _read(receive: Any) -> bytes:
    """Return the body. If it is too large, return only slightly more than the limit."""
    body = bytearray()
    while True:
        message = await receive()
        if len(body) <= trigger_request.LARGEST:
            body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Any) -> Any:
    sent = False

    async def again() -> Any:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _resized(scope: Any, body: bytes) -> Any:
    return {**scope, "headers": _headers(scope["headers"], len(body), set())}


def _headers(headers: Any, length: int, without: set[bytes]) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() not in {b"content-length", *without}]
    return [*kept, (b"content-length", str(length).encode())]
