"""ci/trigger_runbook.py without an Airflow: its requests, its output, and how it waits for an unavailable server."""

import argparse
import json
import math
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ci import trigger_runbook as ci
from ci.trigger_runbook import LostError, RefusedError

SCRIPT = Path(ci.__file__)
GITHUB = {
    "GITHUB_REPOSITORY": "library/catalogue",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_JOB": "restart",
}
DECLARED = {
    "target": {"value": None, "schema": {"type": "string", "enum": ["core/staging", "core/production"]}},
    "reason": {"value": None, "schema": {"type": "string"}},
    "plan_only": {"value": False, "schema": {"type": "boolean"}},
    "count": {"value": None, "schema": {"type": ["null", "integer"]}},
}
KEY = r"[A-Za-z0-9_.~:+-]{1,250}"
DETAILS = {"is_paused": False, "params": DECLARED}
GOOD = {"target": "core/staging", "reason": "ten chars!"}


# --- the key


def test_key_is_the_same_for_the_same_attempt_and_another_for_anything_else():
    key = ci.default_key(GITHUB, "core/staging")
    assert key == ci.default_key(dict(GITHUB), "core/staging")
    others = [ci.default_key({**GITHUB, name: "other"}, "core/staging") for name in GITHUB]
    others.append(ci.default_key(GITHUB, "core/production"))
    assert len({key, *others}) == 7


def test_key_tells_a_reader_where_the_run_comes_from_and_is_an_id_airflow_takes():
    key = ci.default_key(GITHUB, "core/staging")
    assert key.startswith("ci-library-catalogue-0123456789ab-77-1-restart-core-staging-")
    assert re.fullmatch(KEY, key)


@pytest.mark.parametrize(
    "name",
    ["a/b", "a-b", "a..b", "\u00e9" * 40, "x" * 400, "x" * 401],
    ids=["slash", "dash", "dots", "e", "long", "longer"],
)
def test_key_of_any_job_name_is_an_id_airflow_takes_and_no_other_jobs(name):
    key = ci.default_key({**GITHUB, "GITHUB_JOB": name}, "core/staging")
    assert re.fullmatch(KEY, key)
    assert ".." not in key
    assert key != ci.default_key({**GITHUB, "GITHUB_JOB": name + "-"}, "core/staging")
    assert key != ci.default_key({**GITHUB, "GITHUB_JOB": name.replace("/", "-") + "!"}, "core/staging")


def test_key_of_a_gitlab_job():
    gitlab = {"CI_PROJECT_PATH": "a/b", "CI_COMMIT_SHA": "c" * 40, "CI_PIPELINE_ID": "5", "CI_JOB_ID": "6"}
    assert ci.default_key(gitlab, None).startswith("ci-a-b-cccccccccccc-5-6-")


def test_without_a_known_ci_a_key_must_be_given():
    with pytest.raises(RefusedError, match=r"nothing to make a key of; say --key\.$"):
        ci.default_key({**GITHUB, "GITHUB_RUN_ID": ""}, "core/staging")


@pytest.mark.parametrize("key", ["", "a/b", "a b", "../x", "x" * 251, "r\u00e9lease", "a\n", "nul\x00"])
def test_key_that_cannot_stand_in_an_address_is_refused_by_name(key):
    with pytest.raises(RefusedError) as caught:
        ci.follow(ci.options(["service_restart", f"--key={key}"]), {}, [])
    assert str(caught.value).startswith(f"Key {key!a} is no id for a run")


# --- the params


@pytest.mark.parametrize(
    ("text", "kinds", "value"),
    [
        ("true", "boolean", True),
        ("3", "integer", 3),
        ("3", "string", "3"),
        ("1.10", "string", "1.10"),
        ("true", "string", "true"),
        ('"3"', "string", "3"),
        ("null", ["null", "string"], None),
        ("null", "string", "null"),
        ("1.10", ["null", "string"], "1.10"),
        ("[1, 2]", (), [1, 2]),
        ("core/staging", (), "core/staging"),
        ("", (), ""),
        ("a=b", (), "a=b"),
    ],
)
def test_value_is_json_where_it_is_and_text_where_text_is_wanted(text, kinds, value):
    assert ci.value_of(text, kinds) == value


def test_param_goes_before_the_file(tmp_path):
    file = tmp_path / "params.json"
    file.write_text('{"target": "core/production", "plan_only": true}')
    assert ci.given_params(["target=core/staging"], str(file), DECLARED) == {
        "target": "core/staging",
        "plan_only": True,
    }


@pytest.mark.parametrize(
    ("pairs", "content", "sentence"),
    [
        (["target"], None, r"--param 'target' is not of the form name=value, "),
        (["=core/staging"], None, r"--param '=core/staging' is not of the form name=value, "),
        (["a=1", "a=2"], None, r"--param 'a=2' .* or its name is given twice\."),
        ([], "[1]", r"is no JSON object that can be read: "),
        ([], "{", r"is no JSON object that can be read: "),
        ([], None, r"is no JSON object that can be read: .*No such file"),
    ],
)
def test_params_that_cannot_be_read_are_refused(tmp_path, pairs, content, sentence):
    file = tmp_path / "params.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(RefusedError, match=sentence):
        ci.given_params(pairs, None if pairs else str(file), {})


def test_default_that_is_given_is_no_difference_and_anything_else_is_named():
    assert ci.differences({**GOOD, "plan_only": False}, GOOD, DECLARED) == []
    assert ci.differences({**GOOD, "plan_only": True}, GOOD, DECLARED) == ["plan_only is False there and True here"]
    assert ci.differences(GOOD, {**GOOD, "zone": 1}, DECLARED) == ["zone is 1 there and None here"]


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("30m", 1800), ("4h", 14400), ("1d", 86400)])
def test_duration_is_a_number_and_its_unit(text, value):
    assert ci.seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "0s", "-5m", "1.5h", "\u0665m", "5m\n"])
def test_other_durations_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        ci.seconds(text)


def test_line_of_a_log_cannot_give_the_ci_system_an_order(capsys):
    ci.say("it failed\n::add-mask::x \x1b[2J\u202e")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.endswith("  it failed ::add-mask::x [2J\n")
    assert not said.startswith("::")


# --- a server that is unavailable, or refuses the login


class Server:
    """Answers from a script: a status, or (status, body, headers), or None for a connection that just ends."""

    def __init__(self):
        self.script, self.asked = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
                status = outer.script.pop(0)
                if status is None:
                    self.connection.close()
                    return
                status, content, headers = status if isinstance(status, tuple) else (status, {}, {})
                text = json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(text)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer  # noqa: N815  # http.server's names

            def log_message(self, *_):
                """Log nothing."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def end(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.end()


@pytest.fixture
def waits(monkeypatch):
    """Make the pauses between attempts pass on a fake clock, and return them."""
    slept = []
    monkeypatch.setattr(ci.time, "sleep", slept.append)
    monkeypatch.setattr(ci.time, "monotonic", lambda: float(sum(slept)))
    return slept


def airflow(server, **environment):
    login = {"AIRFLOW_USERNAME": "ci", "AIRFLOW_PASSWORD": "hidden-word"}
    return ci.Airflow({"AIRFLOW_URL": server.url, **(environment or login)}, deadline=math.inf)


def token(name="first"):
    return 201, {"access_token": name}, {}


def test_logs_in_once_and_again_when_the_token_has_expired(server):
    server.script = [
        token("first"),
        (200, {"n": 1}, {}),
        401,
        token("second"),
        (200, {"n": 2}, {}),
        (200, {"n": 3}, {}),
    ]
    talk = airflow(server)
    assert [talk.ask("d/dagRuns/r")[1]["n"] for _ in range(3)] == [1, 2, 3]
    assert [(method, bearer) for method, _, bearer, _ in server.asked] == [
        ("POST", None),
        ("GET", "Bearer first"),
        ("GET", "Bearer first"),
        ("POST", None),
        ("GET", "Bearer second"),
        ("GET", "Bearer second"),
    ]


def test_ready_token_that_has_expired_is_told(server):
    server.script = [401]
    talk = airflow(server, AIRFLOW_TOKEN="ready-token")
    with pytest.raises(LostError, match="take the token of AIRFLOW_TOKEN; get a new one") as caught:
        talk.ask("d/dagRuns/r")
    assert "ready-token" not in str(caught.value)


def test_wrong_password_is_not_tried_again_and_not_told(server, capsys):
    server.script = [(401, {"detail": "Invalid credentials"}, {})]
    talk = airflow(server)
    with pytest.raises(LostError) as caught:
        talk.ask("d/dagRuns/r")
    assert str(caught.value) == "Airflow does not let ci in (401): Invalid credentials."
    assert "hidden-word" not in capsys.readouterr().out


def test_server_that_is_away_for_a_while_is_waited_for_and_told_of_once(server, waits, capsys):
    server.script = [token(), 502, None, 503, (429, {}, {"Retry-After": 7}), 500, (200, {"state": "running"}, {})]
    talk = airflow(server)
    assert talk.ask("d/dagRuns/r")[1] == {"state": "running"}
    assert waits == [1, 2, 4, 7, 16]
    assert len(server.asked) == 7
    assert capsys.readouterr().out.count("trying again") == 1


def test_server_that_does_not_come_back_is_given_up_after_five_minutes(server, waits):
    server.script = [503] * 50
    talk = airflow(server)
    with pytest.raises(LostError, match="could not be reached: it answers 503"):
        talk.ask("d/dagRuns/r")
    assert 250 <= sum(waits) < 300
    assert max(waits) == 30


def test_server_that_is_not_there_at_all_is_named(waits):
    gone = Server()
    gone.end()
    talk = airflow(gone)
    with pytest.raises(LostError, match=f"Airflow at {gone.url} could not be reached"):
        talk.ask("d/dagRuns/r")
    assert 250 <= sum(waits) < 300


def test_token_is_not_carried_to_where_a_redirect_points(server):
    server.script = [token(), (302, {}, {"Location": f"{server.url}/elsewhere"})]
    talk = airflow(server)
    assert talk.ask("d/dagRuns/r")[0] == 302
    assert len(server.asked) == 2


def run_of(conf, state="queued"):
    return 200, {"state": state, "conf": conf}, {}


MISSING, TAKEN = (404, {}, {}), (409, {"detail": {"reason": "Unique"}}, {})


def test_job_that_was_overtaken_follows_the_run_of_the_faster_one(server):
    server.script = [token(), MISSING, TAKEN, run_of(GOOD)]
    assert ci.Run(airflow(server), "service_restart", "k").start_or_find(GOOD, DETAILS) is False
    assert json.loads(server.asked[2][3]) == {"dag_run_id": "k", "logical_date": None, "conf": GOOD}


def test_first_try_that_arrived_although_its_answer_was_lost_is_found(server, waits):
    server.script = [token(), MISSING, None, TAKEN, run_of(GOOD)]
    assert ci.Run(airflow(server), "service_restart", "k").start_or_find(GOOD, DETAILS) is False
    assert [method for method, *_ in server.asked].count("POST") == 3


def test_run_of_this_key_with_other_params_is_refused_without_a_post(server):
    server.script = [token(), run_of({**GOOD, "plan_only": True})]
    with pytest.raises(RefusedError, match=r"Key k is taken .*: plan_only is True there and False here\."):
        ci.Run(airflow(server), "service_restart", "k").start_or_find(GOOD, DETAILS)
    assert [method for method, *_ in server.asked] == ["POST", "GET"]  # the login, and the look


def test_paused_runbook_is_refused_unless_the_run_is_there_already(server):
    paused = {**DETAILS, "is_paused": True}
    server.script = [token(), MISSING]
    with pytest.raises(RefusedError, match="it is paused"):
        ci.Run(airflow(server), "service_restart", "k").start_or_find(GOOD, paused)
    assert [method for method, *_ in server.asked].count("POST") == 1
    server.script = [token(), run_of(GOOD)]
    assert ci.Run(airflow(server), "service_restart", "k").start_or_find(GOOD, paused) is False


def test_what_airflow_refuses_is_told_in_its_own_words_and_not_tried_again(server):
    server.script = [token(), MISSING, (400, {"detail": "This runbook knows no 'zone';\nit takes target."}, {})]
    with pytest.raises(RefusedError) as caught:
        ci.Run(airflow(server), "service_restart", "k").start_or_find(GOOD, DETAILS)
    assert str(caught.value) == "service_restart was not started (400): This runbook knows no 'zone'; it takes target."


def task(name, state, **more):
    given = {"task_id": name, "state": state, "map_index": -1, "try_number": 1, "duration": 2.4, "start_date": "x"}
    return {**given, **more}


def test_run_is_told_step_by_step_and_a_failure_with_its_first_and_last_reason(server, capsys, monkeypatch):
    monkeypatch.setattr(ci.time, "sleep", lambda _: None)
    log = {"content": ["text", {"error_detail": [{"exc_type": "PreconditionError", "exc_value": "Not now."}]}]}
    foreseen = {"level": "error", "logger": "task", "event": "Nothing was changed."}
    last = {"content": [foreseen, {"level": "error", "logger": "opskit.failure", "event": "Cause: Nothing was"}]}
    asked = {"assigned_users": [{"name": "ann"}, {"name": "ben"}], "subject": "approve this plan?"}
    planned, waiting = task("plan_restart", "success"), task("approve_restart", "awaiting_input", duration=None)
    ended = [task("record_restart", "failed"), task("approve_restart", "failed"), planned]
    server.script = [
        token(),
        run_of(GOOD, "running"),
        (200, {"task_instances": [waiting, planned]}, {}),
        (200, asked, {}),
        run_of(GOOD, "failed"),
        (200, {"task_instances": ended}, {}),
        (200, log, {}),
        (200, last, {}),
    ]
    run = ci.Run(airflow(server), "service_restart", "k")
    assert run.follow() is False
    assert run.reasons == ["Not now.", "Nothing was changed."]
    page = f"{server.url}/dags/service_restart/runs/k/tasks/approve_restart/required_actions?map_index=-1"
    assert [line[10:] for line in capsys.readouterr().out.splitlines()] == [
        "success plan_restart (2 s)",
        f"awaiting_input approve_restart: waiting for ann or ben: approve this plan? {page}",
        "failed approve_restart (2 s): Not now.",
        "failed record_restart (2 s): Nothing was changed.",
    ]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"detail": "Invalid input for param reason:\n\nFailed validating ..."},
            "Invalid input for param reason: Failed",
        ),
        ({"detail": [{"loc": ["body", "conf"], "msg": "not a dict"}]}, "not a dict"),
        ("<html>bad gateway</html>", "<html>bad gateway</html>"),
    ],
)
def test_what_airflow_says_is_one_line(body, sentence):
    assert sentence in ci.detail(body)
    assert "\n" not in ci.detail(body)


@pytest.mark.parametrize("url", ["", "airflow", "ftp://a", "https://user:word@a", "http://", "https://a?x=1"])
def test_address_that_is_none_is_refused_and_not_repeated(url):
    with pytest.raises(RefusedError, match="AIRFLOW_URL must be an address") as caught:
        ci.Airflow({"AIRFLOW_URL": url, "AIRFLOW_TOKEN": "t"}, math.inf)
    assert "word@" not in str(caught.value)


def test_command_without_its_environment_is_refused_in_one_line():
    command = [sys.executable, str(SCRIPT), "service_restart", "--key", "k"]
    ended = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr == ""
    assert len(ended.stdout.splitlines()) == 1
    assert "AIRFLOW_URL must be an address" in ended.stdout


def test_script_needs_nothing_but_python():
    code = "import sys, runpy; runpy.run_path(sys.argv[1]); print(*{name.split('.')[0] for name in sys.modules})"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(SCRIPT)], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert {name for name in ended.stdout.split() if not name.startswith("_")} <= sys.stdlib_module_names
