"""The endpoints to list the runbooks, and to start one under an idempotency key."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from include import trigger_request
from include.front_door.answers import Offer, Offers, RunStatus
from include.front_door.claims import claim, find_claim, mark_started
from include.front_door.problem import Problem
from include.front_door.request import StartRequest, read_request, refuse_wrong
from opskit.requested import params_of
from opskit.web.door.airflow_runs import has_run, log_refusal, make_run, refuse_paused
from opskit.web.door.bodies import read_body
from opskit.web.door.callers import Visitor, VisitorDep
from opskit.web.door.described import START
from opskit.web.door.following import Runbook, status_of
from opskit.web.door.home import door_store
from opskit.web.door.limits import STARTS, limit
from opskit.web.door.listing import list_offers

router = APIRouter()
CREATED, REPEATED = 201, 200


@router.get("/runbooks")
def show_runbooks(request: Request, visitor: VisitorDep) -> Offers:
    """List the runbooks that the caller may start, and the targets of each."""
    offers = (
        offer.model_copy(
            update={"targets": [name for name in offer.targets if visitor.may("POST", offer.runbook, name)]}
        )
        for offer in list_offers(request.app.state.dag_bag)
    )
    return Offers(runbooks=[Offer.model_validate(offer) for offer in offers if offer.targets])


@router.post(
    "/runbooks/{runbook}/runs",
    responses={200: {"model": RunStatus, "description": "The run of this key, started before"}},
    status_code=CREATED,
    openapi_extra=START,
)
async def start_run(
    runbook: Runbook,
    request: Request,
    response: Response,
    visitor: VisitorDep,
    idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> RunStatus:
    """Start a runbook once per key. The same key with the same body answers with the same run."""
    limit(STARTS, visitor.caller.identity)
    body = await read_body(request, trigger_request.LARGEST)

    def work() -> tuple[RunStatus, bool]:
        try:
            asked = read_request(runbook, idempotency_key, body)
            visitor.refuse_unless_may("POST", runbook, asked.target)
            run_id, made = start_once(request.app.state.dag_bag, visitor, asked)
        except Problem as problem:
            log_refusal(runbook, visitor.caller.name, problem)
            raise
        return status_of(runbook, run_id), made

    status, made = await run_in_threadpool(work)
    response.status_code = CREATED if made else REPEATED
    response.headers["Location"] = status.links.status
    response.headers["Idempotent-Replayed"] = str(not made).lower()
    return status


def start_once(dag_bag: Any, visitor: Visitor, asked: StartRequest) -> tuple[str, bool]:
    """Return the id of the request's run, made if it is not there yet, and whether this call made it. Raises: Problem."""
    store, caller, now = door_store(), visitor.caller, datetime.now(UTC)
    found = find_claim(store, caller.identity, asked)
    if found is None or not found.started:
        declared = params_of(dag_bag, asked.runbook)
        if declared is None or "target" not in declared:  # what keeps house by itself is no runbook to ask for
            raise Problem("not-found", f"There is no runbook {asked.runbook[:80]!a}.")
        refuse_wrong(asked, declared)
        refuse_paused(asked.runbook)
        # with so much more at its end that no two keys are given one run
        named = f"{trigger_request.named({'conf': dict(asked.params)}, now)['dag_run_id']}{secrets.token_hex(6)}"
        found = claim(store, caller.identity, asked, lambda: named, now)
        first = found.run_id == named
        if not found.started:
            make_run(dag_bag, asked, found.run_id, caller.name)
            mark_started(store, caller.identity, asked, now)
            return found.run_id, first
    if not has_run(asked.runbook, found.run_id):
        raise Problem(
            "run-deleted",
            f"The run {found.run_id} of this key was deleted in Airflow; it is not made a second time, use another key.",
        )
    return found.run_id, False
