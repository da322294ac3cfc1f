"""Invalid input over Airflow's REST API: one sentence names the error, and no run is created."""

import json
import uuid

import psycopg
import pytest

HOUSING = "core/staging"
GOOD = {"target": HOUSING, "reason": "a journey of the tests"}
RUNS = "/dags/service_restart/dagRuns"


def post(sandbox, user="operator", **body):
    content = json.dumps({"logical_date": None, **body}).encode()  # httpx itself refuses a lone surrogate
    return sandbox.airflow(user).post(RUNS, content=content, headers={"Content-Type": "application/json"})


def runs(sandbox):
    return sandbox.airflow("operator").get(RUNS).json()["total_entries"]


CONF = {
    "nothing": (None, "target is missing"),
    "empty": ({}, "reason is missing"),
    "a list": ([GOOD], "must be an object of names and values"),
    "a text": ("core/staging", "not 'core/staging'"),
    "unknown key": ({**GOOD, "plan_onyl": True}, "knows no 'plan_onyl', did you mean 'plan_only'?"),
    "key with a look-alike": ({**GOOD, "plan_\u043enly": True}, r"knows no 'plan_\u043enly'"),
    "key with NUL": ({**GOOD, "a\x00b": 1}, r"'a\x00b' in conf holds a character"),
    "a number of twenty digits": ({**GOOD, "plan_only": 10**20}, "is a whole number of more than 64 bits"),
    "a megabyte": ({**GOOD, "x": "y" * 1_000_000}, "knows no 'x'"),
    "no target": ({"reason": GOOD["reason"]}, "target is missing"),
    "target None": ({**GOOD, "target": None}, "target must be a text, not None"),
    "target with a blank": ({**GOOD, "target": "core/staging "}, "target is 'core/staging ', which is not offered"),
    "target with a capital": ({**GOOD, "target": "core/Production"}, "did you mean core/production?"),
    "target with a look-alike": ({**GOOD, "target": "c\u043ere/staging"}, r"target is 'c\u043ere/staging'"),
    "target that is a list": ({**GOOD, "target": [HOUSING]}, "target must be a text, not ['core/staging']"),
    "target of 5,000 characters": ({**GOOD, "target": "x" * 5000}, "(5,000 characters), which is not offered"),
    "target with a newline": ({**GOOD, "target": "core/staging\n"}, r"target is 'core/staging\n'"),
    "target with NUL": ({**GOOD, "target": "core/staging\x00"}, r"target 'core/staging\x00' holds a character"),
    "target of no restart": (
        {**GOOD, "target": "planning-data/staging"},
        "'planning-data/staging', which is not offered",
    ),
    "reason of blanks": ({**GOOD, "reason": " " * 20}, "does not have its form"),
    "reason that shows nothing": ({**GOOD, "reason": "\u200b" * 20}, "does not have its form"),
    "reason with NUL": ({**GOOD, "reason": "half of it is \x00 hidden"}, r"reason 'half of it is \x00 hidden'"),
    "reason backwards": ({**GOOD, "reason": "it reads \u202e backwards"}, r"reason 'it reads \u202e backwards'"),
    "reason of 5,000 characters": ({**GOOD, "reason": "x" * 5000}, "(5,000 characters) is too long: at most 500"),
    "reason that is a number": ({**GOOD, "reason": 1234567890}, "reason must be a text, not 1234567890"),
    "half a character": ({**GOOD, "reason": "half a \ud83d character"}, r"'half a \ud83d character'"),
    "plan_only as a word": ({**GOOD, "plan_only": "yes"}, "plan_only must be true or false, not 'yes'"),
}


@pytest.mark.parametrize("case", CONF)
def test_wrong_conf_is_refused_in_one_sentence_before_there_is_a_run(running_sandbox, case):
    conf, words = CONF[case]
    before, seen = runs(running_sandbox), running_sandbox.last_call()
    answer = post(running_sandbox, conf=conf)
    assert answer.status_code == 400, answer.text
    sentence = answer.json()["detail"]
    assert words in sentence
    assert "\n" not in sentence
    assert len(sentence) < 600
    assert runs(running_sandbox) == before
    assert running_sandbox.calls_of_runs(seen) == []


NESTED = "[" * 50_000 + "]" * 50_000
REQUESTS = {
    "twenty digits within regions": (
        "region_data_update",
        {"conf": {**GOOD, "regions": [{"region": "US/PA", "data": "s3://b/p/", "n": 10**20}]}},
        "regions[0].n 100000000000000000000 is a whole number",
    ),
    "a commit of another repository": (
        "staging_deployment",
        {"conf": {**GOOD, "commit": "0" * 40, "repository": "example-other/app"}},
        "core/staging is built from example-housing/core, not from 'example-other/app'",
    ),
    "a commit with a newline": (
        "image_publication",
        {"conf": {**GOOD, "commit": "0" * 39 + "\n"}},
        "does not have its form",
    ),
    "words without in full": (
        "database_migration",
        {"conf": {**GOOD, "words": ["rake", "db:drop"]}},
        "words gives a command in full, but command is 'migrate'",
    ),
    "a folder above": (
        "region_data_update",
        {
            "conf": {
                **GOOD,
                "target": "districtbuilder/staging",
                "regions": [{"region": "US/PA", "data": "s3://districtbuilder-staging-data/../x/"}],
            }
        },
        "has the folder '..'",
    ),
    "twenty digits of CPU": (
        "database_migration",
        {"conf": {**GOOD, "cpu": 10**20}},
        "cpu 100000000000000000000 is a whole",
    ),
    "infinite CPU": ("database_migration", {"conf": {**GOOD, "cpu": float("inf")}}, "cpu inf is no number"),
    "logical_date in 2999": (
        "service_restart",
        {"conf": GOOD, "logical_date": "2999-01-01T00:00:00Z"},
        "logical_date '2999-01-01T00:00:00Z' is to come",
    ),
    "run_after in 2999": (
        "service_restart",
        {"conf": GOOD, "run_after": "2999-01-01T00:00:00Z"},
        "run_after '2999-01-01T00:00:00Z' is to come",
    ),
    "the first day of all": (
        "service_restart",
        {"conf": GOOD, "logical_date": "0001-01-01T00:00:00+14:00"},
        "is too long ago",
    ),
    "a note of a megabyte": ("service_restart", {"conf": GOOD, "note": "x" * 1_000_000}, "note 'xxx"),
    "a run id that is an object": (
        "service_restart",
        {"conf": GOOD, "dag_run_id": {"a": 1}},
        "dag_run_id must be a text",
    ),
    "an odd field": ("service_restart", {"conf": GOOD, "task_id": {"a": 1}}, "has no 'task_id'"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_request_that_airflow_would_choke_on_is_refused_and_airflow_goes_on(running_sandbox, case):
    runbook, body, words = REQUESTS[case]
    content = json.dumps({"logical_date": None, **body}).encode()
    client = running_sandbox.airflow("operator")
    answer = client.post(f"/dags/{runbook}/dagRuns", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    health = client.get("/monitor/health").json()
    assert {health[name]["status"] for name in ("scheduler", "dag_processor")} == {"healthy"}


@pytest.mark.parametrize("size", ["nested", "large"])
def test_body_that_is_too_much_is_refused_and_the_server_goes_on(running_sandbox, size):
    reason = NESTED if size == "nested" else json.dumps("x" * 2_000_000)
    content = f'{{"logical_date": null, "conf": {{"target": "{HOUSING}", "reason": {reason}}}}}'.encode()
    client = running_sandbox.airflow("operator")
    answer = client.post(RUNS, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (
        400,
        f"The request is {'nested too deeply' if size == 'nested' else 'too large'}",
    )
    assert client.get("/monitor/health").status_code == 200


@pytest.mark.parametrize(
    ("run_id", "words"),
    [
        ("a/b", "a/b"),
        ("../../etc/passwd", "must not contain '..'"),
        ("release 1", "release 1"),
        ("r\u00e9lease", "r\u00e9lease"),
        ("one\ntwo", "one"),
        ("nul\x00", "nul"),
        ("<!channel>", "<!channel>"),
        ("\U0001f6a2", "\U0001f6a2"),
        ("x" * 251, "(251 characters) is too long: at most 250 characters"),
        ("scheduled__2026-11-21T00:00:00+00:00", "reserved for scheduled runs"),
    ],
)
def test_run_id_of_odd_characters_is_refused_by_its_name(running_sandbox, run_id, words):
    before = runs(running_sandbox)
    answer = post(running_sandbox, dag_run_id=run_id, conf=GOOD)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]
    assert runs(running_sandbox) == before


def test_note_that_no_database_takes_is_refused(running_sandbox):
    answer = post(running_sandbox, conf=GOOD, note="nul\x00")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        r"note 'nul\x00' holds a character that no database takes.",
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/dags/service_restart/dagRuns/none", {"note": "nul\x00"}),
        ("PATCH", "/dags/service_restart/dagRuns", {"actions": [{"action": "update", "entities": [10**20]}]}),
        ("POST", "/dags/service_restart/dagRuns/list", {"page_limit": 10**20}),
        ("POST", "/dags/service_restart/dagRuns/none/clear", {"note": "half a \ud83d character"}),
        ("POST", "/dags/service_restart/clearTaskInstances", {"task_ids": [["a", 10**20]]}),
        ("POST", "/backfills", {"dag_id": "slack_delivery", "dag_run_conf": {"x": 10**20}}),
        ("POST", "/dags/service_restart/dagRuns/none/taskInstances/x/xcomEntries", {"key": "k", "value": 10**20}),
        ("POST", "/variables", {"key": "k", "value": "nul\x00"}),
        ("GET", "/dags/service_restart/dagRuns/nul%00", None),
    ],
)
def test_no_call_takes_what_no_database_or_process_takes(running_sandbox, method, path, body):
    content = None if body is None else json.dumps(body).encode()
    client = running_sandbox.airflow("admin")
    answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, type(answer.json()["detail"])) == (400, str), answer.text


def test_minutes_of_slack_delivery_cannot_be_made_up_for(running_sandbox):
    body = {"dag_id": "slack_delivery", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-11-01T00:00:00Z"}
    for path in ("/backfills", "/backfills/dry_run"):
        answer = running_sandbox.airflow("operator").post(path, json=body)
        assert answer.status_code == 400, answer.text
        assert "does not allow backfill runs" in answer.json()["detail"]


def test_run_whose_date_never_comes_can_be_ended(sandbox):
    run = sandbox.restart(HOUSING)
    run.wait_until_asked()
    with psycopg.connect(f"{sandbox.endpoints['postgres']}/airflow") as airflow:  # the API makes no such run
        airflow.execute("UPDATE dag_run SET logical_date = '2999-01-01+00' WHERE run_id = %s", [run.run_id])
    run.mark_failed()
    assert run.wait() == "failed", run.describe()
    assert run.tasks()["record_restart"] == "failed"


def test_reason_with_markup_and_newlines_is_shown_as_it_stands_on_one_line(sandbox):
    evil = "<!channel> **now** \U0001f6a2\n::error::forged\n| 9 | nothing | | | |"
    run = sandbox.restart(HOUSING, reason=evil)
    asked = run.wait_until_asked()
    assert (
        r"Asked by operator: &lt;!channel&gt; \*\*now\*\* "
        + "\U0001f6a2"
        + r" ::error::forged \| 9 \| nothing \| \| \| \|"
        in asked["body"]
    )
    run.approve()
    assert run.wait() == "success", run.describe()


def test_answer_for_a_different_run_does_not_count(sandbox):
    asked, other = sandbox.restart(HOUSING), sandbox.restart(HOUSING, plan_only=True)
    asked.wait_until_asked()
    assert other.wait() == "success"
    assert other.answer("Approve").status_code == 404
    assert asked.answer("Approve", task="plan_restart").status_code == 404
    assert asked.answer("Perhaps").status_code == 400
    assert asked.tasks()["approve_restart"] == "awaiting_input"
    assert asked.answer("Reject").status_code == 200
    assert asked.wait() == "failed"


def test_stranger_learns_nothing_and_viewer_may_not_even_ask(running_sandbox):
    import httpx

    body = {"logical_date": None, "conf": {**GOOD, "plan_onyl": True}}
    base = running_sandbox.endpoints["airflow"].rstrip("/")
    stranger = httpx.post(f"{base}/api/v2{RUNS}", json=body, timeout=30)
    assert stranger.status_code == 401
    assert "plan_only" not in stranger.text


def test_refused_attempt_is_in_the_audit_log(running_sandbox):
    name = f"k{uuid.uuid4().hex}"
    assert post(running_sandbox, conf={**GOOD, name: 1}).status_code == 400
    log = running_sandbox.airflow("operator").get(
        "/eventLogs", params={"dag_id": "service_restart", "event": "trigger_dag_run", "order_by": "-when", "limit": 5}
    )
    assert log.status_code == 200, log.text
    assert name in log.text
