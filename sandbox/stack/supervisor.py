"""The supervisor: starts the processes, watches them, restarts one that dies, and ends all of them together."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx

from include.errors import RunbookError
from include.inventory import Inventory, inventory_folder, load
from sandbox.app_databases import AppDatabases
from sandbox.credentials import Credentials, role_of, write_private
from sandbox.databases import Databases
from sandbox.errors import SandboxError
from sandbox.settings import Settings
from sandbox.stack import airflow_processes, environment, process_registry, processes
from sandbox.stack.airflow_processes import Airflow
from sandbox.stack.console import Screen
from sandbox.stack.polling import our_own, wait_for
from sandbox.stack.postgres import Postgres
from sandbox.stack.processes import Child
from sandbox.stack.restart_limit import WITHIN, RestartLimit, describe

ENDED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORLD_DEADLINE = 600.0  # seconds for the pretend AWS to build its world; on a busy machine it takes minutes
FIRST_START = (
    "Starting. The first start makes Airflow's database and takes two minutes on two processors; later ones take one."
)
LATER_START = "Starting, which takes a minute on two processors."
Restart = Callable[[], Awaitable[Child]]


class ProcessDiedError(SandboxError):
    """A process of the tree ended by itself."""


class Supervisor:
    """Runs one sandbox from start to end."""

    def __init__(self, settings: Settings, screen: Screen, inventory: Inventory):
        self.settings = settings
        self.screen = screen
        self.inventory = inventory
        approvers = [name for target in inventory.targets.values() for name in target.environment.approval.approvers]
        self.credentials = Credentials.of(settings.folder, approvers)
        self._databases = Databases.of(settings, self.credentials)
        self.children: list[Child] = []
        self.stopping = asyncio.Event()
        self._postgres: Postgres | None = None
        self._watches: list[asyncio.Task[None]] = []
        self._ready = False
        self._deaths = RestartLimit()
        self._starting = asyncio.Lock()  # held while a process is started again: the end waits for it, and ends it too
        self._died: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Start everything, stay until asked to stop, end everything. Raises: SandboxError."""
        loop = asyncio.get_running_loop()
        for sign in ENDED_BY:
            loop.add_signal_handler(sign, self.stopping.set)
        try:
            await self._unless_stopped(self._start())
            if not self.stopping.is_set():
                self._announce()
                await self._unless_stopped(self._for_ever())
        finally:
            await self._end()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it is done, we are told to stop, or a process dies. Raises: SandboxError."""
        working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self.stopping.wait())
        ends: set[asyncio.Future[Any]] = {working, stopped, self._died}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._died, working):  # a death explains why the work failed, so it comes first
                if ended.done():
                    ended.result()
        finally:
            working.cancel()
            stopped.cancel()
            await asyncio.wait({working, stopped})

    async def _for_ever(self) -> None:
        await asyncio.Event().wait()

    async def _start(self) -> None:
        self.screen.say(LATER_START if airflow_processes.has_tables(self.settings) else FIRST_START)
        async with self.screen.telling_what_is_awaited(), asyncio.TaskGroup() as together:
            together.create_task(self._start_world())
            together.create_task(self._start_airflow())

    async def _start_world(self) -> None:
        self.screen.awaits("pretend AWS")
        ports = self.settings.ports
        command = [sys.executable, "-m", "sandbox.aws", "--aws-port", str(ports["aws"])]
        command += [
            "--control-port",
            str(ports["control"]),
            "--external-services-port",
            str(ports["external_services"]),
        ]
        command += ["--speed", f"{self.settings.speed:g}"]
        self._keep(
            await processes.start(
                "aws",
                command,
                log=self.settings.logs / "aws.log",
                cwd=self.settings.folder,
                environment=environment.base() | self._databases.variables(),
            )
        )

        async def look() -> bool:
            try:
                async with our_own(timeout=5) as client:
                    answer = await client.get(f"{self.settings.url('control')}/status")
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and bool(answer.json().get("ok"))

        await wait_for("the pretend AWS to build its world", look, WORLD_DEADLINE, every=0.5)
        counts = ((len(self.inventory.targets), "target"), (len(self.inventory.systems), "system"))
        self.screen.up("pretend AWS", " of ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts))

    def _begin_anew(self) -> None:
        self._databases.begin_anew(self.inventory)
        AppDatabases(self._databases).begin_anew(self.inventory)

    async def _start_airflow(self) -> None:
        self.screen.awaits("PostgreSQL")
        postgres = self._postgres = Postgres.of(self.settings, self.credentials)
        fresh = await postgres.prepare()
        self._keep(await postgres.start(), lambda: postgres.start(again=True))
        await postgres.await_ready()
        self.screen.up("PostgreSQL", "new database" if fresh else "")
        filling = asyncio.create_task(asyncio.to_thread(self._begin_anew))
        variables = environment.airflow(self.settings, self.credentials, self.inventory, postgres.url())
        airflow = Airflow(self.settings, self.credentials, variables)
        airflow.lay_out()
        self.screen.awaits("Airflow's tables")
        if await airflow.migrate(fresh):
            self.screen.up("Airflow's tables")
        elif ended := airflow_processes.end_runs_of_earlier_worlds(postgres):
            self.screen.say(f"  {ended} unfinished run(s) of the last sandbox were ended: their world is gone.")
        self.screen.arrived("Airflow's tables")
        await filling  # the world is a new one, and so is what its services keep
        self.screen.awaits("runbooks read")
        async with asyncio.TaskGroup() as together:
            for component in airflow_processes.COMPONENTS:
                together.create_task(self._start_component(airflow, component))
        for problem in await airflow.await_runbooks():
            self.screen.warn(f"This runbook cannot be used: {problem}")
        self.screen.up("runbooks read")

    async def _start_component(self, airflow: Airflow, component: str) -> None:
        self.screen.awaits(f"Airflow {component}")
        self._keep(await airflow.start(component), lambda: airflow.start(component, again=True))
        await airflow.await_component(component)
        self.screen.up(f"Airflow {component}")

    def _keep(self, child: Child, start_again: Restart | None = None) -> None:
        self.children = [each for each in self.children if each.name != child.name] + [child]
        process_registry.note(self.settings.folder, self.children)
        if self._ready:
            self._tell()
        self._watches.append(asyncio.ensure_future(self._watch(child, start_again)))

    async def _watch(self, child: Child, start_again: Restart | None) -> None:
        """Wait for a process to die, and start it again or end everything."""
        try:
            how = describe(await child.process.wait())
            if start_again and self._ready:
                if self._deaths.note(child.name):
                    self.screen.warn(f"{child.name} {how}; it is started again, as a process manager would.")
                    await self._replace(child, start_again)
                    return
                how += f", too often within {WITHIN:.0f} s to start it again"
            text = f"{child.name} {how}; the end of {child.log}:\n{child.tail()}\nEverything is stopped."
            raise ProcessDiedError(text)
        except Exception as error:  # nobody awaits a watch: whoever waits for a death has to learn of it
            if not self._died.done():
                self._died.set_exception(error)

    async def _replace(self, child: Child, start_again: Restart) -> None:
        # What a killed scheduler had started runs on without it: workers, and tasks that would work beside their own retry.
        # A container or a service unit that is started anew takes such a rest down with it, and so do we.
        await child.end()
        if child.name != "postgres" and self._postgres:
            await self._postgres.await_ready()  # without it Airflow would only die again
        async with self._starting:
            if not self._died.done() and not self.stopping.is_set():
                self._keep(await start_again(), start_again)

    def _announce(self) -> None:
        self._ready = True
        self._tell()
        self.screen.ready(self.settings, self.credentials)

    def _tell(self) -> None:
        users = {user: {"password": word, "role": role_of(user)} for user, word in self.credentials.passwords.items()}
        told: dict[str, Any] = {
            name: self.settings.url(name) for name in ("airflow", "aws", "control", "external_services")
        }
        told["postgres"] = f"postgresql://{self._postgres.server}" if self._postgres else None
        told |= {"inventory": str(inventory_folder()), "dags": str(self.settings.dags)}
        told |= {"users": users, "pid": os.getpid(), "processes": {child.name: child.pid for child in self.children}}
        write_private(self.settings.endpoints, json.dumps(told, indent=2))

    async def _end(self) -> None:
        self.stopping.set()
        async with self._starting:
            self._ready = False
        self.settings.endpoints.unlink(missing_ok=True)
        for watch in self._watches:
            watch.cancel()
        if self._died.done():
            self._died.exception()  # seen
        if self.children:
            self.screen.say("Stopping ...")
        # whoever uses another ends before it: Airflow's engines, then what they call, then the database
        for names in (("scheduler", "dag-processor", "triggerer"), ("api-server", "aws"), ("postgres",)):
            await asyncio.gather(*(child.end() for child in self.children if child.name in names))
        if self._postgres:
            self._postgres.give_back()
        process_registry.forget(self.settings.folder)


async def run(screen: Screen) -> int:
    """Run a sandbox as the environment says. Return the exit code."""
    try:
        settings = Settings.from_environment()
        inventory = load()
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        settings.logs.mkdir(exist_ok=True, mode=0o700)
        with process_registry.only_one(settings.folder):
            settings.endpoints.unlink(missing_ok=True)
            if ended := process_registry.end_leftover_processes(settings.folder):
                screen.say(f"Ended what the last sandbox left behind: {', '.join(ended)}.")
            settings.check_ports_are_free()
            await Supervisor(settings, screen, inventory).run()
    except (SandboxError, RunbookError) as problem:
        screen.fail(str(problem))
        return 1
    except BaseExceptionGroup as several:  # what was started side by side fails as a group
        known, unknown = several.split((SandboxError, RunbookError))
        if unknown or not known:
            raise
        screen.fail(str(_first(known)))
        return 1
    screen.say("Stopped; nothing is left running.")
    return 0


def _first(problem: BaseException) -> BaseException:
    return _first(problem.exceptions[0]) if isinstance(problem, BaseExceptionGroup) else problem
