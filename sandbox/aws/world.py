"""The world: regions, clock, faults, and the step that moves everything."""

import logging
import threading
from typing import Any

from moto.ecs.models import ecs_backends
from moto.logs.models import LogEvent, logs_backends

from sandbox.aws import lifecycle, scaling, scheduler, topology
from sandbox.aws.clock import Clock
from sandbox.aws.faults import Fault, shape
from sandbox.aws.model import INSTANCE_CPU, INSTANCE_MEMORY, Behaviour, Deployment, Region, Service, Task

STEP = 5.0  # simulated seconds; nothing moves through a state in less
TICK = 0.2  # real seconds between two looks of the background thread
log = logging.getLogger(__name__)


class World:
    """All accounts and regions. Every look and every call goes through `lock`."""

    def __init__(self, clock: Clock):
        self.clock = clock
        self.lock = threading.RLock()
        self.regions: dict[tuple[str, str], Region] = {}
        self.faults: list[Fault] = []
        self.target_names: dict[tuple[str, str, str], str] = {}  # (account, region, cluster) -> target
        self.timeline: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.problem = ""
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
        self._moved_to = self.clock.now()

    def catch_up(self) -> float:
        """Move the world to the present moment, in small steps; returns that moment."""
        with self.lock:
            now = self.clock.now()
            while self._moved_to < now:
                self._moved_to = min(now, self._moved_to + STEP)
                self._step(self._moved_to)
            return now

    def _step(self, now: float) -> None:
        for region in self.regions.values():
            for group in region.groups.values():
                scaling.advance(region, group, now)
            for task in list(region.tasks.values()):
                lifecycle.advance(region, task, now)
                self._advance_load(region, task, now)
            for service in list(region.services.values()):
                scheduler.reconcile(region, service, now, self.start_task)
                self._record(region, service, now)

    def _advance_load(self, region: Region, task: Task, now: float) -> None:
        service = region.services.get((task.cluster, task.service or ""))
        if not service or not service.data_uri or not task.alive:
            return
        if not topology.advance(
            region, service, task, now, lambda who, at, text: self.write_log(region, who, at, text)
        ):
            lifecycle.request_stop(
                region, task, now, "EssentialContainerExited", "Essential container in task exited", 137
            )
            lifecycle.finish(region, task, now)

    def _record(self, region: Region, service: Service, now: float) -> None:
        name = self.target_names.get((region.account, region.name, service.cluster))
        if name is None:
            return
        tasks = region.tasks_of(service)
        counts = {
            "healthy": sum(region.is_healthy(task) for task in tasks),
            "running": sum(task.status == "RUNNING" for task in tasks),
            "desired": service.desired,
        }
        points = self.timeline.setdefault((name, service.name), [])
        if not points or {key: points[-1][key] for key in counts} != counts:
            points.append({"at": now, **counts})

    def start_task(self, region: Region, service: Service, deployment: Deployment, now: float) -> Task | None:
        """Start one task of a service, or None if no instance has room for it."""
        definition = ecs_backends[region.account][region.name].describe_task_definition(deployment.definition)
        cpu, memory = int(definition.cpu or 256), int(definition.memory or 512)
        instance = None
        if service.launch_type == "EC2":
            instance = scheduler.place(region, service.cluster, cpu, memory, INSTANCE_CPU, INSTANCE_MEMORY)
            if instance is None:
                service.say(
                    now, "was unable to place a task because no container instance met all of its requirements."
                )
                return None
        name = self.target_names.get((region.account, region.name, service.cluster), "")
        boot = service.boot * region.random.uniform(0.9, 1.05)
        active = [each for each in self.faults if each.target == name and each.service == service.name]
        containers = [each["name"] for each in definition.container_definitions]
        port = next((lb["containerPort"] for lb in service.target_groups), 0)
        task = Task(
            arn=scheduler.task_arn(region, service.cluster),
            cluster=service.cluster,
            family=definition.family,
            definition=definition.arn,
            containers=containers,
            cpu=cpu,
            memory=memory,
            launch_type=service.launch_type,
            created=now,
            behaviour=shape(Behaviour(boot=boot), service, active),
            service=service.name,
            deployment=deployment.id,
            group=f"service:{service.name}",
            started_by=deployment.id,
            instance=instance,
            ip=None if instance else f"10.0.{region.random.randint(0, 255)}.{region.random.randint(4, 254)}",
            port=region.random.randint(32768, 60999) if instance else port,
        )
        region.tasks[task.arn] = task
        service.say(now, f"has started 1 tasks: (task {task.id}).")
        return task

    def write_log(self, region: Region, task: Task, at: float, text: str) -> None:
        """Write one CloudWatch log line of a task, stamped with simulated time."""
        service = region.services.get((task.cluster, task.service or ""))
        group_name = service.log_group if service else str(task.overrides.get("log_group", ""))
        groups = logs_backends[region.account][region.name].groups
        if group_name not in groups:
            return
        prefix = service.log_prefix if service else "ecs"
        stream = f"{prefix}/{task.containers[0]}/{task.id}"
        group = groups[group_name]
        if stream not in group.streams:
            group.create_log_stream(stream)
        # straight into the stream: moto refuses lines more than two hours ahead of the laptop's clock
        moment = int(at * 1000)
        group.streams[stream].events.append(LogEvent(moment, {"timestamp": moment, "message": text}))

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
            try:
                self.catch_up()
            except Exception as error:  # a standing world would look like a steady one: say so in /status
                log.exception("the world stopped moving")
                self.problem = f"the world stopped moving: {error!r}"
                return
