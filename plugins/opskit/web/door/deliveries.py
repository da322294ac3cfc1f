"""What accepted deliveries wake: GitHub is asked, then runs are started. What could not be done yet is tried again later."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.models.dagbag import DBDagBag
from botocore.exceptions import BotoCoreError, ClientError

from include import github
from include.errors import RunbookError, ServiceUnavailableError
from include.front_door import deliveries, events
from include.front_door.deliveries import Delivery
from include.front_door.events import Ask, Wake
from include.front_door.problem import Problem
from include.front_door.request import StartRequest
from include.inventory import Inventory, load
from opskit.connections.external_services import github_repository
from opskit.requested import params_of
from opskit.web.door.airflow_runs import log_refusal
from opskit.web.door.callers import Visitor
from opskit.web.door.commands import carry_out_command
from opskit.web.door.home import door_store
from opskit.web.door.starting import start_once

SWEEP_EVERY = 30.0  # seconds
GIVEN_UP = timedelta(days=1)  # nobody expects a push of yesterday to be deployed now
LEFT_ALONE = timedelta(minutes=1)  # a delivery that is younger is still in the hands of the process that took it
PASSING = (ServiceUnavailableError, BotoCoreError, ClientError)

log = logging.getLogger(__name__)


def carry_out(dag_bag: Any, delivery: Delivery) -> None:
    """Start what a delivery wakes, and keep the results. What fails for now is left for the next sweep. This never raises."""
    try:
        results = [_carry_out(dag_bag, wake) for wake in delivery.wakes]
        deliveries.finish(door_store(), delivery, results)
    except PASSING as error:
        log.warning("Delivery %s of %s is tried again later: %s", delivery.id, delivery.owner, error)
    except Exception:  # GitHub has its answer already, so nobody else would tell
        log.exception(
            "Delivery %s of %s could not be carried out; it is tried again later.", delivery.id, delivery.owner
        )


def sweep(dag_bag: Any) -> None:
    """Carry out the deliveries that were accepted a while ago by a process that could not."""
    now = datetime.now(UTC)
    for delivery in deliveries.list_pending(door_store()):
        if now - delivery.at > GIVEN_UP:
            log.error(
                "Delivery %s of %s could not be carried out within a day; it is given up.", delivery.id, delivery.owner
            )
            why = "It could not be carried out within a day."
            given_up = [
                {"runbook": wake.runbook, "target": wake.target, "result": "given up", "why": why}
                for wake in delivery.wakes
            ]
            deliveries.finish(door_store(), delivery, given_up)
        elif now - delivery.at > LEFT_ALONE:
            carry_out(dag_bag, delivery)


def sweep_for_good() -> None:
    """Sweep again and again, as long as this process lives."""
    dag_bag = DBDagBag()
    while True:
        time.sleep(SWEEP_EVERY)
        try:
            sweep(dag_bag)
        except Exception:  # whatever it is, the next sweep may do better
            log.exception("The deliveries that wait could not be swept; that is tried again in %.0f s.", SWEEP_EVERY)


def _carry_out(dag_bag: Any, wake: Wake) -> dict[str, str]:
    about = {"runbook": wake.runbook, "target": wake.target}
    try:
        if wake.comment:
            return {**about, **carry_out_command(dag_bag, wake)}
        asked = _ask_github(load(), wake)
        if isinstance(asked, str):
            return {**about, "result": "ignored", "why": asked}
        declared = params_of(dag_bag, wake.runbook)
        if declared is None:
            return {**about, "result": "ignored", "why": f"There is no runbook {wake.runbook} here."}
        facts = {name: value for name, value in asked.facts.items() if name in declared}
        params = {"target": wake.target, "reason": asked.reason, **facts}
        number = deliveries.generation(door_store(), asked.subject, asked.state)
        request = StartRequest(wake.runbook, params, f"{number} {asked.subject}")
        run_id, made = start_once(dag_bag, Visitor(wake.caller), request)
    except Problem as problem:
        if problem.kind in ("unavailable", "not-set-up", "paused"):
            raise ServiceUnavailableError(problem.detail) from problem
        if problem.kind == "key-taken":  # the same state with another title
            return {**about, "result": "started before", "why": problem.detail}
        log_refusal(wake.runbook, wake.caller.name, problem)
        return {**about, "result": "refused", "why": problem.detail}
    except RunbookError as error:
        return {**about, "result": "refused", "why": str(error)}
    return {**about, "result": "started" if made else "started before", "run_id": run_id}


def _ask_github(inventory: Inventory, wake: Wake) -> Ask | str:
    """Return what GitHub says now about what an event was about, as a request, or why nothing is to be done."""
    entries = events.entries_of(inventory, wake)
    if not entries:
        return "The inventory does not wake it any more."
    repository = github_repository(inventory.target(wake.target))
    if wake.on == "push":
        newest = github.list_newest_commits(repository, wake.about, 1)
        return events.ask_for_push(wake, newest[0]) if newest else f"The branch {wake.about} has no commit."
    if wake.on == "release":
        found = github.find_release(repository, wake.about)
        commit = github.find_commit(repository, wake.about)
        return events.ask_for_release(wake, draft=found.draft if found else None, commit=commit)
    if wake.on == "workflow_run":
        run, usual = github.get_run(repository, int(wake.about)), inventory.target(wake.target).system.versions.branch
        heads = github.list_newest_commits(repository, run.branch, 1)
        return events.ask_for_workflow(wake, entries, run, heads[0].sha if heads else "none", usual)
    return events.ask_for_pull(wake, entries, github.get_pull(repository, int(wake.about)))
