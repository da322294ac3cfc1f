"""The state of the pretend AWS: regions, clock, faults. `sandbox.aws.sim.world` advances it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from moto.logs.models import LogEvent, logs_backends

from sandbox.app_databases import AppDatabases
from sandbox.aws.faults.model import Fault
from sandbox.aws.services.ecs.model import Task
from sandbox.aws.services.sts.model import Identities
from sandbox.aws.state.app_sites import AppSite
from sandbox.aws.state.call_log import Call
from sandbox.aws.state.clock import Clock
from sandbox.aws.state.region import Region
from sandbox.aws.state.region_lists import RegionLists

KEPT_LINES = 5000  # of a log stream: a day of a task that says how it is


class Endpoint(Protocol):
    """The WSGI application that serves a world."""

    identities: Identities

    def take_over(self) -> None:
        """Make moto serve this world from now on."""

    def __hash__(self) -> int: ...

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]: ...


class WorldState(ABC):
    """All accounts and regions. Every read and every call holds `lock`."""

    def __init__(self, clock: Clock, region_lists: RegionLists | None = None):
        self.clock = clock
        self.region_lists = region_lists or RegionLists()
        self.lock = threading.RLock()
        self.regions: dict[tuple[str, str], Region] = {}
        self.faults: list[Fault] = []
        self.target_names: dict[tuple[str, str, str], str] = {}  # (account, region, cluster) -> target
        self.app_sites: list[AppSite] = []  # of review apps, whose clusters come and go
        self.app_databases: AppDatabases | None = None
        self.timeline: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.problem = ""
        self.log_call: Callable[[Call], None] = lambda call: None  # the endpoint's, for what did not come through it
        self.endpoint: Endpoint  # puts itself here

    @abstractmethod
    def catch_up(self) -> float:
        """Move the world to the present moment. Return that moment."""

    def region(self, account: str, name: str) -> Region:
        return self.regions.setdefault((account, name), Region(account, name))

    def clear(self) -> None:
        """Forget everything that moves; the clock goes on."""
        self.regions.clear()
        self.faults.clear()
        self.target_names.clear()
        self.app_sites.clear()
        self.timeline.clear()
        self.problem = ""

    def site_of(self, region: Region, cluster: str) -> AppSite | None:
        """Return the site of the review app that a cluster belongs to."""
        for site in self.app_sites:
            if (site.account, site.region) == (region.account, region.name) and site.number(cluster):
                return site
        return None

    def target_of(self, region: Region, cluster: str) -> str:
        """Return the target that a cluster is of, "" if it is of none."""
        if (region.account, region.name, cluster) in self.target_names:
            return self.target_names[region.account, region.name, cluster]
        site = self.site_of(region, cluster)
        return site.target.format(number=site.number(cluster)) if site else ""

    def faults_on(self, region: Region, cluster: str, name: str) -> list[Fault]:
        """Return the active faults of a service, or of a one-off task family."""
        target = self.target_of(region, cluster)
        return [fault for fault in self.faults if fault.target == target and fault.service == name]

    def has_fault(self, region: Region, cluster: str, kind: str) -> bool:
        """Tell whether the target of a cluster has a fault of this kind, which concerns it as a whole."""
        target = self.target_of(region, cluster)
        return any(fault.kind == kind and fault.target == target for fault in self.faults)

    def write_log(self, region: Region, task: Task, at: float, text: str) -> None:
        """Write one CloudWatch log line of a task, stamped with simulated time."""
        self.write_line(region, task.log_group, f"{task.log_prefix}/{task.containers[0]}/{task.id}", at, text)

    def write_line(self, region: Region, name: str, stream: str, at: float, text: str) -> None:
        """Write a line into a stream of a log group, if there is such a group."""
        groups = logs_backends[region.account][region.name].groups
        if name not in groups:
            return
        group = groups[name]
        if stream not in group.streams:
            group.create_log_stream(stream)
        # straight into the stream: moto refuses lines more than two hours ahead of the laptop's clock
        moment = int(at * 1000)
        events = group.streams[stream].events
        events.append(LogEvent(moment, {"timestamp": moment, "message": text}))
        if len(events) > KEPT_LINES:
            del events[: KEPT_LINES // 10]
