"""What `make up`, `make down` and `make upgrade` call, in the order in which they call it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.engine import complaint
from tests.support.compose_file import ROOT

DOCKER = """#!/bin/sh
echo "docker $*" >> {calls}
case "$*" in
"compose version --short") echo {version} ;;
*"config --services") printf "postgres\\nworker\\nworld-connections\\n" ;;
{fail}
esac
"""


@pytest.fixture
def made(tmp_path):
    """Call make in a copy of what it needs, with a docker that only notes how it is called."""

    def call(*words: str, fail: str = "", version: str = "2.24.0") -> tuple[int, list[str]]:
        calls, program = tmp_path / "calls", tmp_path / "docker"
        calls.write_text("")
        program.write_text(DOCKER.format(calls=calls, fail=fail, version=version))
        program.chmod(0o755)
        (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
        link = tmp_path / "deployment"
        if not link.exists():
            link.symlink_to(ROOT / "deployment")
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
        command = ["make", "--no-print-directory", f"PYTHON={sys.executable}", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        asked = [line for line in calls.read_text().splitlines() if line != "docker compose version --short"]
        return done.returncode, asked

    return call


def test_up_makes_the_secrets_builds_and_waits(made, tmp_path: Path):
    code, calls = made("up")
    assert code == 0
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert calls == [
        "docker compose build",
        "docker compose config --services",
        "docker compose up --detach --wait --wait-timeout 600 --scale worker=2 postgres worker",
    ]


def test_sandbox_is_a_profile_with_its_connections_last(made):
    code, calls = made("up", "SANDBOX=1", "WORKERS=4")
    assert code == 0
    assert calls[-2:] == [
        "docker compose --profile sandbox up --detach --wait --wait-timeout 600 --scale worker=4 postgres worker",
        "docker compose --profile sandbox run --rm world-connections",
    ]


def test_down_ends_the_pretend_cloud_as_well(made):
    assert made("down") == (0, ["docker compose --profile sandbox down"])


@pytest.mark.parametrize("target", ["up", "down", "upgrade"])
def test_compose_that_is_too_old_is_refused_before_anything(made, tmp_path: Path, target: str):
    code, calls = made(target, version="v2.23.3")
    assert (code != 0, calls) == (True, [])
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("2.24.0", ""),
        ("v5.0.1", ""),
        ("2.40.3-desktop.1", ""),
        ("2.23.3", "Docker with Compose 2.24 or newer is needed, and here is 2.23.3; install it, and start again."),
        (
            "",
            "Docker with Compose 2.24 or newer is needed, and here is no `docker compose`; install it, and start again.",
        ),
    ],
)
def test_version_of_compose_is_judged_by_its_numbers(found: str, said: str):
    assert complaint(found) == said


def test_upgrade_waits_for_runs_before_it_stops_anything(made):
    code, calls = made("upgrade", "WAIT=5")
    assert code == 0
    assert calls[:3] == [
        "docker compose build",
        "docker compose run --rm --no-deps init python -m deployment.drain 5",
        "docker compose --profile sandbox down",
    ]
    assert calls[-1].startswith("docker compose up --detach --wait")


def test_upgrade_stops_nothing_while_a_run_is_under_way(made):
    code, calls = made("upgrade", fail="*deployment.drain*) exit 1 ;;")
    assert code != 0
    assert [call for call in calls if " down" in call or " up" in call] == []
