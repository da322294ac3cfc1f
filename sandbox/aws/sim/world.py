"""The moving world: catches up with the clock in small steps."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from sandbox.aws.faults import infra_faults, release_faults
from sandbox.aws.faults.model import Fault
from sandbox.aws.faults.task_faults import count
from sandbox.aws.services.ecs.model import Deployment, Service, Task
from sandbox.aws.sim import (
    app_commands,
    auto_scaling,
    blue_green,
    command_output,
    daemon_scheduler,
    ecs_scheduler,
    external_pipeline,
    image_build,
    image_pull,
    scheduled_actions,
    task_launch,
    task_lifecycle,
    topology_load,
    traffic_shift,
)
from sandbox.aws.state import region_data
from sandbox.aws.state.clock import Clock
from sandbox.aws.state.region import Region
from sandbox.aws.state.region_lists import RegionLists
from sandbox.aws.state.world import WorldState

STEP = 5.0  # simulated seconds; nothing moves through a state in less
TICK = 0.2  # real seconds between two looks of the background thread
LOG_EVERY = 600.0  # simulated seconds between two lines of a one-off command
log = logging.getLogger(__name__)


class World(WorldState):
    """A world that catches up with the clock at every call, and by itself once it is started."""

    def __init__(self, clock: Clock, region_lists: RegionLists | None = None):
        super().__init__(clock, region_lists)
        self._moved_to = clock.now()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def clear(self) -> None:
        super().clear()
        self._moved_to = self.clock.now()

    def catch_up(self) -> float:
        """Move the world to the present moment, in small steps. Return that moment."""
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
                if task.status == "PENDING":
                    by_platform = self.has_fault(region, task.cluster, "platform_digest")
                    image_pull.pull(self.regions, region, task, now, by_platform=by_platform)
                if task.service is None:
                    self._carry_out(region, task, now)
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
                if service.daemon:
                    daemon_scheduler.reconcile(region, service, now, self.start_task)
                elif service.shifts:
                    active = self.faults_on(region, service.cluster, service.name)
                    traffic_shift.reconcile(region, service, now, self.start_task, active)
                else:
                    ecs_scheduler.reconcile(region, service, now, self.start_task)
                self._record(region, service, now)
        for fault in self.faults:
            self.apply_fault(fault, now)
            release_faults.apply_if_due(self.regions, fault, now)

    def apply_fault(self, fault: Fault, now: float) -> None:
        """Apply an infrastructure fault if it is due."""
        for (account, name, cluster), target in self.target_names.items():
            if target == fault.target:
                region = self.region(account, name)
                if service := region.services.get((cluster, fault.service)):
                    infra_faults.apply_if_due(fault, region, service, now, self.log_call)

    def _build(self, region: Region, now: float) -> None:
        for project in region.projects.values():
            active = [fault for fault in self.faults if fault.target == project.target]
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

    def _carry_out(self, region: Region, task: Task, now: float) -> None:
        site = self.site_of(region, task.cluster) if self.app_databases else None
        if site and self.app_databases:
            app_commands.carry_out(
                region, task, now, site, self.app_databases, partial(self.write_log, region, task, now)
            )

    def _log_one_off(self, region: Region, task: Task, now: float) -> None:
        overrides = task.overrides.get("containerOverrides", [])
        command = next(
            (override["command"] for override in overrides if override.get("command")), ["the default command"]
        )
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
        slowed = [fault.fields["milliseconds"] for fault in task.behaviour.faults if fault.kind == "slow_pages"]
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

    def start(self) -> None:
        """Start the background thread that keeps the world up to date."""
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
