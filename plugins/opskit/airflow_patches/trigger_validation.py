"""Refuse invalid requests at Airflow's API in one sentence, before a run exists.

Airflow itself accepts any key it does not know, and answers a wrong value with a dump of the schema. It also accepts values that it
cannot pass on to its own processes, in the conf of a run and in the answer to a question.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from include import trigger_request
from include.run.params import Declared, complaint

CHECKED = (
    ("POST", re.compile(r"/api/v2/dags/(?P<dag_id>[^/]+)/dagRuns/?$")),
    ("PATCH", re.compile(r"/api/v2/dags/[^/]+/dagRuns/[^/]+/taskInstances/[^/]+/-?[0-9]+/hitlDetails/?$")),
)
RISK = "risk:"  # the tag of every runbook; other DAGs of the same Airflow are left alone


class TriggerValidation:
    """ASGI middleware around Airflow's API server; `fastapi_root_middlewares` of the plugin names it.

    Airflow decides first who may trigger or answer. An invalid request is passed on without a field that Airflow
    requires, so a user without the permission gets Airflow's 401 or 403 and the attempt is in its audit log. Only Airflow's 422 is
    replaced by our sentence.
    """

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match = scope["type"] == "http" and _checked(scope["method"], scope["path"])
        if not match:
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        sentence, given = await self._refusal(scope, match.groupdict().get("dag_id"), body)
        if sentence is None:
            await self.app(scope, _replay(body, receive), send)
            return
        refused = json.dumps(trigger_request.loggable(given)).encode()
        await self.app(_resized(scope, refused), _replay(refused, receive), _Answer(send, sentence))

    async def _refusal(self, scope: Any, dag_id: str | None, body: bytes) -> tuple[str | None, dict[str, Any]]:
        """Return what is wrong with a request, and its fields as far as they could be read."""
        from starlette.concurrency import run_in_threadpool

        if len(body) > trigger_request.LARGEST:
            return trigger_request.TOO_LARGE, {}
        try:
            given = trigger_request.parse(body)
        except ValueError:  # not JSON or not UTF-8: Airflow reports that itself
            return None, {}
        except RecursionError:
            return trigger_request.TOO_DEEP, {}
        if not isinstance(given, dict):
            return None, {}
        # for any DAG: such values would stop processes that all DAGs share
        if sentence := trigger_request.cannot_be_kept(given):
            return sentence, given
        if dag_id is None:
            return None, given
        params = await run_in_threadpool(_params_of, scope["app"].state.dag_bag, dag_id)
        if params is None:
            return None, given
        started = trigger_request.cannot_be_started(given, datetime.now(UTC))
        return started or complaint(params, given.get("conf")), given


def _checked(method: str, path: str) -> re.Match[str] | None:
    return next((match for verb, pattern in CHECKED if verb == method and (match := pattern.search(path))), None)


class _Answer:
    """Passes Airflow's answer on, with a 422 replaced by 400 and our sentence."""

    def __init__(self, send: Any, sentence: str):
        self.send = send
        self.body = json.dumps({"detail": sentence}).encode()
        self.ours = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.ours = message["status"] == 422
            if self.ours:
                headers = _headers(message["headers"], len(self.body), {b"content-encoding"})
                message = {**message, "status": 400, "headers": headers}
        elif self.ours:
            if message.get("more_body"):
                return
            message = {"type": "http.response.body", "body": self.body}
        await self.send(message)


def _params_of(dag_bag: Any, dag_id: str) -> dict[str, Declared] | None:
    """Return the params that a runbook declares, or None for a DAG that is no runbook."""
    from airflow.serialization.definitions.notset import is_arg_set
    from airflow.utils.session import create_session

    with create_session() as session:
        dag = dag_bag.get_latest_version_of_dag(dag_id, session=session)
        if dag is None or not any(tag.startswith(RISK) for tag in dag.tags):
            return None
        params = {name: dag.params.get_param(name) for name in dag.params}
    return {
        name: Declared(param.schema, param.description or "", _has_default(param.value, param.schema, is_arg_set))
        for name, param in params.items()
    }


def _has_default(value: Any, schema: dict[str, Any], is_set: Any) -> bool:
    kinds = schema.get("type", "null")
    return bool(is_set(value)) and (value is not None or "null" in kinds)


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
