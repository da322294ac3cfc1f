"""Runs the tests of mutants, each in a fork of one process that has loaded everything but the project's own modules.

`python -m tests.mutants.runner FOLDER NAME ...` prints a JSON object for each mutant as soon as its tests have ended.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
OURS = ("include", "opskit", "sandbox", "tests")
LIMIT = 60  # processor seconds for the tests of one mutant, which might run for ever without its guard


class Mutated(importlib.machinery.SourceFileLoader):
    """Loads a module without its guard."""

    def __init__(self, name: str, mutant: Mutant):
        super().__init__(name, str(ROOT / mutant.file))
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text(encoding="utf-8")
        return compile(text.replace(self._mutant.before, self._mutant.after), self.path, "exec")


class Finder(importlib.abc.MetaPathFinder):
    """Finds the mutated module before Python finds the one on disk."""

    def __init__(self, mutant: Mutant):
        self._mutant = mutant
        self._name = mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, loader=Mutated(fullname, self._mutant))


def preload() -> None:
    """Load what the unit tests import, and forget the project's own modules again."""
    with contextlib.redirect_stdout(sys.stderr):
        done = pytest.main(["tests/unit", "--collect-only", "-qq", "-p", "no:cacheprovider"])
    if done != pytest.ExitCode.OK:
        raise SystemExit(f"tests/unit could not be collected: {done!r}")
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]


def start(mutant: Mutant, output: Path) -> int:
    """Run a mutant's tests in a fork of this process. Return its process id."""
    if process := os.fork():
        return process
    with output.open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
    sys.meta_path.insert(0, Finder(mutant))
    code = pytest.main([mutant.tests, "-x", "-q", "-p", "no:cacheprovider"])
    sys.stdout.flush()
    os._exit(int(code))


def outcomes(mutants: list[Mutant], folder: Path) -> Iterator[dict[str, object]]:
    """Run the tests of mutants, as many at a time as there are processors. Yield the outcomes as they come."""
    waiting, running = list(enumerate(mutants)), {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            number, mutant = waiting.pop(0)
            output = folder / f"{number}.txt"
            running[start(mutant, output)] = (mutant, output)
        process, status = os.wait()
        mutant, output = running.pop(process)
        text = output.read_text(encoding="utf-8", errors="replace")
        yield {"name": mutant.name, "code": os.waitstatus_to_exitcode(status), "output": text}


def main(folder: str, *names: str) -> None:
    chosen = [mutant for mutant in MUTANTS if mutant.name in names]
    preload()
    for outcome in outcomes(chosen, Path(folder)):
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
