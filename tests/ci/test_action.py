"""The reusable action of GitHub: its file fits GitHub's schema, and its step does with its inputs what the script is asked for."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ci.test_trigger_runbook import DETAILS, MISSING, Server, run_of

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / ".github" / "actions" / "runbook" / "action.yml"
GOOD = {"target": "core/staging", "reason": "Regions of $(touch /tmp/x) `v1.4.2`"}


@pytest.fixture
def server():
    server = Server()
    yield server
    server.end()


def run_action(tmp_path, **inputs):
    """Run the action's step as GitHub does: each `${{ inputs.x }}` of its environment replaced, and its script given to bash."""
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    known = {name: one.get("default") for name, one in action["inputs"].items()} | inputs
    (step,) = action["runs"]["steps"]
    given = {
        name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: known[match[1]], text)
        for name, text in step["env"].items()
    }
    script = tmp_path / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    outer = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "GITHUB"))}
    environment = {
        **outer,
        **given,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": str(ACTION.parent),
        "TMPDIR": str(tmp_path),
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_file_fits_the_schema_of_github():
    check = [
        str(Path(sys.executable).with_name("check-jsonschema")),
        "--builtin-schema",
        "vendor.github-actions",
        ACTION,
    ]
    subprocess.run(check, check=True, capture_output=True)


def test_no_input_is_part_of_the_shell_code():
    (step,) = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    assert "${{" not in step["run"]


@pytest.mark.parametrize("key", ["restart-v1", "restart v1"])
def test_run_is_started_with_the_params_and_the_key_as_they_are(server, tmp_path, key):
    server.script = [(200, DETAILS, {}), MISSING, run_of(GOOD)]
    done = run_action(
        tmp_path,
        runbook="service_restart",
        params=json.dumps(GOOD),
        key=key,
        wait="false",
        **{"airflow-url": server.url, "airflow-token": "ready"},
    )
    assert list(tmp_path.glob("tmp.*")) == [], "the params are left in a file"
    if " " in key:  # which no run id has
        assert (done.returncode, server.asked) == (2, []), done.stdout
        assert key in done.stdout + done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    method, path, authorization, body = server.asked[-1]
    assert (method, path, authorization) == ("POST", "/api/v2/dags/service_restart/dagRuns", "Bearer ready")
    assert json.loads(body) == {"dag_run_id": key, "logical_date": None, "conf": GOOD}


def test_refusal_of_the_script_is_that_of_the_action(server, tmp_path):
    server.script = [(404, {"detail": "There is no such DAG."}, {})]
    done = run_action(
        tmp_path,
        runbook="service_restrat",
        params=json.dumps(GOOD),
        key="k",
        **{"airflow-url": server.url, "airflow-token": "ready"},
    )
    assert done.returncode == 2, done.stdout
    assert "There is no such DAG." in done.stdout + done.stderr
