"""Notify Slack about a run: in the step itself within two seconds, and in the background during a wait.

What could not be told stays pending in the run store. The next step of the run delivers it, or slack_delivery
(opskit.notifications.delivery), whichever comes first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.inventory import Target, load
from include.notifications import Delivered, Outbox, add_fact, read_facts
from include.notifications.pending import add_pending, remove_pending
from include.run.approval import list_approvers
from include.run.journal import add_milestone
from include.run.store import RunStore
from opskit.connections.aws import clients_for, clients_for_async
from opskit.frame import frame_of
from opskit.notifications.run_links import gate_link, run_link
from opskit.notifications.slack import SlackThread

log = logging.getLogger(__name__)

BUDGET = 2.0  # the most seconds that a step spends on Slack
CALLING = 1.5  # seconds of these for calls to Slack; the rest is for storing their results
BACKGROUND_BUDGET = 15.0  # seconds in the triggerer, where nothing waits for the delivery
REMEMBERED = 1000  # milestones that the triggerer knows to be on record
LATER = "The next step of the run, or slack_delivery, delivers what is missing."

Facts = dict[str, dict[str, Any]]
T = TypeVar("T")


def notify(context: Any) -> None:
    """Bring Slack up to date with what is on record (callback of every task). This takes seconds at most and never raises.

    Airflow reports a failed task only when its process ends, so the time limit is short: the next task waits for it.
    """
    try:
        _tell(context)
    except Exception:  # any exception: an outage of Slack must not affect the run
        log.exception("Slack could not be told. %s", LATER)


def _tell(context: Any) -> None:
    run, params = context["dag_run"], dict(context["params"])
    if params.get("plan_only"):
        return
    target = load().target(params["target"])
    connection = slack_connection(target)
    if connection is None:
        return
    # all calls to Airflow are made here: only one thread may make them
    clients = clients_for(target.name)
    name, facts = f"{run.dag_id}/{run.run_id}", _facts(context, target)
    thread = SlackThread(connection, str(target.environment.slack_channel), name)

    def work(deadline: float) -> Delivered:
        store = RunStore(clients.dynamodb, target.environment.operations_table)
        for kind, fact in facts.items():
            add_fact(store, name, kind, fact)  # type: ignore[arg-type]  # the keys are the two there are
        add_pending(store, target.shared_name, name)
        told = Outbox(store, name, thread.until(deadline), lambda: read_facts(store, name)).flush(deadline)
        if told.over:
            remove_pending(store, target.shared_name, name)
        return told

    started = time.monotonic()
    told = run_within(BUDGET, lambda: work(started + CALLING))
    if told is None:
        log.warning("Slack was not told within %.0f s. %s", BUDGET, LATER)
    elif not told.complete:
        log.warning("Slack was not told: %s. %s", told.why.rstrip("."), LATER)


def run_within(seconds: float, work: Callable[[], T]) -> T | None:
    """Return what the work returns, or None if it takes longer.

    In that case it continues until this process ends. Raises: what the work raises.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # raised in the thread that waits for it
            result.set_exception(error)

    worker = Thread(target=run, name="slack", daemon=True)
    worker.start()
    worker.join(seconds)
    return result.result() if result.done() else None


def slack_connection(target: Target) -> Any:
    """Return the Airflow connection to the target's Slack, or None if there is none."""
    if target.slack_conn_id is None:
        log.info("No Slack: the inventory names no slack_workspace or no slack_channel for %s.", target.name)
        return None
    try:
        return BaseHook.get_connection(target.slack_conn_id)
    except AirflowNotFoundException:
        log.info("No Slack: there is no Airflow connection %s.", target.slack_conn_id)
        return None


def _facts(context: Any, target: Target) -> Facts:
    """Return facts known only to the running task: who asked, and what was planned."""
    run, params, frame = context["dag_run"], context["params"], frame_of(context["dag_run"].dag_id)
    policy, planned = target.environment.approval, context["ti"].xcom_pull(task_ids=frame.plan)
    gates = frame.gates[: max(policy.count, planned["plan"].get("approvers", 0) if planned else 0)]
    asked = {
        "runbook": run.dag_id,
        "target": target.name,
        "reason": str(params["reason"]),
        "requester": run.triggering_user_name,
        "link": run_link(run),
        "gates": [gate_link(run, task) for task in gates],
        "people": list_approvers(policy, run.triggering_user_name),
        "respond_minutes": round(policy.respond_within.total_seconds() / 60),
        "at": run.run_after.isoformat(),
    }
    facts: Facts = {"asked": asked}
    if planned:
        plan = planned["plan"]
        facts["plan"] = {
            "digest": planned["digest"],
            "minutes": round(plan["expected_seconds"] / 60),
            "changes": [f"{change['what']}: {change['before']} -> {change['after']}" for change in plan["changes"]],
            "undo": [change["undo"] for change in plan["changes"]],
            "notes": plan["notes"],
            "details": planned.get("details", []),
            "links": planned.get("links", []),
        }
    return facts


async def notify_progress(target: str, ti: Any, text: str) -> None:
    """Record a wait's milestone and notify Slack in the background. This returns at once and never raises.

    The same sentence of a step counts once. `ti` is the trigger's task instance.
    """
    if not text or ti is None or _last.get((ti.run_id, ti.task_id)) == text:
        return
    if len(_last) > REMEMBERED:
        _last.clear()  # this only saves a read of the table
    _last[ti.run_id, ti.task_id] = text
    _background.add(task := asyncio.ensure_future(_tell_progress(target, f"{ti.dag_id}/{ti.run_id}", ti.task_id, text)))
    task.add_done_callback(_background.discard)


_last: dict[tuple[str, str], str] = {}
_background: set[asyncio.Future[None]] = set()  # the event loop itself keeps no reference to them
_telling: set[str] = set()  # runs, each of which is delivered by one thread at a time
_tellers = ThreadPoolExecutor(2, "story")  # a pool of its own: a slow Slack must not occupy the threads that poll AWS


async def _tell_progress(target_name: str, run: str, step: str, text: str) -> None:
    try:
        target = load().target(target_name)
        dynamodb = (await clients_for_async(target_name)).dynamodb
        store = RunStore(dynamodb, target.environment.operations_table)
        if await asyncio.to_thread(add_milestone, store, run, step, text) and run not in _telling:
            _telling.add(run)
            try:
                await asyncio.wait_for(_flush(target, store, run), BACKGROUND_BUDGET)
            finally:
                _telling.discard(run)
    except TimeoutError:
        log.warning("Slack was not told of %s within %.0f s. %s", run, BACKGROUND_BUDGET, LATER)
    except Exception:  # any exception: an outage of Slack must not end a wait
        log.exception("Slack could not be told of %s. %s", run, LATER)


async def _flush(target: Target, store: RunStore, run: str) -> None:
    if target.slack_conn_id is None:
        return
    try:
        connection = await BaseHook.aget_connection(target.slack_conn_id)
    except AirflowNotFoundException:
        return  # each task reports it

    deadline = time.monotonic() + BACKGROUND_BUDGET

    def work() -> Delivered:
        thread = SlackThread(connection, str(target.environment.slack_channel), run).until(deadline)
        return Outbox(store, run, thread, lambda: read_facts(store, run)).flush(deadline)

    told = await asyncio.get_running_loop().run_in_executor(_tellers, work)
    if not told.complete:
        log.warning("Slack is not up to date for %s: %s. %s", run, told.why.rstrip("."), LATER)
