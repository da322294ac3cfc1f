"""A real Airflow on one machine: its processes, its database, and its readiness checks."""

import importlib.metadata
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from sandbox.credentials import Credentials, write_private
from sandbox.errors import SandboxError
from sandbox.settings import ROOT, Settings
from sandbox.stack import processes
from sandbox.stack.polling import our_own, wait_for
from sandbox.stack.postgres import Postgres
from sandbox.stack.processes import Child

# The log servers of scheduler and triggerer listen on all of the machine's addresses, which no setting changes. Here the
# API server finds every log in a folder, so they are left out.
COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# these end what hangs; what dies is named at once, and a busy machine is no error
START_DEADLINE = 600.0  # seconds for a component to report in
PARSE_DEADLINE = 600.0  # seconds for every runbook's file to be read once
LOOK_EVERY = (
    0.5  # seconds; five waits side by side, each with a request that takes processor time from what is starting
)
ENDED_WITH_ITS_WORLD = "The sandbox was stopped, and this run's pretend world went with it."


def has_tables(settings: Settings) -> bool:
    """Tell whether an earlier sandbox of this folder made the tables of this Airflow's version."""
    done = _migrated(settings)
    return done.exists() and done.read_text() == _version()


def _migrated(settings: Settings) -> Path:
    return settings.folder / "migrated"


def _version() -> str:
    return importlib.metadata.version("apache-airflow-core")


class Airflow:
    """Airflow's four processes and what they need before they start."""

    def __init__(self, settings: Settings, credentials: Credentials, variables: Mapping[str, str]):
        self.settings = settings
        self.credentials = credentials
        self.variables = dict(variables)
        self.home = settings.folder / "airflow"
        self.started: datetime | None = None

    def lay_out(self) -> None:
        """Make the folders and files Airflow expects."""
        self.home.mkdir(exist_ok=True)
        config = self.home / "config"
        if config.is_symlink() or not config.exists():
            config.unlink(missing_ok=True)
            config.symlink_to(ROOT / "config")
        write_private(self.settings.folder / "passwords.json", json.dumps(self.credentials.passwords))

    async def migrate(self, fresh: bool) -> bool:
        """Bring the database's tables to this Airflow's version. Return whether there was anything to do."""
        done, wanted = _migrated(self.settings), _version()
        if not fresh and has_tables(self.settings):
            return False
        done.unlink(missing_ok=True)
        child = await self._start("migration", ("db", "migrate"))
        try:
            if await child.process.wait():
                raise SandboxError(
                    f"Airflow could not migrate its database; remove {self.settings.folder} and start again.\n{child.tail()}"
                )
        finally:
            await child.end()
        done.write_text(wanted)
        return True

    async def start(self, component: str, *, again: bool = False) -> Child:
        self.started = self.started or datetime.now(UTC)
        return await self._start(component, COMPONENTS[component], again=again)

    async def _start(self, name: str, arguments: tuple[str, ...], *, again: bool = False) -> Child:
        return await processes.start(
            name,
            [sys.executable, "-m", "airflow", *arguments],
            log=self.settings.logs / f"{name}.log",
            cwd=self.settings.folder,
            environment=self.variables,
            again=again,
        )

    async def await_component(self, component: str) -> None:
        """Wait until a component answers, or reports a heartbeat younger than its start.

        The API server builds what tasks call only when the first one does, for seconds: it is asked here.
        """

        async def look() -> bool:
            health = await self._get("/api/v2/monitor/health")
            if health is None:
                return False
            if component == "api-server":
                return await self._get("/execution/health/ping") is not None
            report = health.get(component.replace("-", "_")) or {}
            beat = report.get(f"latest_{component.replace('-', '_')}_heartbeat")
            return report.get("status") == "healthy" and self._since_start(beat)

        await wait_for(f"Airflow's {component}", look, START_DEADLINE, every=LOOK_EVERY)

    async def await_runbooks(self) -> list[str]:
        """Wait until every runbook's file has been read. Return what is wrong with those that cannot be."""
        files = {file for file in self.settings.dags.rglob("*.py") if _holds_a_dag(file)}
        if not files:
            return []
        token = await self._token()
        errors: dict[str, str] = {}
        missing = set(files)

        async def look() -> bool:
            dags = await self._get("/api/v2/dags?limit=200", token)
            broken = await self._get("/api/v2/importErrors?limit=100", token)
            if dags is None or broken is None:
                return False
            read = {Path(dag["fileloc"]) for dag in dags["dags"] if self._since_start(dag["last_parsed_time"])}
            errors.clear()
            errors.update(
                {
                    Path(error["filename"]).name: error["stack_trace"].strip().splitlines()[-1]
                    for error in broken["import_errors"]
                    if self._since_start(error["timestamp"])
                }
            )
            missing.intersection_update({file for file in files - read if file.name not in errors})
            return not missing

        try:
            await wait_for("the runbooks to be read", look, PARSE_DEADLINE, every=LOOK_EVERY)
        except SandboxError:
            errors.update({file.name: f"not read within {PARSE_DEADLINE:.0f} s" for file in missing})
        return [f"{name}: {problem}" for name, problem in sorted(errors.items())]

    def _since_start(self, at: str | None) -> bool:
        return at is not None and self.started is not None and datetime.fromisoformat(at) >= self.started

    async def _token(self) -> str:
        login = {"username": "admin", "password": self.credentials.passwords["admin"]}
        async with our_own(timeout=20) as client:
            answer = await client.post(f"{self.settings.url('airflow')}/auth/token", json=login)
        if answer.status_code >= 400:
            raise SandboxError(f"Airflow refuses the login of admin ({answer.status_code}): {answer.text[:200]}")
        return str(answer.json()["access_token"])

    async def _get(self, path: str, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with our_own(timeout=20) as client:
                answer = await client.get(self.settings.url("airflow") + path, headers=headers)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None


def end_runs_of_earlier_worlds(postgres: Postgres) -> int:
    """Fail the runs that were under way when the sandbox last stopped: the world they worked on is gone.

    Without this a run would go on in a new world, and an approval given yesterday would be carried out today.
    """
    with postgres.connect() as connection, connection.transaction():
        runs = connection.execute("SELECT id FROM dag_run WHERE state IN ('running', 'queued')").fetchall()
        if not runs:
            return 0
        ids = [run[0] for run in runs]
        connection.execute(
            "UPDATE task_instance SET state = CASE WHEN task_instance.start_date IS NULL THEN 'upstream_failed' ELSE 'failed' END,"
            " end_date = now(), trigger_id = NULL FROM dag_run WHERE dag_run.id = ANY(%s)"
            " AND dag_run.dag_id = task_instance.dag_id AND dag_run.run_id = task_instance.run_id"
            " AND (task_instance.state IS NULL OR task_instance.state NOT IN"
            " ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))",
            [ids],
        )
        connection.execute("UPDATE dag_run SET state = 'failed', end_date = now() WHERE id = ANY(%s)", [ids])
        connection.execute(
            "INSERT INTO dag_run_note (dag_run_id, content, created_at, updated_at)"
            " SELECT id, %s, now(), now() FROM dag_run WHERE id = ANY(%s) ON CONFLICT DO NOTHING",
            [ENDED_WITH_ITS_WORLD, ids],
        )
    return len(ids)


def _holds_a_dag(file: Path) -> bool:
    # Airflow's own rule for which files to read
    text = file.read_text(encoding="utf-8", errors="replace").lower()
    return "dag" in text and "airflow" in text
