"""How long a step's process takes to make its clients of AWS: each step is a process of its own and makes them anew."""

import json
import subprocess
import sys
from statistics import median

from benchmarks.rows import Row

TITLE = "Clients of AWS, made in the process of a step"
COLUMNS = ("client", "first in a process", "target", "once more")
ROUNDS = 5
CLIENTS = ("sts", "dynamodb", "ecs", "autoscaling", "elbv2")  # what a step of a surge uses
PROGRAM = """
import json, sys, time
import airflow.providers.amazon.aws.hooks.base_aws, boto3
session = boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
def make(name):
    began = time.perf_counter()
    session.client(name, endpoint_url="http://127.0.0.1:1")
    return (time.perf_counter() - began) * 1000
print(json.dumps([{name: make(name) for name in sys.argv[1:]} for _ in range(2)]))
"""


def measure() -> list[Row]:
    """Return a row for each client, and one for all."""
    rounds = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", PROGRAM, *CLIENTS]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own
        rounds.append(json.loads(done.stdout.splitlines()[-1]))

    def row(what: str, names: tuple[str, ...]) -> Row:
        first, again = (median(sum(each[time][name] for name in names) for each in rounds) for time in (0, 1))
        return Row(what, f"{first:.0f} ms", "", f"{again:.0f} ms")

    return [*(row(name, (name,)) for name in CLIENTS), row("all of a step", CLIENTS)]
