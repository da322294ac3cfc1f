#!/usr/bin/env python3
"""An MCP server by which a software agent uses the runbooks: it can list, plan, ask, follow and read, and never approves.

    AIRFLOW_URL=https://airflow.example.org AGENT_TOKEN=rbt_... python agent_server.py

It speaks MCP over its standard input and output, and to Airflow only through the front door, with the agent's own token. Copy this one
file; it needs Python 3.11 and what requirements-agent.txt lists.
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

CALL = 90.0  # seconds for one answer; a long poll takes up to 55
POLL = 50  # seconds of one long poll
PLANNING = 20  # long polls for a plan
INSTRUCTIONS = """Runbooks change production systems. First call list_runbooks, then plan: it shows what a run would change,
and changes nothing. request_run asks for a run; people read its plan and approve or reject it in Airflow, which you cannot do for them.
Give the links of open questions to a person. follow_run tells what becomes of it. A key names one wanted run: repeat it, and you get the
same run."""


class DoorError(Exception):
    """The front door refuses a call, or cannot be reached; the message says why and what to do."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes nowhere but to AIRFLOW_URL."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Door:
    """The front door of one Airflow, for one agent."""

    def __init__(self, environment: Mapping[str, str]):
        url = environment.get("AIRFLOW_URL", "").strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or set("@?#") & {*url}:
            raise DoorError("AIRFLOW_URL must be an address such as https://airflow.example.org, without a user.")
        self.url, self.token = f"{url}/door", environment.get("AGENT_TOKEN", "")
        if not self.token.startswith("rbt_"):
            raise DoorError(
                "AGENT_TOKEN must be a machine token of the front door, which begins with rbt_; a person's token may approve."
            )
        self.opener = urllib.request.build_opener(NoRedirect)

    def runbooks(self) -> Any:
        """Return the runbooks that the token may start, and the targets of each."""
        return self._call("/runbooks")

    def start(self, runbook: str, key: str, params: Mapping[str, Any]) -> Any:
        """Start a run, or return the one of this key."""
        return self._call(
            f"/runbooks/{quote(runbook, safe='')}/runs", {"params": dict(params)}, {"Idempotency-Key": key}
        )

    def read(self, runbook: str, run_id: str, what: str = "", **query: Any) -> Any:
        """Return the status of a run, its plan or its record."""
        asked = f"?{urlencode(query)}" if query else ""
        return self._call(f"/runbooks/{quote(runbook, safe='')}/runs/{quote(run_id, safe='')}{what}{asked}")

    def refused(self, runbook: str, run_id: str) -> Any:
        """Have the door refuse an approval, so that the attempt is on record there."""
        return self._call(f"/runbooks/{quote(runbook, safe='')}/runs/{quote(run_id, safe='')}/approve", {})

    def plan(self, runbook: str, params: Mapping[str, Any]) -> str:
        """Have a run plan and stop, and return its plan. Raises: DoorError with the cause if there is no plan."""
        run = self.start(runbook, f"plan-{uuid.uuid4()}", {**params, "plan_only": True})
        for _ in range(PLANNING):
            if run["over"]:
                break
            run = self.read(runbook, run["run_id"], wait=POLL, seen=run["version"])
        if run["state"] == "success":
            return str(self.read(runbook, run["run_id"], "/plan")["markdown"])
        why = run["cause"] or run["text"] if run["over"] else "The plan takes unusually long; follow the run."
        raise DoorError(f"{why} {run['next_step']} Run {run['run_id']}: {run['links']['page']}")

    def _call(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        sent = {**(headers or {}), "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:  # the scheme of the address is checked above
            with self.opener.open(urllib.request.Request(self.url + path, data, sent), timeout=CALL) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise DoorError(_told(error)) from error
        except (OSError, HTTPException, ValueError) as error:
            raise DoorError(
                f"The front door at {self.url} cannot be reached ({error}); try again with the same key."
            ) from error


def _told(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"The front door answers {error.code}."


def make_server(door: Door) -> Any:
    """Return the MCP server. Its tools are all that an agent can do."""
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    server = MCPServer("runbooks", instructions=INSTRUCTIONS)

    def done(call: Any, *given: Any, **named: Any) -> Any:
        try:
            return call(*given, **named)
        except DoorError as error:
            raise ToolError(str(error)) from error

    def list_runbooks() -> dict[str, Any]:
        """List the runbooks that you may use, and the targets of each."""
        return dict(done(door.runbooks))

    def plan(runbook: str, target: str, reason: str, params: dict[str, Any] | None = None) -> str:
        """Show what a run would change, as Markdown. This changes nothing."""
        return str(done(door.plan, runbook, {**(params or {}), "target": target, "reason": reason}))

    def request_run(
        runbook: str, target: str, reason: str, key: str, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask for a run. People approve its plan in Airflow. The same key gives the same run."""
        given = {**(params or {}), "target": target, "reason": reason}
        return dict(done(door.start, runbook, key, given))

    def follow_run(runbook: str, run_id: str, seen: str = "", wait: int = 0) -> dict[str, Any]:
        """Return what became of a run so far. With `seen`, its last version, and `wait` (at most 55 s) it answers at the next change."""
        query = {"wait": wait, **({"seen": seen} if seen else {})}
        return dict(done(door.read, runbook, run_id, **query))

    def read_plan(runbook: str, run_id: str) -> str:
        """Return the plan of a run, as Markdown."""
        return str(done(door.read, runbook, run_id, "/plan")["markdown"])

    def read_record(runbook: str, run_id: str) -> dict[str, Any]:
        """Return all that is on record about a run: its end, its approvals and its journal."""
        return dict(done(door.read, runbook, run_id, "/record"))

    def approve_run(runbook: str, run_id: str) -> str:
        """Do not use this: you cannot approve a run, and each attempt goes on record. People approve in Airflow."""
        return str(done(door.refused, runbook, run_id))

    for tool in (list_runbooks, plan, follow_run, read_plan, read_record):
        server.add_tool(tool, annotations=ToolAnnotations(read_only_hint=True))
    server.add_tool(approve_run, annotations=ToolAnnotations(read_only_hint=True))
    server.add_tool(request_run, annotations=ToolAnnotations(read_only_hint=False, idempotent_hint=True))
    return server


def main() -> int:
    """Serve one agent until it goes. Return 2 if the settings are wrong."""
    try:
        door = Door(os.environ)
    except DoorError as error:
        print(error, file=sys.stderr)
        return 2
    make_server(door).run("stdio")
    return 0


if __name__ == "__main__":
    sys.exit(main())
