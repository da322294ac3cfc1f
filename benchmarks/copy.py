"""A copy of a region's data inside S3 beside the clients people use for it: `make bench ONLY=copy`.

First inside SeaweedFS, which copies every byte; then a pretend S3 that takes 60 ms for every answer and lets 3,500 copies a second
through, as Amazon says S3 does. Every client is a process of its own, timed from its start to its end.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import seaweedfs
from benchmarks.rows import Row

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".cache" / "peers"
BUCKET = "bench"
SMALL, SMALL_BYTES = 5_000, 20_000
BIG, BIG_BYTES = 8, 64 * 1024**2
LATENCY, RATE = 0.06, 3_500.0
BURST = RATE * 0.2  # what the pretend S3 lets through at once
BOUND = 1 * LATENCY + (SMALL - BURST) / RATE + LATENCY  # one list, then as fast as S3 takes it
LONGEST = 120.0  # seconds one client may take
OURS, AWS = "ours", "aws s3 cp --recursive"
TITLE = "Copy of a folder inside S3"
COLUMNS = ("set and client", "measured", "target", "time, ours = 1")
# A client's memory counts from that of the process that starts it, so a small one does
LAUNCHER = """
import json, os, signal, sys, time
began = time.monotonic()
child = os.fork()
if not child:
    os.dup2(2, 1)
    os.execvp(sys.argv[2], sys.argv[2:])
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
_, status, used = os.wait4(child, 0)
figures = [time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status)]
print(json.dumps(figures))
"""
Command = Callable[[str, str, str], list[str]]  # URL, source, destination -> what to run


@dataclass(frozen=True)
class Timing:
    """One copy by one client: seconds from start to end and of the processor, and the most memory it held.

    `alone` is the seconds without the start of Python and boto3, for ours: a step of a run has both loaded.
    """

    seconds: float
    processor: float
    megabytes: float
    alone: float = 0.0


@dataclass(frozen=True)
class Set:
    """So many objects of a size, and what is promised for them."""

    name: str
    objects: int
    size: int
    target: str


def ours(order: str) -> Command:
    def command(url: str, source: str, destination: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.copy", url, source, destination, order]

    return command


def aws(url: str, source: str, destination: str) -> list[str]:
    return [str(PEERS / "bin" / "aws"), "--endpoint-url", url, "s3", "cp", "--recursive", "--only-show-errors",
            f"s3://{BUCKET}/{source}", f"s3://{BUCKET}/{destination}"]  # fmt: skip


def s5cmd(workers: int) -> Command:
    def command(url: str, source: str, destination: str) -> list[str]:
        binary = next(PEERS.glob("lib/python*/site-packages/s5cmd/**/s5cmd"))  # not the script that starts it
        return [str(binary), "--endpoint-url", url, "--numworkers", str(workers), "--log", "error", "cp",
                f"s3://{BUCKET}/{source}*", f"s3://{BUCKET}/{destination}"]  # fmt: skip

    return command


def rclone(transfers: int) -> Command:
    def command(url: str, source: str, destination: str) -> list[str]:
        remote = f":s3,provider=Other,env_auth,force_path_style,endpoint='{url}':{BUCKET}"
        return [str(PEERS / "bin" / "rclone"), "copy", "--no-traverse", f"--transfers={transfers}", f"--checkers={transfers}",
                "--s3-no-check-bucket", "--s3-list-version=2", "--config=", f"{remote}/{source}", f"{remote}/{destination}"]  # fmt: skip

    return command


def install_peers() -> None:
    """Install the other clients, once."""
    wanted, have = ROOT / "benchmarks" / "peers.txt", PEERS / "peers.txt"
    if have.exists() and have.read_text() == wanted.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)  # noqa: S603  # our own
    pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(wanted)], check=True)  # noqa: S603  # our own
    have.write_text(wanted.read_text())


def time_one(command: list[str]) -> Timing:
    """Run a client to its end. Raises: RuntimeError if it fails, or takes too long."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": seaweedfs.ACCESS,
        "AWS_SECRET_ACCESS_KEY": seaweedfs.SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": str(ROOT),
    }
    with TemporaryDirectory() as home, Path(home, "log").open("w+b") as log:
        launched = [sys.executable, "-S", "-c", LAUNCHER, str(LONGEST), *command]
        done = subprocess.run(  # noqa: S603  # our own
            launched, env={**environment, "HOME": home}, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, check=True
        )
        log.seek(0)
        said = log.read().decode(errors="replace")[-1000:]
        took, processor, kilobytes, code = json.loads(done.stdout)
        if code:
            raise RuntimeError(f"{' '.join(command[:3])} failed with {code}: {said}")
    alone = re.search(r"in ([\d.]+) s", said) if "benchmarks.copy" in command else None
    return Timing(took, processor, kilobytes / 1024, float(alone[1]) if alone else 0)


def race(
    url: str, source: str, clients: dict[str, tuple[Command, int]], check: Callable[[str], None]
) -> dict[str, Timing]:
    """Let each client copy the source to folders of its own, in turn; the medians of its rounds."""
    timings: dict[str, list[Timing]] = {name: [] for name in clients}
    for number in range(max(rounds for _, rounds in clients.values())):
        for place, (name, (command, rounds)) in enumerate(clients.items()):
            if number < rounds:
                destination = f"copy-{source.strip('/')}-{place}-{number}/"
                timings[name].append(time_one(command(url, source, destination)))
                check(destination)
    return {
        name: Timing(
            *(
                median(getattr(each, field) for each in found)
                for field in ("seconds", "processor", "megabytes", "alone")
            )
        )
        for name, found in timings.items()
    }


def rows(chosen: Set, timings: dict[str, Timing]) -> list[Row]:
    """Say what was measured."""
    base = timings[OURS].seconds
    return [
        Row(
            f"{chosen.name}: {name}",
            f"{each.seconds:.2f} s{copying(each)}, {chosen.objects / each.seconds:,.0f} objects/s, "
            f"{chosen.objects * chosen.size / each.seconds / 1e6:,.0f} MB/s, {each.megabytes:.0f} MB memory, "
            f"{each.processor / chosen.objects * 1000:.2f} ms processor each",
            chosen.target if name == OURS else "",
            f"{each.seconds / base:.2f}",
        )
        for name, each in timings.items()
    ]


def copying(timing: Timing) -> str:
    return f" ({timing.alone:.2f} of them copying)" if timing.alone else ""


def fill(url: str, prefix: str, objects: int, size: int) -> None:
    """Put random objects into a folder."""
    s3, body = seaweedfs.client(url), os.urandom(size)
    with ThreadPoolExecutor(8 if size < 1_000_000 else 1) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=BUCKET, Key=f"{prefix}{n:06d}.json", Body=body), range(objects)))


def inside_seaweedfs(rounds: int) -> Iterator[Row]:
    small = Set(
        f"{SMALL:,} x 20 KB", SMALL, SMALL_BYTES, ">= s5cmd, <= 1.3 x the fastest, aws >= 4; <= 64 MB, <= 0.1 ms"
    )
    big = Set(f"{BIG} x 64 MB", BIG, BIG_BYTES, "not slower than the fastest but for noise")
    with seaweedfs.serve(BUCKET) as url:
        for chosen, prefix in ((small, "small/"), (big, "big/")):
            fill(url, prefix, chosen.objects, chosen.size)

            def check(destination: str, chosen: Set = chosen) -> None:
                pages = (
                    seaweedfs.client(url).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=destination)
                )
                sizes = [each["Size"] for page in pages for each in page.get("Contents", [])]
                assert sizes == [chosen.size] * chosen.objects, f"{destination} holds {len(sizes):,} objects"

            clients = {
                OURS: (ours("folder_order"), rounds),
                "s5cmd 64": (s5cmd(64), rounds),
                "s5cmd 256": (s5cmd(256), rounds),
                "rclone 64": (rclone(64), rounds),
                AWS: (aws, rounds),
            }
            if chosen is big:
                clients = {name: (command, 1) for name, (command, _) in clients.items() if name != "s5cmd 256"}
            yield from rows(chosen, race(url, prefix, clients, check))


@contextmanager
def far_away() -> Iterator[str]:
    """Serve the pretend S3 with its latency and limit from a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.pretend_s3",
        f"--objects={SMALL}",
        f"--latency={LATENCY}",
        f"--rate={RATE}",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:  # noqa: S603
        assert process.stdin
        assert process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


def at_a_distance(rounds: int) -> Iterator[Row]:
    target = f"<= 1.2 x {BOUND:.2f} s, the least there can be; aws >= 15; none lost"
    chosen = Set(f"{SMALL:,} x 20 KB, 60 ms, 3,500/s", SMALL, SMALL_BYTES, target)
    with far_away() as url:

        def check(destination: str) -> None:
            pages = seaweedfs.client(url).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=destination)
            count = sum(len(page.get("Contents", [])) for page in pages)
            assert count == SMALL, f"{destination} holds {count:,} objects"

        clients = {
            OURS: (ours("byte_order"), rounds),
            "s5cmd 256": (s5cmd(256), rounds),
            "rclone 256": (rclone(256), 1),
            AWS: (aws, 1),
        }
        yield from rows(chosen, race(url, "source/", clients, check))


def measure(rounds: int = 3) -> list[Row]:
    """Return the rows of all races."""
    install_peers()
    return [*at_a_distance(rounds), *inside_seaweedfs(rounds)]


def copy_one(url: str, source: str, destination: str, order_name: str) -> None:
    """Copy as a runbook does; what a race runs for us. `order_name` is how the server lists."""
    from include.s3copy import Folder, Location, copy, listing

    client, order = seaweedfs.client(url), getattr(listing, order_name)
    result = copy(Folder(client, Location(BUCKET, source), order), Folder(client, Location(BUCKET, destination), order))
    print(result.text, f"in {result.seconds:.2f} s, {result.slowed:,} slowed down")  # noqa: T201  # into the race's log


if __name__ == "__main__":  # what a race runs for us: URL, source, destination, order
    copy_one(*sys.argv[1:])
