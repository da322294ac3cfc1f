"""The endpoint for GitHub's webhooks: a delivery is verified, kept and answered before anything is done about it."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Path, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from include.front_door import deliveries, events, signature
from include.front_door.problem import Problem
from include.inventory import load
from opskit.connections.external_services import webhook_secret
from opskit.web.door.bodies import read_body
from opskit.web.door.deliveries import carry_out
from opskit.web.door.described import DELIVERY
from opskit.web.door.home import door_store
from opskit.web.door.limits import DELIVERIES, count_failure, limit, refuse_after_failures

router = APIRouter(prefix="/github")
Owner = Annotated[str, Path(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$")]
ID_FORM, EVENT_FORM = re.compile(r"[A-Za-z0-9-]{1,100}"), re.compile(r"[a-z_]{1,60}")
UNSIGNED = "The delivery is not signed with the secret of this owner's webhooks."

log = logging.getLogger(__name__)


class Received(BaseModel):
    """What became of a delivery: accepted, ignored, or done with the result for each runbook that it woke."""

    result: str
    why: str = ""
    results: list[dict[str, str]] = []


@router.post(
    "/{owner}",
    status_code=202,
    responses={200: {"model": Received, "description": "Ignored, or received before"}},
    openapi_extra=DELIVERY,
)
async def receive(owner: Owner, request: Request, response: Response, background: BackgroundTasks) -> Received:
    """Take a delivery of a webhook of an organization's repositories."""
    refuse_after_failures(request)
    signed = request.headers.get(signature.HEADER)
    body = (
        await read_body(request, events.LARGEST) if signature.has_form(signed) else b""
    )  # nobody reads megabytes for strangers
    if not await run_in_threadpool(is_signed, owner, body, signed):
        count_failure(request)
        raise Problem("not-signed-in", UNSIGNED)
    limit(DELIVERIES, f"webhooks of {owner.lower()}")
    headers = {name: request.headers.get(name, "") for name in (events.ID_HEADER, events.EVENT_HEADER, "Content-Type")}
    told, delivery = await run_in_threadpool(take, owner, headers, body)
    if delivery is not None and delivery.results is None:
        background.add_task(carry_out, request.app.state.dag_bag, delivery)
    response.status_code = 202 if told.result == "accepted" else 200
    return told


def is_signed(owner: str, body: bytes, signed: str | None) -> bool:
    """Tell whether a delivery has the signature of an owner's webhooks."""
    secret = webhook_secret(owner)
    if not secret:
        log.warning("A webhook of %s was refused: its connection to GitHub has no webhook_secret in its extra.", owner)
    return signature.has_form(signed) and signature.fits(secret, body, signed)


def take(owner: str, headers: dict[str, str], body: bytes) -> tuple[Received, deliveries.Delivery | None]:
    """Keep a signed delivery, if it wakes anything. Raises: Problem; then nothing is kept, and GitHub may deliver it again."""
    delivery_id, event = headers[events.ID_HEADER], headers[events.EVENT_HEADER]
    if not ID_FORM.fullmatch(delivery_id) or not EVENT_FORM.fullmatch(event):
        raise Problem("bad-request", f"A delivery has the headers {events.ID_HEADER} and {events.EVENT_HEADER}.")
    store = door_store()
    if known := deliveries.find_delivery(store, owner, delivery_id):
        return _known(known), known
    payload = events.read_payload(body, headers["Content-Type"])
    if event == "ping":
        return Received(result="pong"), None
    about = events.owner_of(payload)
    if about.lower() != owner.lower():
        return _ignored(f"The event is about {about or 'no repository'}, and this is the address of {owner}."), None
    wakes = events.find_wakes(load(), event, payload)
    if not wakes:
        return _ignored(f"The inventory wakes nothing by this {event} of {events.repository_of(payload)}."), None
    now = datetime.now(UTC)
    kept = deliveries.accept(store, owner, delivery_id, event, wakes[0].sender, wakes, now)
    return _known(kept), kept


def _ignored(why: str) -> Received:
    return Received(result="ignored", why=why)


def _known(delivery: deliveries.Delivery) -> Received:
    if delivery.results is None:
        return Received(result="accepted")
    return Received(result="done", results=[dict[str, Any](result) for result in delivery.results])
