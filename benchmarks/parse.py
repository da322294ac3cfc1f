"""How long one DAG file takes to import again in a process that has Airflow loaded: every task process does that once.

A task forked by a scheduler of ours finds our own code loaded; one of another executor imports it with the file.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.rows import Row

ROOT = Path(__file__).resolve().parents[1]
TITLE = "Import of a DAG file, warm"
COLUMNS = ("file", "with preloading", "target", "without; providers it loads")
ROUNDS = 5
TARGET = 100.0  # milliseconds a file, warm
PROGRAM = """
import importlib.util, json, sys, time
import airflow.sdk, airflow.providers.standard.operators.hitl, airflow.providers.standard.sensors.python
import airflow.providers.standard.operators.python, boto3, pydantic, yaml
if sys.argv[2] == "ahead":
    from opskit.airflow_patches.preload import load_everything
    assert load_everything()
before = set(sys.modules)
began = time.perf_counter()
spec = importlib.util.spec_from_file_location("dag_file", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
took = (time.perf_counter() - began) * 1000
new = sorted({".".join(name.split(".")[:3]) for name in set(sys.modules) - before if name.startswith("airflow.providers")})
print(json.dumps({"ms": took, "providers": new}))
"""


def measure() -> list[Row]:
    """Return a row for each DAG file."""
    rows = []
    for file in sorted((ROOT / "dags").glob("*.py")):
        ahead, _ = measure_file(file, "ahead")
        alone, providers = measure_file(file, "alone")
        said = f"{alone:.0f} ms; {', '.join(providers) or 'none'}"
        rows.append(Row(file.name, f"{ahead:.0f} ms", f"<= {TARGET:.0f} ms", said))
    return rows


def measure_file(file: Path, how: str) -> tuple[float, list[str]]:
    """Return the median milliseconds of some fresh processes, and the providers the file itself loaded."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "plugins")))
    environment = {**os.environ, "PYTHONPATH": path}
    rounds = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", PROGRAM, str(file), how]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603  # our own
        rounds.append(json.loads(done.stdout.splitlines()[-1]))
    return statistics.median(each["ms"] for each in rounds), rounds[0]["providers"]
