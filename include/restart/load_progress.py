"""The load progress in the log of the big-cache service: how far the load is, and which region fails."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from include.aws.logs import LogLine
from include.ecs.service_state import LoadLines

FAILED_LOAD = re.compile(r"Failed to load topology for '(?P<uri>[^']+)' (?P<times>\d+) times, err")
REGION = re.compile(r"/regions/(?P<country>[^/]+)/(?P<region>[^/]+)/")
TOLERATED = 1  # one failed load retries by itself; several mean that the file or its URI is wrong


@dataclass(frozen=True)
class FailedLoad:
    """A region one task failed to load, and how many times in a row so far."""

    task_id: str
    uri: str
    times: int

    @property
    def region(self) -> str:
        """The region as `<country>/<region>` in the URI, or the URI if it has another form."""
        match = REGION.search(self.uri)
        return f"{match['country']}/{match['region']}" if match else self.uri


@dataclass(frozen=True)
class LoadProgress:
    """The progress of the slowest task."""

    complete: int
    total: int
    loading: tuple[str, ...]

    @property
    def percent(self) -> int:
        return round(100 * self.complete / self.total) if self.total else 0


def failed_loads(lines: LoadLines, task_ids: Sequence[str]) -> tuple[FailedLoad, ...]:
    """Return the failed loads of these tasks, the most repeated first, one per task and region."""
    worst: dict[tuple[str, str], FailedLoad] = {}
    for line in lines.errors:
        task_id, match = _task_id(line), FAILED_LOAD.search(line.message)
        if match and task_id in task_ids:
            found = FailedLoad(task_id, match["uri"], int(match["times"]))
            key = (found.task_id, found.uri)
            if key not in worst or worst[key].times < found.times:
                worst[key] = found
    return tuple(sorted(worst.values(), key=lambda each: (-each.times, each.task_id, each.uri)))


def slowest(lines: LoadLines, task_ids: Sequence[str]) -> LoadProgress | None:
    """Return the progress of the slowest task, or None while no task has reported any."""
    latest: dict[str, LoadProgress] = {}
    for line in lines.progress:
        if (progress := _progress(line)) and _task_id(line) in task_ids:
            latest[_task_id(line)] = progress
    return min(latest.values(), key=lambda each: each.complete, default=None)


def _task_id(line: LogLine) -> str:
    return line.stream.rsplit("/", 1)[-1]


def _progress(line: LogLine) -> LoadProgress | None:
    start = line.message.find("{")
    if start < 0:
        return None
    try:
        topology = json.loads(line.message[start:])["topology"]
        return LoadProgress(int(topology["complete"]), int(topology["total"]), tuple(topology.get("loading", ())))
    except (ValueError, KeyError, TypeError):  # a line of another kind from the same service
        return None
