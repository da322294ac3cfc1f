"""The big-cache service: loads regions one after another, and reports its progress in the log and the health response."""

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.state.published_regions import HIDDEN, PUBLISHED, REGIONS
from sandbox.aws.state.region import Region

LOG_INTERVAL, QUIET_INTERVAL = 30.0, 300.0  # while it loads, and once it is up
ATTEMPTS = 6  # after so many failures of one region the process ends itself
KILLED = 137  # how it ends then
CONNECTS, RECONNECT = (
    10,
    3.0,
)  # NestJS's defaults: tries to reach the database before a start fails, seconds between two


def first_uris(service: Service) -> list[str]:
    """Return what a service loads when the world begins, and always where there is no region_config."""
    regions = sorted((*REGIONS, HIDDEN)) if service.region_list else REGIONS
    return [f"{service.data_uri}regions/{region}/{PUBLISHED}/" for region in regions]


def region_of(uri: str) -> str:
    """Return the region a URI is of, such as US/PA; the URI itself where it has another form, for people write them."""
    _, found, rest = uri.partition("/regions/")
    return "/".join(rest.split("/")[:2]) if found else uri


@dataclass
class Load:
    """The load progress of one task."""

    pending: list[str]
    each: float  # seconds a region takes
    next_at: float
    total: int
    failures: dict[str, int] = field(default_factory=dict)
    done: int = 0
    loaded: dict[str, str] = field(default_factory=dict)  # region -> ETag of the topo.json that was read
    tries: int = 0  # at a database that is away: the task does not know yet what to load

    @property
    def complete(self) -> bool:
        return not self.pending and not self.tries

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else float(self.complete)

    def body(self) -> dict[str, Any]:
        """Return what the health URL answers."""
        return {
            "topology": {
                "status": "up" if self.complete else "down",
                "total": self.total,
                "complete": self.done,
                "pending": self.pending[1:],
                "loading": self.pending[:1],
            }
        }


def advance(region: Region, service: Service, task: Task, now: float, write: Any, read: Any) -> int | None:
    """Load a little more and log it. Return the exit code if the process has ended itself.

    `write(task, at, message)` logs a line; `read(uri)` returns the ETag of what a region's folder holds, or why it cannot be
    loaded.
    """
    if task.started is None or task.status != "RUNNING":
        return None
    if task.load is None or task.load.tries:
        _learn(service, task, now, write)
    load: Load = task.load
    if load.tries:
        return 1 if load.tries >= CONNECTS else None
    while load.pending and now >= load.next_at and task.behaviour.healthy:
        uri = load.pending[0]
        planned = task.behaviour.failed_loads.get(region_of(uri), 0)
        failed = load.failures.get(uri, 0)
        load.next_at += load.each
        etag, problem = read(uri) if service.reads_data else ("", "")
        if failed < planned:
            problem = "Unexpected end of JSON input"
            for fault in task.behaviour.faults:
                if fault.kind == "topology_errors":
                    fault.count()
        if problem:
            load.failures[uri] = failed + 1
            text = f"Failed to load topology for '{uri}' {failed + 1} times, err {problem}"
            write(task, now, f"[TopologyService] {text}")
            if failed + 1 >= ATTEMPTS:
                return KILLED
        else:
            load.pending.pop(0)
            load.done += 1
            load.loaded[region_of(uri)] = etag
            if load.complete:
                task.log_next = now
    if now >= task.log_next:
        task.log_next = now + (QUIET_INTERVAL if load.complete else LOG_INTERVAL)
        write(task, now, f"[HealthCheckService] {json.dumps(load.body())}")
    return None


def _learn(service: Service, task: Task, now: float, write: Any) -> None:
    """Read once, when a task starts, what it is to load; regions published later are not loaded."""
    before: Load | None = task.load
    if before and now < before.next_at:
        return
    listed = service.region_list() if service.region_list else first_uris(service)
    if listed is None:
        tries = before.tries + 1 if before else 1
        write(task, now, f"[TypeOrmModule] Unable to connect to the database. Retrying ({tries})...")
        task.load = Load([], 0.0, now + RECONNECT, 0, tries=tries)
        return
    each = task.behaviour.boot / len(first_uris(service))  # so one more region takes longer
    task.load = Load(list(listed), each, now + each, len(listed))
    task.log_next = now
