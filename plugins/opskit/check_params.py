"""Check params for a runbook before there is an Airflow that runs: `python -m opskit.check_params DAG_FILE DAG_ID < params.json`."""

import json
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path

from include.run.params import complaint


def main(file: Path, dag_id: str) -> None:
    """Print what is wrong with the params on the standard input, as one sentence, or nothing."""
    with redirect_stdout(sys.stderr):  # to which Airflow's warnings belong
        from airflow.sdk import DAG

        from opskit.params import declared_by

        found = runpy.run_path(str(file)).values()
    (dag,) = (value for value in found if isinstance(value, DAG) and value.dag_id == dag_id)
    sys.stdout.write(complaint(declared_by(dag.params), json.load(sys.stdin)) or "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
