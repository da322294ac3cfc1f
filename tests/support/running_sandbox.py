"""One sandbox for all journeys and the browser: started as a user would start it, reset before each test, and stopped."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.history import check_history, world
from tests.support.sandbox_client import Sandbox, wait_for

ROOT = Path(__file__).resolve().parents[2]
RUNNING = pytest.StashKey[ExitStack]()
WITH_AIRFLOW = (
    "tests/browser/",
    "tests/compose/test_fleet.py",
    "tests/compose/test_fleet_without_patches.py",
    "tests/compose/test_start.py",
    "tests/journey/",
    "tests/sandbox/stack/test_tree.py",
)
# below the range that Linux uses for outgoing connections and for requests of any free port
FIXED = range(20_000, 32_000)
START_DEADLINE = 240.0  # seconds without a log line; a cold start initialises PostgreSQL and Airflow's tables
END_DEADLINE = 300.0  # seconds; it takes about five on an idle machine


def free_ports(count: int) -> list[int]:
    """Return free ports outside the range from which connections get theirs, since a server may start slowly."""
    found: list[int] = []
    for port in random.sample(FIXED, len(FIXED)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"fewer than {count} of the ports {FIXED} are free")


def log_of(folder: Path) -> Path:
    """Return the log of the sandbox of this folder."""
    return folder.parent / f"{folder.name}.log"


def start_sandbox(folder: Path, speed: int, **variables: str) -> Iterator[Sandbox]:
    """Start a sandbox on free ports; yields it once it is ready, and ends it."""
    names = ("AIRFLOW", "AWS", "CONTROL", "EXTERNAL_SERVICES", "POSTGRES")
    ports = {f"SANDBOX_{name}_PORT": str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    # a changed file is read at once all the same; reading all files every half minute costs a sixth of a processor
    pace = {"SANDBOX_SPEED": str(speed), "SANDBOX_REREAD_SECONDS": "3600"}
    environment = {**os.environ, **ports, "SANDBOX_DIR": str(folder), **pace, **variables}
    for name in [name for name in environment if name.startswith("AIRFLOW")]:
        del environment[name]  # the tests' own settings are not the sandbox's
    log = log_of(folder)
    endpoints, expected = folder / "endpoints.json", 0
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "sandbox"], cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            wait_for(
                "the sandbox to be ready",
                lambda: endpoints.exists() or process.poll() is not None,
                deadline=START_DEADLINE,
                progress=lambda: log.stat().st_size,
            )
            assert process.poll() is None, log.read_text()[-3000:]
            started = Sandbox(endpoints)
            yield started
            expected = started.exit_code
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=END_DEADLINE) == expected, log.read_text()[-3000:]


@pytest.fixture(scope="session")
def running_sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with ExitStack() as running:
        request.session.stash[RUNNING] = running
        starting = contextmanager(start_sandbox)
        yield running.enter_context(starting(tmp_path_factory.mktemp("sandbox") / "state", speed=180))


def needs(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


def put_in_order(items: list[pytest.Item]) -> None:
    """Order the tests that share a sandbox next to each other and last, so that two sandboxes never run at the same time."""
    items.sort(
        key=lambda item: tuple(needs(item, each) for each in ("side_by_side", "running_sandbox", "doomed_sandbox"))
    )
    for item in items:
        if needs(item, "running_sandbox") and not item.nodeid.startswith(WITH_AIRFLOW):
            raise pytest.UsageError(f"{item.nodeid} needs an Airflow; name its folder in WITH_AIRFLOW of {__file__}.")


class OneAirflow(LoadScopeScheduling):  # type: ignore[misc] # xdist has no annotations
    """Deals out files of tests to processes, but all that start an Airflow to the same: two at once are too much for two processors."""

    def _split_scope(self, nodeid: str) -> str:
        return "airflow" if nodeid.startswith(WITH_AIRFLOW) else str(super()._split_scope(nodeid))


def end_after_last(item: pytest.Item, following: pytest.Item | None) -> None:
    """End the session's sandbox with the last test that needs it: an idle sandbox would slow down the others."""
    running = item.session.stash.get(RUNNING, None)
    if running and (following is None or not needs(following, "running_sandbox")):
        running.close()


@pytest.fixture
def doomed_sandbox(running_sandbox: Sandbox) -> Sandbox:
    """Return the sandbox for the last test that uses it, which ends it."""
    return running_sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    running_sandbox.reset()
    before = world(running_sandbox)
    yield running_sandbox
    check_history(running_sandbox, before)
