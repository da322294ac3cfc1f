"""The sandbox's folder, ports and speed, from the environment."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
REREAD = 120  # seconds: a round costs 4 s of a processor, more than anything else in an idle sandbox; a changed file is read at once
DEFAULT_PORTS = {"airflow": 8080, "aws": 4566, "control": 4567, "external_services": 4568, "postgres": 15432}
USES = {
    "airflow": "Airflow",
    "aws": "the pretend AWS",
    "control": "the world page",
    "external_services": "the pretend Slack, GitHub, Jira and Sentry",
    "postgres": "PostgreSQL",
}


@dataclass(frozen=True)
class Settings:
    """`speed` is simulated seconds per real second; `reread` real seconds until an unchanged runbook is read again.

    `host` is the name by which other processes reach the pretend services, and `database_host` the server of `region_config`.
    """

    folder: Path
    dags: Path
    speed: float
    ports: dict[str, int]
    reread: int = REREAD
    host: str = HOST
    database_host: str = HOST

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read SANDBOX_*. Raises: SandboxError."""
        ports = {name: _port(name, default) for name, default in DEFAULT_PORTS.items()}
        for name, port in ports.items():
            twins = [variable(other) for other, number in ports.items() if number == port]
            if len(twins) > 1:
                raise SandboxError(f"{' and '.join(twins)} are both {port}; give {USES[name]} a port of its own.")
        return cls(
            folder=Path(os.environ.get("SANDBOX_DIR") or ROOT / ".sandbox").resolve(),
            dags=Path(os.environ.get("SANDBOX_DAGS") or ROOT / "dags").resolve(),
            speed=_speed(os.environ.get("SANDBOX_SPEED") or "60"),
            ports=ports,
            reread=_reread(os.environ.get("SANDBOX_REREAD_SECONDS", "")),
        )

    def url(self, name: str) -> str:
        return f"http://{self.host}:{self.ports[name]}"

    @property
    def endpoints(self) -> Path:
        """Tells others where the sandbox is; exists only while all of it is ready."""
        return self.folder / "endpoints.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def check_ports_are_free(self) -> None:
        """Raises: SandboxError naming the taken port and the variable that moves it."""
        for name, port in self.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    raise SandboxError(
                        f"Port {port}, meant for {USES[name]}, cannot be used ({error.strerror}); "
                        f"set {variable(name)} to another one, such as {variable(name)}={port + 10000 if port < 50000 else port - 10000}."
                    ) from error


def variable(name: str) -> str:
    """Return the variable that moves a port."""
    return f"SANDBOX_{name.upper()}_PORT"


def _port(name: str, default: int) -> int:
    value = os.environ.get(variable(name)) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise SandboxError(f"{variable(name)} is {value!r}, which is no port; use a number from 1 to 65535.")
    return int(value)


def _reread(value: str) -> int:
    if value and not (value.isdecimal() and int(value) > 0):
        raise SandboxError(f"SANDBOX_REREAD_SECONDS is {value!r}; use a whole number of seconds, such as 30.")
    return int(value or REREAD)


def _speed(value: str) -> float:
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 3600:
        raise SandboxError(
            f"SANDBOX_SPEED is {value!r}; use simulated seconds per second, more than 0 and at most 3600."
        )
    return speed
