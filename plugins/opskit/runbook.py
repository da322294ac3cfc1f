"""The frame of every runbook: plan, approval, lease, confirmation, its own steps, and the close, which always runs.

A DAG file fills in the frame and contains nothing else. Airflow shows the same few task groups for every runbook. Their texts
come from the operator's page.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from airflow.sdk import DAG

from include.runbooks import read_page
from opskit.chain import Aside, Chain, Part, Stage
from opskit.failure import tell_failure
from opskit.frame import remember
from opskit.frame_steps import FrameSteps, Others, stop_if_plan_only
from opskit.lease import KeptTarget
from opskit.notifications.sender import notify
from opskit.params import UNOFFERED, common_params, field
from opskit.planning import Planner
from opskit.record import Proof
from opskit.step import note_failure
from opskit.step_definition import StepDefinition

__all__ = ["Aside", "KeptTarget", "Proof", "Stage", "runbook"]

DAG_ARGUMENTS: dict[str, Any] = {  # the schedule of a DAG that only a person or CI starts
    "default_args": {
        "owner": "operations",
        "retries": 0,  # each step declares how often it may be tried
        "retry_delay": 5,  # seconds
        # what is under way comes first: a run's last steps, which hand back and record, never wait for the plan of the next run
        "weight_rule": "upstream",
        "on_success_callback": notify,
        "on_failure_callback": [note_failure, notify, tell_failure],
    },
    "max_active_runs": 16,  # the lease, not Airflow, separates runs on one target
}
STARTED_BY_PEOPLE: Any = ["manual"]
STARTED_BY_RUNS: Any = [*STARTED_BY_PEOPLE, "operator_triggered"]


def runbook(
    *,
    subject: str,
    risk: Literal["read", "safe", "disruptive", "destructive"],
    targets: Sequence[str],
    plan: Planner,
    steps: Sequence[Stage],
    proof: Proof,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    before_plan: Sequence[StepDefinition] = (),
    verification: Sequence[Part] = (),
    recovery: Sequence[Part] = (),
    at_once_after: Sequence[StepDefinition] = (),
    asides: Sequence[Aside] = (),
    hand_back: StepDefinition | None = None,
    kept: KeptTarget | None = None,
    also_leased: Others = lambda ctx: (),
    plan_queue: str | None = None,
    started_by_runs: bool = False,
    page: str = "",
) -> DAG:
    """Return the DAG of the runbook whose file calls this. The file's name is the runbook's name.

    `subject` is what is planned, approved and recorded, as in `plan_<subject>`. `before_plan` are waits that write nothing.
    `recovery` follows a failure; it begins as soon as one of `at_once_after` fails, even if others still run. `hand_back` runs however
    the run ends. `kept`: the target stays leased after an unsuccessful run, until a person has checked it. `also_leased` names the
    targets that a run needs beside its own; all runbooks take leases in one order, so no two runs wait for each other. `plan_queue` is
    one of opskit.queues, if planning needs a program which not every worker has. `page` names the operator's page, where that is
    another runbook's. `started_by_runs`: a run of the runbook may start another one, for the same person.
    """
    file = sys._getframe(1).f_code.co_filename
    name = Path(file).stem
    shown = read_page(page or name)
    with DAG(
        dag_id=name,
        dag_display_name=shown.title,
        description=shown.summary if targets else UNOFFERED,
        doc_md=shown.text,
        schedule=None,
        params={**common_params(targets), **{key: field(schema) for key, schema in (params or {}).items()}},
        tags=[f"risk:{risk}", *sorted({f"system:{target.split('/')[0]}" for target in targets})],
        **DAG_ARGUMENTS,
        allowed_run_types=STARTED_BY_RUNS if started_by_runs else STARTED_BY_PEOPLE,
    ) as dag:
        dag.fileloc = file
        chain, own = Chain(dag, shown), FrameSteps(subject, plan, proof, kept, also_leased, plan_queue)
        chain.add("Plan", *before_plan, own.plan, stop_if_plan_only)
        chain.add("Approval", *own.gates)
        [lock] = chain.add("Approval", lambda: own.lock().as_setup())
        chain.add("Approval", own.confirm)
        for stage in steps:
            chain.add(stage.title, *stage.parts)
        chain.add("Verification", *verification)
        [first, *_] = chain.add("Recovery", *recovery) or [None]
        # teardowns: only these still run after "mark as failed"; the last one decides the run's state
        if hand_back:
            chain.add("Close", lambda: hand_back().as_teardown())
        if own.question:
            chain.add("Close", own.question)
        [release] = chain.add("Close", lambda: own.release().as_teardown(setups=lock))
        chain.add("Close", lambda: own.record().as_teardown(on_failure_fail_dagrun=True))
        for aside in asides:
            chain.set_aside(aside, release)
        for watched in at_once_after:
            chain.task_of(watched) >> first
    chain.describe()
    remember(dag.dag_id, own.frame(risk, chain.titles, before_plan))
    return dag
