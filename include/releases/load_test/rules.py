"""The performance gate: ApacheBench's measurements, compared with the limits for staging."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from include.errors import BakeFailedError
from include.inventory.releases import Threshold
from include.text import joined

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
FIGURES = {
    "complete": rf"Complete requests:\s+{NUMBER}",
    "failed": rf"Failed requests:\s+{NUMBER}",
    "non_2xx": rf"Non-2xx responses:\s+{NUMBER}",  # ab prints this line only if there is an error
    "per_second": rf"Requests per second:\s+{NUMBER} \[#/sec\]",
    "milliseconds": rf"Time per request:\s+{NUMBER} \[ms\] \(mean, across all concurrent requests\)",
}


@dataclass(frozen=True)
class Measured:
    """ApacheBench's measurements of one page. None is a figure that ab did not print."""

    path: str
    complete: int | None
    failed: int | None
    non_2xx: int
    per_second: float | None
    milliseconds: float | None  # per request, across all concurrent requests

    def __str__(self) -> str:
        per_second = "no" if self.per_second is None else f"{self.per_second:g}"
        milliseconds = "no" if self.milliseconds is None else f"{self.milliseconds:g}"
        return f"{self.path}: {per_second} requests/s, {milliseconds} ms/request"


def read_measured(lines: Sequence[str]) -> tuple[Measured, ...]:
    """Read ab's reports from a log. Each report begins with its document path."""
    blocks: list[tuple[str, list[str]]] = []
    for line in lines:
        if match := re.search(r"Document Path:\s+(\S+)", line):
            blocks.append((match[1], []))
        elif blocks:
            blocks[-1][1].append(line)
    return tuple(_measured(path, "\n".join(block)) for path, block in blocks)


def judge_load_test(
    exit_code: int | None, measured: Sequence[Measured], thresholds: Sequence[Threshold], ended: str = ""
) -> str:
    """Return the verdict in one sentence. Raises: BakeFailedError if a page is too slow, failed, or was not measured.

    The exit code is compared as a number: the pipeline that this replaces tested a text that was never empty, so it
    always passed. `ended` says why its task does not count as having ended well although the code is 0, "" if it does.
    """
    problems = []
    if exit_code != 0:
        problems.append(f"the test exited with {'no exit code' if exit_code is None else exit_code}")
    elif ended:
        problems.append(ended)
    for threshold in thresholds:
        found = [each for each in measured if each.path == threshold.path]
        if not found:
            problems.append(f"{threshold.path} was not measured")
        for each in found:
            problems += [f"{threshold.path}: {problem}" for problem in _compare(each, threshold)]
    if problems:
        raise BakeFailedError(
            f"The performance test did not pass: {joined(problems)}. Staging runs this image; look for what made it slow "
            "before it goes further."
        )
    return f"performance: {'; '.join(map(str, measured)) or 'the test passed'}"


def _measured(path: str, block: str) -> Measured:
    found = {name: re.search(pattern, block) for name, pattern in FIGURES.items()}
    figures = {name: float(match[1]) if match else None for name, match in found.items()}
    whole = {name: None if value is None else int(value) for name, value in figures.items()}
    return Measured(
        path=path,
        complete=whole["complete"],
        failed=whole["failed"],
        non_2xx=whole["non_2xx"] or 0,
        per_second=figures["per_second"],
        milliseconds=figures["milliseconds"],
    )


def _compare(measured: Measured, threshold: Threshold) -> list[str]:
    problems = []
    if measured.complete is None or measured.complete < threshold.requests:
        problems.append(f"{measured.complete or 0} requests completed of {threshold.requests}")
    if measured.failed != 0:
        problems.append(f"{'unknown' if measured.failed is None else measured.failed} failed requests")
    if measured.non_2xx:
        problems.append(f"{measured.non_2xx} answers other than 2xx")
    if measured.milliseconds is None or measured.milliseconds > threshold.milliseconds:
        problems.append(f"{_or_no(measured.milliseconds)} ms a request, at most {threshold.milliseconds:g} allowed")
    if measured.per_second is None or measured.per_second < threshold.per_second:
        problems.append(f"{_or_no(measured.per_second)} requests a second, at least {threshold.per_second:g} needed")
    return problems


def _or_no(value: float | None) -> str:
    return "no" if value is None else f"{value:g}"
