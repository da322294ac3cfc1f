"""A thousand waits in one process: by the shared poller of the triggerer, and each looking for itself.

Real boto3 clients, over HTTP, at the pace of production, against a server that keeps ECS's request rates. Airflow itself is
left out. `measure` starts a process and a server for each of the two ways; they run at the same time.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.rows import Row, spread

ROOT = Path(__file__).resolve().parents[1]
TITLE = "1,000 waits of one account and region"
COLUMNS = ("what", "shared poller", "target", "each for itself")
TARGET = "core/staging"  # only its connection counts: the services are the server's
CONNECTION = "AIRFLOW_CONN_AWS_CORE_STAGING"
WAITS = int(os.environ.get("WAITS") or 1000)
POLL = 15.0  # seconds, as in production
QUIET = 60.0  # seconds in which nothing changes
CHANGES = 100  # services that change while others wait,
CHANGING = 120.0  # evenly over so many seconds: more than a thousand restarts of 25 minutes would
THREADS = 64  # for those that look for themselves, so that it is AWS that limits them
FIRST_LOOKS = 1200.0  # seconds until all waits have been looked at once
LATE = 180.0  # seconds to report what has changed


class Watched:
    """What became of the waits: when each was first answered, and when it reported that it was over."""

    def __init__(self, server: str):
        self.server = httpx.AsyncClient(base_url=server)
        self.answered: set[str] = set()
        self.over: dict[str, float] = {}

    async def counts(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many calls of each action the server got, and how many it refused."""
        counts = (await self.server.get("/counts")).json()
        return Counter(counts["calls"]), Counter(counts["throttled"])

    async def change(self, name: str) -> float:
        """Let a service reach its state. Return when."""
        at = time.monotonic()
        (await self.server.post("/change", json={"services": [name]})).raise_for_status()
        return at


async def share(name: str, watched: Watched) -> None:
    """Wait as the trigger does."""
    from opskit.waits.shared_poller import poller_of

    async for look in poller_of(TARGET, POLL).watch(TARGET, "settled", arguments(name)):
        if look.status != "missed":
            watched.answered.add(name)
        if look.over:
            assert look.status == "done", look.text
            watched.over[name] = time.monotonic()
            return


async def look_alone(name: str, watched: Watched) -> None:
    """Wait as a script would: describe the one service again and again. One client for all, which flatters it."""
    from botocore.exceptions import ClientError

    from include.aws import ecs
    from opskit.connections.aws import clients_for_waits

    await asyncio.sleep(random.uniform(0, POLL))  # noqa: S311  # in step, the same ones would be refused every time
    if not _alone:
        _alone.append((await clients_for_waits(TARGET, lambda: None)).ecs)
    while True:
        due = time.monotonic() + POLL * random.uniform(0.8, 1.2)  # noqa: S311  # likewise
        try:
            service = await asyncio.to_thread(ecs.describe_service, _alone[0], "benchmark", name)
            watched.answered.add(name)
            if service.running == service.desired:
                watched.over[name] = time.monotonic()
                return
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
        await asyncio.sleep(due - time.monotonic())


_alone: list[Any] = []
WAYS: dict[str, Callable[[str, Watched], Any]] = {"alone": look_alone, "shared": share}  # in the order they end in


def arguments(name: str) -> dict[str, Any]:
    """Return what a wait for a service's count is stored with."""
    from include.restart.plan import ServiceRestart

    plan = ServiceRestart(
        kind="surge",
        cluster="benchmark",
        service=name,
        task_definition=f"{name}:1",
        count=2,
        count_during=4,
        old_tasks=(),
        log_group="benchmark",
        loads=None,
        boot_seconds=360,
        timeout_seconds=3600,
    )
    return {"plan": plan.model_dump(mode="json"), "since": datetime.now(UTC).isoformat()}


async def play(way: str, server: str) -> dict[str, Any]:
    """Begin all waits, let them be quiet, then let some come to their end. Return the figures."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    watched, process = Watched(server), psutil.Process()
    names = [f"service-{number:04}" for number in range(WAITS)]
    tasks = [asyncio.create_task(WAYS[way](names[0], watched))]
    await _until(lambda: bool(watched.answered), tasks, FIRST_LOOKS)  # the client is there: the rest is the waits'
    memory, began = process.memory_info().rss, time.monotonic()
    tasks += [asyncio.create_task(WAYS[way](name, watched)) for name in names[1:]]
    await _until(lambda: len(watched.answered) == WAITS, tasks, FIRST_LOOKS)
    first = time.monotonic() - began

    quiet_from, quiet_at = await watched.counts(), time.monotonic()
    await asyncio.sleep(QUIET)
    quiet_to, quiet = await watched.counts(), time.monotonic() - quiet_at
    changed: dict[str, float] = {}
    for name in names[:: max(1, WAITS // CHANGES)][:CHANGES]:
        changed[name] = await watched.change(name)
        await asyncio.sleep(CHANGING / CHANGES)
    await _until(lambda: len(watched.over) == len(changed), tasks, LATE)
    busy_to, busy = await watched.counts(), time.monotonic() - quiet_at - quiet
    peak = process.memory_info().rss
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    defects = [each for each in ended if isinstance(each, Exception)]
    assert not defects, defects[0]
    return {
        "first": first,
        "quiet": (quiet_to[0] - quiet_from[0]).total() / quiet * 60,
        "looks": (quiet_to[0] - quiet_from[0])["DescribeTasks"] / quiet * 60,
        "busy": (busy_to[0] - quiet_to[0]).total() / busy * 60,
        "throttled": busy_to[1].total(),
        "throttled_quiet": (quiet_to[1] - quiet_from[1]).total() / quiet * 60,
        "bytes_a_wait": (peak - memory) / max(1, WAITS - 1),
        "detected": [at - changed[name] for name, at in watched.over.items()],
        "missing": len(changed) - len(watched.over),
    }


async def _until(met: Callable[[], bool], tasks: list[asyncio.Task[None]], deadline: float) -> None:
    """Wait for a condition, or until the deadline; a wait that fails ends the benchmark."""
    end = time.monotonic() + deadline
    while not met() and time.monotonic() < end:
        for task in tasks:
            if task.done() and (error := task.exception()):
                raise error
        await asyncio.sleep(0.1)


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.ecs_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def run_ways() -> dict[str, dict[str, Any]]:
    """Return the figures of both ways, each from a process and a server of its own."""
    with ExitStack() as stack:
        started = {}
        for way in WAYS:
            server = stack.enter_context(_server())
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))
            extra = {"region_name": "us-east-1", "endpoint_url": server}
            connection = {"conn_type": "aws", "login": "x", "password": "x", "extra": extra}
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
                "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
                "AIRFLOW_HOME": home,
                CONNECTION: json.dumps(connection),
                "NO_PROXY": "127.0.0.1",
            }
            command = [sys.executable, "-m", "benchmarks.waits", way, server]
            started[way] = stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603
            )
            stack.callback(started[way].kill)  # of no effect on one that has ended
        figures = {}
        for way, process in started.items():
            out, _ = process.communicate()
            assert process.returncode == 0, f"the waits by the way {way!r} ended with {process.returncode}"
            figures[way] = json.loads(out.splitlines()[-1])
        return figures


def measure() -> list[Row]:
    """Return the figures of the shared poller, held against those of waits that look for themselves."""
    figures = run_ways()
    ours, alone = figures["shared"], figures["alone"]

    def row(what: str, target: str, say: Callable[[dict[str, Any]], str]) -> Row:
        return Row(what, say(ours), target, say(alone))

    ratio = alone["quiet"] / ours["quiet"]
    return [
        row("calls a minute while nothing changes", "<= 400", lambda each: f"{each['quiet']:.0f}"),
        Row("calls of each for itself, to those of the shared poller", f"{ratio:.1f} to 1"),
        row("  thorough looks (tasks, targets) among them", "", lambda each: f"{each['looks']:.0f}"),
        row(f"calls a minute while {CHANGES / CHANGING * 60:.0f} a minute end", "", lambda each: f"{each['busy']:.0f}"),
        row("throttled a minute while nothing changes", "0", lambda each: f"{each['throttled_quiet']:.0f}"),
        row("throttled in all", "0", lambda each: f"{each['throttled']}"),
        row("memory a wait", "<= 100 KB", lambda each: f"{each['bytes_a_wait'] / 1000:.0f} KB"),
        row("change until it is reported", f"<= {POLL + 3:.0f} s", lambda each: spread(each["detected"])),
        row(f"changes not reported within {LATE:.0f} s", "0", lambda each: f"{each['missing']} of {CHANGES}"),
        row("all begun at once: until each was answered once", "", lambda each: f"{each['first']:.0f} s"),
    ]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(*sys.argv[1:3]))))  # noqa: T201  # who started it reads it
