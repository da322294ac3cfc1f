"""SeaweedFS, a real S3 server that copies real bytes: the binary of its package, in a folder that goes with it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS, SECRET = "AKIATEST", "secretsecret"  # of a server that lives for a minute
START = 60.0  # seconds; it takes ten on a quiet machine, most of them electing itself


def client(url: str) -> Any:
    """Return a client of a server that is here."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
    )


@contextmanager
def serve(bucket: str) -> Iterator[str]:
    """Start it with an empty bucket; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="seaweedfs-") as folder:
        identity = {"name": "bench", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}], "actions": ["Admin"]}
        Path(folder, "s3.json").write_text(json.dumps({"identities": [identity]}))
        ports = dict(zip(("s3", "master", "volume", "filer"), _free_ports(), strict=False))
        command = [
            _binary(),
            f"-logdir={folder}",
            "server",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            f"-s3.config={folder}/s3.json",
            "-s3.port.lance=0",
            "-s3.port.iceberg=0",
            *[f"-{name}.port={port}" for name, port in ports.items()],
            "-master.telemetry=false",
            "-master.electionTimeout=1s",
            "-master.volumeSizeLimitMB=1024",
            "-volume.max=60",  # the copies of all rounds stay until the end
        ]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603  # our own arguments
        try:
            url = f"http://127.0.0.1:{ports['s3']}"
            _await_bucket(process, url, bucket, Path(folder, "log"))
            yield url
        finally:
            process.kill()  # asked politely it takes 25 seconds, and its folder goes anyway
            process.wait()


def _binary() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise FileNotFoundError("There is no weed beside this Python; install requirements-dev.txt.")
    return found


def _free_ports() -> list[int]:
    """Return ports that are free together with the one 10,000 above, which SeaweedFS takes for gRPC."""
    found: list[int] = []
    with _sockets() as held:
        for port in range(21_000, 30_000, 7):
            with suppress(OSError):
                held.extend([_bind(port), _bind(port + 10_000)])
                found.append(port)
            if len(found) == 4:
                break
    return found


def _bind(port: int) -> socket.socket:
    made = socket.socket()
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def _sockets() -> Iterator[list[socket.socket]]:
    """Hold sockets open, and close them at the end."""
    held: list[socket.socket] = []
    try:
        yield held
    finally:
        for each in held:
            each.close()


def _await_bucket(process: subprocess.Popen[bytes], url: str, bucket: str, log: Path) -> None:
    end, s3 = time.monotonic() + START, client(url)
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"SeaweedFS ended by itself: {log.read_text()[-2000:]}")
        try:
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="started", Body=b"1")
            s3.delete_object(Bucket=bucket, Key="started")
            return
        except s3.exceptions.BucketAlreadyOwnedByYou:
            s3.delete_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > end:
                raise TimeoutError(f"SeaweedFS did not start in {START:.0f} s: {error}") from error
        time.sleep(0.2)
