"""The tests are worth something only if they notice: each guard is removed once, and its tests must fail."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("include", "plugins", "tests", "pyproject.toml")
FAILED = 1  # pytest's exit code for tests that failed; others mean that it did not get that far
DEADLINE = 120.0  # seconds for the tests of one mutant


def attempt(mutant: Mutant, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a mutant's tests in a copy of the project where its guard is gone."""
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    file = folder / mutant.file
    file.write_text(file.read_text(encoding="utf-8").replace(mutant.before, mutant.after), encoding="utf-8")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", mutant.tests, "-x", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@pytest.fixture(scope="module")
def attempts(request, tmp_path_factory):
    """Run the selected mutants, as many at a time as there are processors."""
    chosen = [item.callspec.params["mutant"] for item in request.session.items if "attempts" in item.fixturenames]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {each.name: pool.submit(attempt, each, tmp_path_factory.mktemp("mutant")) for each in chosen}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_guard_that_is_gone_is_noticed(mutant: Mutant, attempts: dict[str, "Future[subprocess.CompletedProcess[str]]"]):
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.before) == 1, f"{mutant.file} does not have the guard once any more"
    done = attempts[mutant.name].result()
    assert done.returncode == FAILED, f"nobody noticed that {mutant.name}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
