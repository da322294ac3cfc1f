"""Have Airflow's API refuse a run that was given something wrong, in one sentence, before there is a run.

Airflow itself takes any key it does not know, and answers a wrong value with a dump of the schema.
"""

from __future__ import annotations

import json
import re
from typing import Any

from include.params import Declared, complaint, shown, storable

TRIGGER = re.compile(r"/api/v2/dags/([^/]+)/dagRuns/?$")
RUN_ID_LENGTH = 250  # Airflow's column
RISK = "risk:"  # the tag every runbook carries; other DAGs of the same Airflow are left alone


class RefusingTriggers:
    """ASGI middleware around Airflow's API server; `fastapi_root_middlewares` of the plugin names it.

    Who may trigger is Airflow's to say, and first: what is wrong is passed on without a field that Airflow requires, so
    that a stranger gets Airflow's 401 or 403 and the attempt is in its audit log, and only its 422 becomes our sentence.
    """

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match = scope["type"] == "http" and scope["method"] == "POST" and TRIGGER.search(scope["path"])
        if not match:
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        sentence = await self._complaint(scope, match[1], body)
        if sentence is None:
            await self.app(scope, _replay(body, receive), send)
            return
        given = json.loads(body)
        given.pop("logical_date", None)
        # what no database takes, Airflow's audit log does not take either: it would answer 500
        refused = json.dumps(given, ensure_ascii=False).replace(r"\u0000", "?").encode(errors="replace")
        await self.app(_resized(scope, refused), _replay(refused, receive), _Answer(send, sentence))

    async def _complaint(self, scope: Any, dag_id: str, body: bytes) -> str | None:
        from starlette.concurrency import run_in_threadpool

        try:
            given = json.loads(body)
        except ValueError:  # no JSON, or none in UTF-8: Airflow says so itself
            return None
        if not isinstance(given, dict):
            return None
        for name in ("dag_run_id", "note", "partition_key"):
            if isinstance(given.get(name), str) and not storable(given[name]):
                return f"{name} {shown(given[name])} holds a character that no database takes."
        run_id = given.get("dag_run_id")
        if isinstance(run_id, str) and len(run_id) > RUN_ID_LENGTH:
            return f"dag_run_id {shown(run_id)} is too long: at most {RUN_ID_LENGTH} characters are taken."
        params = await run_in_threadpool(_params_of, scope["app"].state.dag_bag, dag_id)
        return complaint(params, given.get("conf")) if params is not None else None


class _Answer:
    """Sends Airflow's answer on, a 422 replaced by 400 with our sentence."""

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
    """Return the params a runbook declares; None for what is no runbook."""
    from airflow.serialization.definitions.notset import is_arg_set
    from airflow.utils.session import create_session

    with create_session() as session:
        dag = dag_bag.get_latest_version_of_dag(dag_id, session=session)
        if dag is None or not any(tag.startswith(RISK) for tag in dag.tags):
            return None
        params = {name: dag.params.get_param(name) for name in dag.params}
    return {
        name: Declared(each.schema, each.description or "", _has_default(each.value, each.schema, is_arg_set))
        for name, each in params.items()
    }


def _has_default(value: Any, schema: dict[str, Any], is_set: Any) -> bool:
    kinds = schema.get("type", "null")
    return bool(is_set(value)) and (value is not None or "null" in kinds)


async def _read(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


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
