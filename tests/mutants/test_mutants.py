"""Each guard is removed once, and its tests must notice that by failing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
FAILED = 1  # pytest's exit code for failed tests; other codes mean that they did not run


class Attempts:
    """The outcomes of the selected mutants' tests, which one process runs in forks of itself."""

    def __init__(self, process: "subprocess.Popen[str]"):
        self._process = process
        self._known: dict[str, dict[str, Any]] = {}

    def outcome(self, name: str) -> dict[str, Any]:
        assert self._process.stdout
        while name not in self._known:
            line = self._process.stdout.readline()
            assert line, f"the runner ended with {self._process.wait()} before {name!r} was tried"
            found = json.loads(line)
            self._known[found["name"]] = found
        return self._known[name]


@pytest.fixture(scope="module")
def attempts(request, tmp_path_factory) -> Iterator[Attempts]:
    chosen = [item.callspec.params["mutant"] for item in request.session.items if "attempts" in item.fixturenames]
    folder = tmp_path_factory.mktemp("mutants")
    command = [sys.executable, "-m", "tests.mutants.runner", str(folder), *(each.name for each in chosen)]
    with (
        (folder / "errors.txt").open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        yield Attempts(process)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_guard_that_is_gone_is_noticed(mutant: Mutant, attempts: Attempts):
    done = attempts.outcome(mutant.name)
    assert done["code"] == FAILED, f"nobody noticed that {mutant.name}:\n{done['output'][-4000:]}"
