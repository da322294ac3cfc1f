"""Users and roles of FAB, as a real installation has them: what each may do, and what it is refused, over the API."""

import json
import subprocess
import sys

import pytest

from tests.support.running_sandbox import ROOT

EVERYBODY, NOBODY = ("viewer", "operator", "approver", "admin"), ()
MAY = {
    "see runbooks": EVERYBODY,
    "start a run": ("operator", "approver", "admin"),
    "start a run at the front door": ("operator", "approver", "admin", "agent"),
    "pause a runbook": ("operator", "approver", "admin"),
    "see connections": ("admin",),
    "make a connection": ("admin",),
    "see users": ("admin",),
    "make an administrator": ("admin",),
    "make a token": ("admin",),
    "see tokens": ("admin",),
    "stop all writes": ("approver", "admin"),
    "lift the stop": ("approver", "admin"),
    "approve at the front door": NOBODY,
}


@pytest.fixture(scope="module")
def answers():
    command = [sys.executable, "-m", "tests.support.fab_answers"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("call", MAY)
def test_each_may_what_the_role_says_and_is_refused_the_rest(answers, call):
    given = {user: answers[user][call] for user in answers}
    assert {user for user, status in given.items() if status < 300} == set(MAY[call]), given
    assert {status for user, status in given.items() if user not in MAY[call]} <= {403}, given
