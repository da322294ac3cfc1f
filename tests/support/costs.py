"""The cost of each folder of tests in processor seconds, and its budget. Wall time would depend on how busy the machine is.

The cost of a test is what its own process and the children that ended meanwhile have used. A sandbox counts for the test that
ends it, which is the last of all tests that need Airflow. So all of those share one budget.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.running_sandbox import WITH_AIRFLOW

AIRFLOW = "with Airflow"
NAMED = 5  # of the dearest tests of a folder that exceeds its budget
TOLERATED = 1.5  # times the budget; the same test takes longer on a busy machine
# processor seconds of a folder in `make test`, and in `make test-all`
BUDGETS = {
    AIRFLOW: (1500, 3400),
    "tests/benchmarks": (3, 3),
    "tests/ci": (10, 10),
    "tests/compose": (15, 15),
    "tests/contract": (30, 30),
    "tests/inprocess": (125, 850),
    "tests/mutants": (0, 220),
    "tests/plugins": (100, 100),
    "tests/regions": (105, 105),
    "tests/s3": (20, 20),
    "tests/integration": (365, 670),
    "tests/sandbox": (160, 370),
    "tests/unit": (70, 70),
}


def folder_of(nodeid: str) -> str:
    """Return the line of BUDGETS for a test."""
    return AIRFLOW if nodeid.startswith(WITH_AIRFLOW) else "/".join(nodeid.split("/")[:2])


def used() -> float:
    """Return the processor seconds used by this process and its ended children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def by_folder(tests: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of each folder, from the cost of each test by its node id."""
    spent: dict[str, float] = defaultdict(float)
    for nodeid, seconds in tests.items():
        spent[folder_of(nodeid)] += seconds
    return dict(spent)


def over_budget(tests: Mapping[str, float], *, full: bool) -> list[str]:
    """Return a sentence for each folder that exceeds its budget by half, or has none, with its dearest tests."""
    said = []
    for folder, seconds in sorted(by_folder(tests).items()):
        if folder not in BUDGETS:
            said.append(f"{folder} has no budget; give it one in {__file__}.")
        elif seconds > (most := BUDGETS[folder][full]) * TOLERATED:
            inside = {nodeid: cost for nodeid, cost in tests.items() if folder_of(nodeid) == folder}
            named = "\n".join(dearest(inside, NAMED))
            said.append(f"{folder} took {seconds:.0f} processor seconds; its budget is {most}. The dearest:\n{named}")
    return said


def dearest(tests: Mapping[str, float], most: int) -> list[str]:
    """Return a line for each of the tests that cost most."""
    ordered = sorted(tests.items(), key=lambda item: -item[1])
    return [f"{seconds:7.1f}  {nodeid}" for nodeid, seconds in ordered[:most]]


def add_options(parser: pytest.Parser) -> None:
    parser.addoption(
        "--dearest", metavar="N", type=int, default=0, help="print the N tests that cost the most processor seconds"
    )


class Costs:
    """The plugin that measures, prints and judges costs. With xdist each process measures, and the first one adds up."""

    def __init__(self, config: pytest.Config):
        self.config = config
        self.tests: dict[str, float] = defaultdict(float)  # processor seconds by node id
        self.full = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        before = used()
        try:
            return (yield)
        finally:
            self.tests[item.nodeid] += used() - before
            self.full |= item.get_closest_marker("full") is not None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get("costs", {})
        for nodeid, seconds in told.get("tests", {}).items():
            self.tests[nodeid] += seconds
        self.full |= told.get("full", False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["costs"] = {"tests": dict(self.tests), "full": self.full}
            return
        for sentence in over_budget(self.tests, full=self.full):
            report = pytest.TestReport(
                "tests/support/costs.py::budget",
                ("tests/support/costs.py", None, "budget"),
                {},
                "failed",
                sentence,
                "call",
            )
            self.config.hook.pytest_runtest_logreport(report=report)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.tests:
            return
        terminalreporter.section("processor seconds")
        for line in dearest(self.tests, self.config.getoption("--dearest")):
            terminalreporter.line(line)
        for folder, seconds in sorted(by_folder(self.tests).items()):
            budget = BUDGETS.get(folder, (0, 0))[self.full]
            terminalreporter.line(f"{seconds:7.1f}  of {budget:5}  {folder}")
        terminalreporter.line(f"{sum(self.tests.values()):7.1f}  in all")
