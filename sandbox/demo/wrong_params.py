"""What is wrong with the PARAMS of a rehearsal, read from the runbook's own file before there is a sandbox, which takes a minute."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.errors import SandboxError
from sandbox.settings import ROOT
from sandbox.stack import environment


def refuse_wrong_params(runbook: str, params: dict[str, Any], dags: Path) -> None:
    """Refuse params that the runbook does not take. What is missing, the rehearsal adds later. Raises: SandboxError."""
    if not params:
        return
    command = [sys.executable, "-m", "opskit.check_params", str(dags / f"{runbook}.py"), runbook]
    variables = environment.base() | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins")))}
    with TemporaryDirectory() as home:
        variables["AIRFLOW_HOME"] = home
        read = subprocess.run(  # noqa: S603  # a runbook of the folder, whose name was looked up in it
            command, input=json.dumps(params), env=variables, cwd=ROOT, capture_output=True, text=True, check=False
        )
    if read.returncode:
        said = read.stderr.strip().splitlines()
        raise SandboxError(
            f"{runbook} cannot be read: {said[-1] if said else f'its reader ended with {read.returncode}'}."
        )
    if read.stdout:
        raise SandboxError(f"PARAMS: {read.stdout.strip()}")
