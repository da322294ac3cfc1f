"""A software agent by a real client of MCP, whose server is a process of its own: it plans, asks, and does not approve."""

import asyncio
import os
import sys

import httpx
from mcp import Client, StdioServerParameters

from tests.support.running_sandbox import ROOT
from tests.support.sandbox_client import Run

WANTED = {"runbook": "service_restart", "target": "core/staging", "reason": "an agent of the tests"}


def token_for_an_agent(sandbox):
    base, headers = (
        f"{sandbox.endpoints['airflow']}/door",
        {"Authorization": sandbox.airflow("admin").headers["Authorization"]},
    )
    wanted = {"name": "helper", "kind": "agent", "runbooks": [WANTED["runbook"]], "targets": [WANTED["target"]]}
    return httpx.post(f"{base}/tokens", json=wanted, headers=headers, timeout=120).raise_for_status().json()["token"]


def test_agent_rehearses_a_restart_asks_for_it_cannot_approve_it_and_follows_it_to_its_end(sandbox):
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    server = StdioServerParameters(
        command=sys.executable,
        args=[str(ROOT / "ci" / "agent_server.py")],
        env={**known, "AIRFLOW_URL": sandbox.endpoints["airflow"], "AGENT_TOKEN": token_for_an_agent(sandbox)},
    )

    async def use():
        async with Client(server) as agent:
            listed = (await agent.call_tool("list_runbooks", {})).structured_content
            before = sandbox.last_call()
            plan = (await agent.call_tool("plan", WANTED)).content[0].text
            written = sandbox.writes(before)
            asked = (await agent.call_tool("request_run", {**WANTED, "key": "restart-1"})).structured_content
            again = (await agent.call_tool("request_run", {**WANTED, "key": "restart-1"})).structured_content
            run = Run(sandbox, WANTED["runbook"], asked["run_id"])
            await asyncio.to_thread(run.wait_until_asked)
            named = {"runbook": WANTED["runbook"], "run_id": asked["run_id"]}
            refused = await agent.call_tool("approve_run", named)
            still = run.tasks()["approve_restart"]
            await asyncio.to_thread(run.approve)
            told = asked
            for _ in range(30):
                if told["over"]:
                    break
                told = (
                    await agent.call_tool("follow_run", {**named, "seen": told["version"], "wait": 30})
                ).structured_content
            record = (await agent.call_tool("read_record", named)).structured_content
            return listed, plan, written, asked, again, refused, still, told, record

    listed, plan, written, asked, again, refused, still, told, record = asyncio.run(use())
    assert [(runbook["runbook"], runbook["targets"]) for runbook in listed["runbooks"]] == [
        (WANTED["runbook"], [WANTED["target"]])
    ]
    assert "core-staging-app" in plan
    assert written == [], "a rehearsal changes nothing"
    assert asked["run_id"] == again["run_id"]
    assert asked["requester"] == "admin via agent helper"
    assert refused.is_error
    assert "nobody can at the front door" in refused.content[0].text
    assert still == "awaiting_input"
    assert (told["over"], told["state"]) == (True, "success")
    assert record["record"]["outcome"] == "success"
    log = sandbox.airflow("admin").get("/eventLogs", params={"event": "front_door_refused"}).raise_for_status().json()
    assert ("admin via agent helper", asked["run_id"]) in {
        (each["owner"], each["run_id"]) for each in log["event_logs"]
    }
