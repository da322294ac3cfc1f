"""The world: regions, clock, faults, and the step that moves everything."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from moto.logs.models import LogEvent, logs_backends

from sandbox.aws.faults import infra_faults, release_faults
from sandbox.aws.faults.catalogue import Fault, count
from sandbox.aws.http.call_log import Call
from sandbox.aws.sim import (
    auto_scaling,
    blue_green,
    command_output,
    ecs_scheduler,
    external_pipeline,
    image_build,
    image_pull,
    scheduled_actions,
    task_launch,
    task_lifecycle,
    topology_load,
)
from sandbox.aws.state import region_data
from sandbox.aws.state.clock import Clock
from sandbox.aws.state.region import Deployment, Region, Service, Task
from sandbox.aws.state.region_lists import RegionLists

if TYPE_CHECKING:
    from sandbox.aws.http.endpoint import Application

STEP = 5.0  # simulated seconds; nothing moves through a state in less
TICK = 0.2  # real seconds between two looks of the background thread
LOG_EVERY = 600.0  # simulated seconds between two lines of a one-off command
KEPT_LINES = 5000  # of a log stream: a day of a task that says how it is
log = logging.getLogger(__name__)


class World:
    """All accounts and regions. Every look and every call goes through `lock`."""

    def __init__(self, clock: Clock, region_lists: RegionLists | None = None):
        self.clock = clock
        self.region_lists = region_lists or RegionLists()
        self.lock = threading.RLock()
        self.regions: dict[tuple[str, str], Region] = {}
        self.faults: list[Fault] = []
        self.target_names: dict[tuple[str, str, str], str] = {}  # (account, region, cluster) -> target
        self.timeline: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.problem = ""
        self.log_call: Callable[[Call], None] = lambda call: None  # the endpoint's, for what did not come through it
        self.endpoint: Application  # its WSGI application, which puts itself here
        self._moved_to = clock.now()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def region(self, account: str, name: str) -> Region:
        return self.regions.setdefault((account, name), Region(account, name))

    def clear(self) -> None:
        """Forget everything that moves; the clock goes on."""
        self.regions.clear()
        self.faults.clear()
        self.target_names.clear()
        self.timeline.clear()
        self.problem = ""
        self._moved_to = self.clock.now()

    def catch_up(self) -> float:
        """Move the world to the present moment, in small steps; returns that moment."""
        with self.lock:
            now = self.clock.now()
            self.region_lists.forget()  # what they say may have changed since the last look, never within one
            while self._moved_to < now:
                before, self._moved_to = self._moved_to, min(now, self._moved_to + STEP)
                try:
                    self._step(before, self._moved_to)
                except Exception as error:  # a standing world would look like a steady one: /status says so
                    log.exception("the world stopped moving")
                    self.problem = f"the world stopped moving: {error!r}"
                    raise
            return now

    def _step(self, before: float, now: float) -> None:
        for region in self.regions.values():
            scheduled_actions.fire_due(region, before, now)
            for group in region.groups.values():
                auto_scaling.advance(region, group, now)
            for task in list(region.tasks.values()):
                image_pull.pull(self.regions, region, task, now)
                task_lifecycle.advance(region, task, now)
                self._advance_load(region, task, now)
                if task.service is None:
                    self._log_one_off(region, task, now)
            task_lifecycle.sweep_targets(region, now)
            self._build(region, now)
            external_pipeline.advance(self, region, now)
            for rollout in list(region.rollouts.values()):
                active = self.faults_on(region, rollout.group.cluster, rollout.group.service)
                blue_green.advance(region, rollout, active, now)
            for service in list(region.services.values()):
                ecs_scheduler.reconcile(region, service, now, self.start_task)
                self._record(region, service, now)
        for fault in self.faults:
            self.strike(fault, now)
            release_faults.strike(self.regions, fault, now)

    def strike(self, fault: Fault, now: float) -> None:
        """Let a fault of the ground take effect if its moment has come."""
        for (account, name, cluster), target in self.target_names.items():
            if target == fault.target:
                region = self.region(account, name)
                if service := region.services.get((cluster, fault.service)):
                    infra_faults.strike(fault, region, service, now, self.log_call)

    def _build(self, region: Region, now: float) -> None:
        for project in region.projects.values():
            active = [each for each in self.faults if each.target == project.target]
            for build in project.builds:
                image_build.advance(build, active, now, partial(self.write_line, region))

    def _advance_load(self, region: Region, task: Task, now: float) -> None:
        service = region.services.get((task.cluster, task.service or ""))
        if not service or not service.data_uri or not task.alive:
            return
        write, read = partial(self.write_log, region), partial(region_data.load, region.account)
        exit_code = topology_load.advance(region, service, task, now, write, read)
        if exit_code is not None:
            task_lifecycle.exit_by_itself(region, task, now, exit_code)

    def _log_one_off(self, region: Region, task: Task, now: float) -> None:
        overrides = task.overrides.get("containerOverrides", [])
        command = next((each["command"] for each in overrides if each.get("command")), ["the default command"])
        if task.started == now:
            self.write_log(region, task, now, f"started: {' '.join(command)}")
            task.log_next = now + LOG_EVERY
        if task.started is not None and task.status == "RUNNING" and now >= task.log_next:
            self.write_log(region, task, now, f"still at work after {int((now - task.started) / 60)} minutes")
            task.log_next += LOG_EVERY
        if task.stopped == now and task.started is not None:
            if task.stop_code != "EssentialContainerExited":
                self.write_log(region, task, now, "received SIGTERM, ending")
            elif task.exit_code:
                self.write_log(
                    region, task, now, "StandardError: An error has occurred, this and all later steps canceled:"
                )
            else:
                self._print(region, task, command, now)
            self.write_log(region, task, now, f"ended with exit code {task.exit_code}")

    def _print(self, region: Region, task: Task, command: list[str], now: float) -> None:
        slowed = [each.fields["milliseconds"] for each in task.behaviour.faults if each.kind == "slow_pages"]
        printed = command_output.lines(command, max(slowed, default=None))
        for line in printed:
            self.write_log(region, task, now, line)
        if printed:
            count(task.behaviour, "slow_pages")

    def _record(self, region: Region, service: Service, now: float) -> None:
        name = self.target_names.get((region.account, region.name, service.cluster))
        if name is None:
            return
        tasks = region.tasks_of(service)
        healthy = [task.id for task in tasks if region.is_healthy(task)]
        counts: dict[str, Any] = {
            "healthy": len(healthy),
            "running": sum(task.status == "RUNNING" for task in tasks),
            "desired": service.desired,
            "tasks": sorted(healthy),
        }
        points = self.timeline.setdefault((name, service.name), [])
        if not points or {key: points[-1][key] for key in counts} != counts:
            points.append({"at": now, **counts})

    def start_task(self, region: Region, service: Service, deployment: Deployment, now: float) -> Task | None:
        """Start one task of a service, or None if no instance has room for it."""
        active = self.faults_on(region, service.cluster, service.name)
        return task_launch.start_service_task(region, service, deployment, active, now)

    def faults_on(self, region: Region, cluster: str, name: str) -> list[Fault]:
        """Return the active faults of a service, or of a one-off task family."""
        target = self.target_names.get((region.account, region.name, cluster), "")
        return [each for each in self.faults if each.target == target and each.service == name]

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

    def start(self) -> None:
        """Move by itself from now on."""
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(TICK):
            with self.lock, suppress(Exception):  # catch_up has logged it and set the problem
                if not self.problem:  # else it stands still until a reset
                    self.catch_up()
