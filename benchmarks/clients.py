"""How long a step's process takes to make its clients of AWS: each step is a process of its own and makes them anew.

A process that is forked by a scheduler of ours inherits what was preloaded; one of another executor starts without.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.rows import Row

ROOT = Path(__file__).resolve().parents[1]
TITLE = "Clients of AWS, made in the process of a step"
COLUMNS = ("client", "with preloading", "target", "without")
ROUNDS = 5
CLIENTS = ("sts", "dynamodb", "ecs", "autoscaling", "elbv2")  # what a step of a surge uses, in this order
PROGRAM = """
import json, os, sys, time
import airflow.providers.amazon.aws.hooks.base_aws, boto3
from opskit import clients
if sys.argv[1] == "ahead":
    clients.make_idle_clients()
out, told = os.pipe()
if os.fork() == 0:
    began = time.perf_counter()
    session = clients._share_models(boto3.session.Session("nobody", "nothing", region_name="us-east-1"))
    took = {"session": (time.perf_counter() - began) * 1000}
    for name in sys.argv[2:]:
        began = time.perf_counter()
        session.client(name, endpoint_url="http://127.0.0.1:1")
        took[name] = (time.perf_counter() - began) * 1000
    os.write(told, json.dumps(took).encode())
    os._exit(0)
os.wait()
print(os.read(out, 65536).decode())
"""


def measure() -> list[Row]:
    """Return a row for each client, and one for all."""
    ahead, alone = ([_round(how) for _ in range(ROUNDS)] for how in ("ahead", "alone"))

    def row(what: str, *names: str) -> Row:
        with_it, without = (median(sum(each[name] for name in names) for each in rounds) for rounds in (ahead, alone))
        return Row(what, f"{with_it:.0f} ms", "", f"{without:.0f} ms")

    return [*(row(name, name) for name in ("session", *CLIENTS)), row("all of a step", "session", *CLIENTS)]


def _round(how: str) -> dict[str, float]:
    command = [sys.executable, "-c", PROGRAM, how, *CLIENTS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins")))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
