"""Tells a run's story off its path: in a process of its own after a task, in the triggerer's background during a wait."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from include.inventory import Target, load
from include.operations import documents
from include.operations.history import add_milestone
from include.operations.table import OperationsTable
from include.story import Outbox, Told, add_fact, read_facts
from include.story.untold import forget_untold, list_untold, note_untold
from opskit.clients import clients_for, clients_for_async
from opskit.processes import outlive_parent
from opskit.slack import SlackThread

log = logging.getLogger(__name__)

BUDGET = 15.0  # seconds a teller may take
GRACE = 5.0  # seconds after which a teller that overstays is killed
REMEMBERED = 1000  # milestones the triggerer knows to be on record
LAST_BUDGET = 60.0  # after the run's last task: nobody passes later, so it waits for a Slack that is away
PLANNER, APPROVALS, LAST = "plan_", "approve_", "record_"

Facts = dict[str, dict[str, Any]]


def tell(context: Any) -> None:
    """Callback of every task: see that Slack is told what is on record. Returns at once and never raises.

    Airflow reports a failed task only when its process ends, and lets nothing wait for a callback but the next step, so the
    telling is done by a process that the task leaves behind.
    """
    try:
        _tell(context)
    except Exception:  # whatever it is: a story that cannot be told must not cost the run anything
        log.exception("The story of this run could not be told.")


def _tell(context: Any) -> None:
    run, params = context["dag_run"], dict(context["params"])
    if params.get("plan_only"):
        return
    target = load().target(params["target"])
    slack = _slack_connection(target)
    if slack is None:
        return
    clients = clients_for(target.name)
    name, task_id = f"{run.dag_id}/{run.run_id}", context["ti"].task_id
    facts = _facts(context, target)
    last = task_id.startswith(LAST)
    budget = LAST_BUDGET if last else BUDGET
    channel = str(target.environment.slack_channel)
    thread = SlackThread(slack, channel, name)  # here: making its client tells Airflow what to mask

    def work() -> None:
        table = OperationsTable(clients.anew().dynamodb, target.environment.operations_table)
        deadline = time.monotonic() + budget
        try:
            for kind, fact in facts.items():
                add_fact(table, name, kind, fact)  # type: ignore[arg-type]  # the keys are the two there are
            outbox = Outbox(table, name, thread, lambda: read_facts(table, name))
            told = outbox.flush_until(deadline) if last else outbox.flush()
            if last and not told.complete:
                note_untold(table, target.name, name)
            elif told.complete:
                _catch_up(table, target.name, name, thread)
        except Exception as error:  # this process has no log, so it is left beside the story
            table.add(*documents.message_error(name, time.time_ns()), {"step": task_id, "error": repr(error)})

    leave_behind(work, budget)


def _catch_up(table: OperationsTable, target: str, own: str, thread: SlackThread) -> None:
    """Tell the end of earlier runs that Slack has missed."""
    for run in list_untold(table, target):
        if run == own or Outbox(table, run, thread.of(run), partial(read_facts, table, run)).flush().complete:
            forget_untold(table, target, run)


def _slack_connection(target: Target) -> Any:
    if target.slack_conn_id is None:
        log.info("No Slack: the inventory names no slack_workspace or no slack_channel for %s.", target.name)
        return None
    try:
        return BaseHook.get_connection(target.slack_conn_id)
    except AirflowNotFoundException:
        log.info("No Slack: there is no Airflow connection %s.", target.slack_conn_id)
        return None


def _facts(context: Any, target: Target) -> Facts:
    """Return what only the running task knows: who asked, and what was planned."""
    dag, run, params = context["dag"], context["dag_run"], context["params"]
    gates = sorted(task for task in dag.task_ids if task.startswith(APPROVALS))[: target.environment.approval.count]
    asked = {
        "runbook": run.dag_id,
        "target": target.name,
        "reason": str(params["reason"]),
        "requester": run.triggering_user_name,
        "link": run_link(run),
        "gates": [gate_link(run, task) for task in gates],
        "at": run.run_after.isoformat(),
    }
    facts: Facts = {"asked": asked}
    planners = [task for task in dag.task_ids if task.startswith(PLANNER)]
    planned = context["ti"].xcom_pull(task_ids=planners[0]) if planners else None
    if planned:
        plan = planned["plan"]
        facts["plan"] = {
            "digest": planned["digest"],
            "minutes": round(plan["expected_seconds"] / 60),
            "changes": [f"{each['what']}: {each['before']} -> {each['after']}" for each in plan["changes"]],
        }
    return facts


def run_link(run: Any) -> str:
    """Return the run's page in Airflow."""
    base = str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")  # Airflow's own default
    return f"{base}/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}"


def gate_link(run: Any, task_id: str, index: int = -1) -> str:
    """Return the page where a person answers a task.

    The operator's own generate_link_to_ui drops the path of [api] base_url and leaves the run's id unquoted.
    """
    return f"{run_link(run)}/tasks/{quote(task_id, safe='')}/required_actions?map_index={index}"


def leave_behind(work: Callable[[], None], seconds: float) -> None:
    """Do some work in a process that this one neither waits for nor shares anything with; it is killed after that time."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)  # it ends soon, so that what it leaves behind is nobody's zombie
        return
    code = 1
    try:
        ready, telling = os.pipe()
        if os.fork() == 0:
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                signal.signal(each, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
            outlive_parent()
            os.write(telling, b".")
            _let_go()
            work()
        else:
            os.close(telling)
            os.read(ready, 1)  # until it can do without us
        code = 0
    finally:
        os._exit(code)  # without Airflow's own clean-up, which is the parent's


def _let_go() -> None:
    """Close what the parent has open: Airflow takes a task for unfinished while its pipes are."""
    logging.disable()  # its handlers write to them
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


async def tell_progress(target: str, ti: Any, text: str) -> None:
    """Put a wait's milestone on record and tell Slack, in the background: returns at once and never raises.

    The same sentence of a step counts once, and one run has one teller here at a time. `ti` is the trigger's task instance.
    """
    if not text or ti is None or _last.get((ti.run_id, ti.task_id)) == text:
        return
    if len(_last) > REMEMBERED:
        _last.clear()  # only spares a look into the table
    _last[ti.run_id, ti.task_id] = text
    _background.add(task := asyncio.ensure_future(_tell_progress(target, f"{ti.dag_id}/{ti.run_id}", ti.task_id, text)))
    task.add_done_callback(_background.discard)


_last: dict[tuple[str, str], str] = {}
_background: set[asyncio.Future[None]] = set()  # the event loop itself keeps none of them alive
_telling: set[str] = set()
_tellers = ThreadPoolExecutor(2, "story")  # of its own: a Slack that hangs must not take the threads that look at AWS


async def _tell_progress(target_name: str, run: str, step: str, text: str) -> None:
    try:
        target = load().target(target_name)
        dynamodb = (await clients_for_async(target_name)).dynamodb
        table = OperationsTable(dynamodb, target.environment.operations_table)
        if await asyncio.to_thread(add_milestone, table, run, step, text) and run not in _telling:
            _telling.add(run)
            try:
                await asyncio.wait_for(_flush(target, table, run), BUDGET)
            finally:
                _telling.discard(run)
    except TimeoutError:
        log.warning("The story of %s was not told within %d s; the next to pass catches up.", run, BUDGET)
    except Exception:  # whatever it is: a story that cannot be told must not end a wait
        log.exception("The story of %s could not be told.", run)


async def _flush(target: Target, table: OperationsTable, run: str) -> None:
    if target.slack_conn_id is None:
        return
    try:
        connection = await BaseHook.aget_connection(target.slack_conn_id)
    except AirflowNotFoundException:
        return  # each task says so

    def work() -> Told:
        thread = SlackThread(connection, str(target.environment.slack_channel), run)
        return Outbox(table, run, thread, lambda: read_facts(table, run)).flush()

    told = await asyncio.get_running_loop().run_in_executor(_tellers, work)
    if not told.complete:
        log.warning("Slack is not up to date for %s: %s", run, told.why)
