"""ci/agent_server.py: what an agent's calls become at the front door, here a server that notes them and gives prepared answers."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mcp
import pytest

from ci.agent_server import Door, DoorError, make_server

TOKEN = "rbt_0011223344556677_" + "A" * 43
RUN = {"runbook": "service_restart", "run_id": "r-1", "version": "v1", "over": False, "state": "queued", "cause": "", "text": "",
       "next_step": "", "links": {"page": "https://airflow.example.org/r-1"}}  # fmt: skip


class FrontDoor:
    """Prepared answers by method and path; the last one of a path is given again and again."""

    def __init__(self):
        self.asked, self.answers = [], {}
        front = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                path = self.path.partition("?")[0]
                front.asked.append((self.command, self.path, body, dict(self.headers)))
                prepared = front.answers.get(f"{self.command} {path}", [(404, {"detail": f"There is no {path}."})])
                status, content = prepared.pop(0) if len(prepared) > 1 else prepared[0]
                data = json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), "Location": "http://127.0.0.1:9/"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer  # noqa: N815  # names of the library

            def log_message(self, *_):
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def front():
    front = FrontDoor()
    yield front
    front.server.shutdown()
    front.server.server_close()


@pytest.fixture
def door(front):
    return Door({"AIRFLOW_URL": front.url, "AGENT_TOKEN": TOKEN})


def started(front, *states):
    front.answers["POST /door/runbooks/service_restart/runs"] = [(201, RUN)]
    front.answers["GET /door/runbooks/service_restart/runs/r-1"] = [(200, {**RUN, **state}) for state in states]


def test_run_is_asked_for_under_the_agents_key_with_its_token(front, door):
    started(front)
    assert door.start("service_restart", "k-1", {"target": "core/staging"})["run_id"] == "r-1"
    [(method, path, body, headers)] = front.asked
    assert (method, path, body) == (
        "POST",
        "/door/runbooks/service_restart/runs",
        {"params": {"target": "core/staging"}},
    )
    assert (headers["Idempotency-Key"], headers["Authorization"]) == ("k-1", f"Bearer {TOKEN}")


def test_plan_only_plans_and_is_followed_to_its_end(front, door):
    started(front, {"version": "v2"}, {"over": True, "state": "success"})
    front.answers["GET /door/runbooks/service_restart/runs/r-1/plan"] = [(200, {"markdown": "# Plan"})]
    assert door.plan("service_restart", {"target": "core/staging", "plan_only": False}) == "# Plan"
    assert front.asked[0][2]["params"]["plan_only"] is True
    assert [path.partition("?")[2] for _, path, _, _ in front.asked[1:3]] == ["wait=50&seen=v1", "wait=50&seen=v2"]


def test_refused_plan_is_told_with_its_cause(front, door):
    started(front, {"over": True, "state": "failed", "cause": "The group is too small.", "next_step": "Raise it."})
    with pytest.raises(
        DoorError, match=r"The group is too small\. Raise it\. Run r-1: https://airflow\.example\.org/r-1"
    ):
        door.plan("service_restart", {"target": "core/staging"})


def test_refusal_of_the_door_is_told_in_its_own_sentence(front, door):
    front.answers["GET /door/runbooks"] = [(403, {"detail": "ann via agent helper may not use that."})]
    with pytest.raises(DoorError, match=r"^ann via agent helper may not use that\.$"):
        door.runbooks()


def test_token_follows_no_redirect(front, door):
    front.answers["GET /door/runbooks"] = [(302, {})]
    with pytest.raises(DoorError, match="answers 302"):
        door.runbooks()


def test_attempt_to_approve_is_put_on_record_at_the_door(front, door):
    path = "POST /door/runbooks/service_restart/runs/r-1/approve"
    front.answers[path] = [(403, {"detail": "Nobody can at the front door."})]
    with pytest.raises(DoorError, match="Nobody can at the front door"):
        door.refused("service_restart", "r-1")
    assert [f"{method} {where}" for method, where, _, _ in front.asked] == [path]


def test_door_that_is_away_is_told(front, door):
    front.server.shutdown()
    front.server.server_close()
    with pytest.raises(DoorError, match="cannot be reached"):
        door.runbooks()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "AIRFLOW_URL must be an address"),
        ({"AIRFLOW_URL": "https://ann:secret@airflow.example.org", "AGENT_TOKEN": TOKEN}, "without a user"),
        ({"AIRFLOW_URL": "https://airflow.example.org", "AGENT_TOKEN": "eyJ0.e30.x"}, "a person's token may approve"),
    ],
)
def test_wrong_settings_are_refused(environment, said):
    with pytest.raises(DoorError, match=said):
        Door(environment)


def test_client_of_mcp_finds_tools_that_list_plan_ask_and_read_and_cannot_approve(front, door):
    started(front, {"over": True, "state": "failed", "cause": "The group is too small."})
    front.answers["GET /door/runbooks"] = [(200, {"runbooks": [{"runbook": "service_restart"}]})]

    async def use():
        async with mcp.Client(make_server(door)) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            listed = await client.call_tool("list_runbooks", {})
            wanted = {"runbook": "service_restart", "target": "core/staging", "reason": "an agent of the tests"}
            planned = await client.call_tool("plan", wanted)
            asked = await client.call_tool("request_run", {**wanted, "key": "k-1"})
            approved = await client.call_tool("approve_run", {"runbook": "service_restart", "run_id": "r-1"})
            return tools, listed, planned, asked, approved

    front.answers["POST /door/runbooks/service_restart/runs/r-1/approve"] = [
        (403, {"detail": "Nobody can at the front door."})
    ]
    tools, listed, planned, asked, approved = asyncio.run(use())
    assert tools == {"list_runbooks", "plan", "request_run", "follow_run", "read_plan", "read_record", "approve_run"}
    assert approved.is_error
    assert "Nobody can at the front door." in approved.content[0].text
    assert listed.structured_content == {"runbooks": [{"runbook": "service_restart"}]}
    assert planned.is_error
    assert "The group is too small." in planned.content[0].text
    assert asked.structured_content["run_id"] == "r-1"
