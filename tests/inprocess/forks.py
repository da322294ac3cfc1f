"""One run, branched at many moments: each branch is a forked process that continues by itself and reports its result."""

from __future__ import annotations

import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


class Forks:
    """Forked processes: `branch` returns True in the child, a child ends with `report`, and `reports` has all results."""

    def __init__(self) -> None:
        self.here = "the trunk"
        self.reports: dict[str, list[str]] = {}
        self._running: dict[int, tuple[str, int]] = {}  # pipe: name of the branch, process
        self._most = max(2, os.cpu_count() or 2)

    def branch(self, name: str) -> bool:
        """Fork this process. No more children run at once than there are processors."""
        while len(self._running) >= self._most:
            self._collect()
        assert name not in self.reports, f"{name} is no name of one branch only"
        self.reports[name] = ["did not report"]
        sys.stdout.flush()
        sys.stderr.flush()
        read, write = os.pipe()
        if process := os.fork():
            os.close(write)
            self._running[read] = (name, process)
            return False
        os.close(read)
        self.here, self._write = name, write
        return True

    def grow(self, go_on: Callable[[], object], problems: Callable[[], list[str]]) -> dict[str, list[str]]:
        """Continue to the end, in the trunk and in every branch. Return what is wrong, by branch."""
        try:
            go_on()
            found = problems()
        except BaseException:  # a branch is a process of its own: whatever ends it has to reach the trunk as a report
            if self.here == "the trunk":
                raise
            found = [traceback.format_exc()]
        if self.here != "the trunk":
            self._report(found)
        while self._running:
            self._collect()
        return {"the trunk": found, **self.reports}

    def _report(self, found: list[str]) -> NoReturn:
        with os.fdopen(self._write, "w") as pipe:
            json.dump(found, pipe)
        os._exit(0)  # a fork of pytest must not end as pytest does

    def _collect(self) -> None:
        ready, _, _ = select.select(list(self._running), [], [])
        for pipe in ready:
            name, process = self._running.pop(pipe)
            with os.fdopen(pipe) as reader:
                text = reader.read()
            _, status = os.waitpid(process, 0)
            self.reports[name] = json.loads(text) if text else [f"ended with status {status} and said nothing"]
