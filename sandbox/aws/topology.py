"""The big-cache service: loads regions one after another, says so in its log and in its health answer."""

import json
from dataclasses import dataclass, field
from typing import Any

from include.inventory import Target
from sandbox.aws.model import Region, Service, Task

REGIONS = ("US/AL", "US/CO", "US/GA", "US/IL", "US/MD", "US/MI", "US/NC", "US/OH", "US/PA", "US/TX", "US/VA", "US/WI")
PUBLISHED = "2020-09-09T19:50:10.921Z"
LOG_INTERVAL, QUIET_INTERVAL = 30.0, 300.0  # while it loads, and once it is up
ATTEMPTS = 6  # after so many failures of one region the process ends itself


def bucket_of(target: Target) -> str:
    """Return the bucket whose data a target's services load."""
    data = target.environment.region_data
    return data.buckets[0] if data else f"{target.system.system}-{target.environment_name}-data"


def uris(service: Service) -> list[str]:
    return [f"{service.data_uri}regions/{region}/{PUBLISHED}/" for region in REGIONS]


def region_of(uri: str) -> str:
    """Return the region a URI is of, such as US/PA."""
    return "/".join(uri.split("/regions/", 1)[1].split("/")[:2])


@dataclass
class Load:
    """How far one task is with its regions."""

    pending: list[str]
    each: float  # seconds a region takes
    next_at: float
    failures: dict[str, int] = field(default_factory=dict)
    done: int = 0
    total: int = len(REGIONS)
    loaded: dict[str, str] = field(default_factory=dict)  # region -> ETag of the topo.json that was read

    @property
    def complete(self) -> bool:
        return not self.pending

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


def advance(region: Region, service: Service, task: Task, now: float, write: Any, read: Any) -> bool:
    """Load a little more and log it; False if the process has ended itself.

    `write(task, at, message)` logs a line; `read(uri)` returns the ETag of what a region's folder holds, or why it cannot be
    loaded.
    """
    if task.started is None or task.status != "RUNNING":
        return True
    if task.load is None:
        each = task.behaviour.boot / len(REGIONS)
        task.load = Load(uris(service), each, task.started + each)
        task.log_next = task.started
    load: Load = task.load
    while load.pending and now >= load.next_at and task.behaviour.healthy:
        uri = load.pending[0]
        planned = task.behaviour.failed_loads.get(uri, 0)
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
                return False
        else:
            load.pending.pop(0)
            load.done += 1
            load.loaded[region_of(uri)] = etag
            if load.complete:
                task.log_next = now
    if now >= task.log_next:
        task.log_next = now + (QUIET_INTERVAL if load.complete else LOG_INTERVAL)
        write(task, now, f"[HealthCheckService] {json.dumps(load.body())}")
    return True
