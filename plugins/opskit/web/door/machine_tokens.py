"""The endpoints by which people make, list and revoke machine tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from airflow.api_fastapi.app import get_auth_manager
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from include.front_door import tokens
from include.front_door.problem import FieldProblem, Problem, pointer
from include.front_door.tokens import Token
from include.inventory import load
from opskit.web.door.callers import PersonDep, Visitor
from opskit.web.door.home import door_store
from opskit.web.door.users import subject_of

router = APIRouter(prefix="/tokens")
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Names = Annotated[list[Annotated[str, Field(max_length=250)]], Field(min_length=1, max_length=100)]
LONGEST, USUAL = 366, 90  # days


class Wanted(BaseModel):
    """The token that a request asks for."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: Literal["machine", "agent"] = "machine"
    runbooks: Names
    targets: Names
    days: int = Field(default=USUAL, ge=1, le=LONGEST, strict=True)


class Shown(BaseModel):
    """What is shown of a token: everything but the token itself."""

    id: str
    name: str
    kind: str
    owner: str
    runbooks: list[str]
    targets: list[str]
    made: datetime
    expires: datetime
    last_used: datetime | None
    revoked: datetime | None
    revoked_by: str | None


class Made(Shown):
    token: str  # shown this once


class Tokens(BaseModel):
    tokens: list[Shown]


@router.post("", status_code=201)
def make_token(wanted: Wanted, visitor: PersonDep, response: Response) -> Made:
    """Make a token. It is shown once, and never may more than its owner and the inventory allow at the moment of its use."""
    _refuse_unless_admin(visitor)
    _refuse_beyond(visitor, wanted)
    now = datetime.now(UTC)
    token = Token(
        id=tokens.new_id(),
        name=wanted.name,
        kind=wanted.kind,
        owner=visitor.caller.name,
        subject=subject_of(visitor.user),
        runbooks=tuple(dict.fromkeys(wanted.runbooks)),
        targets=tuple(dict.fromkeys(wanted.targets)),
        made=now,
        expires=now + timedelta(days=wanted.days),
    )
    text = tokens.mint(door_store(), token)
    response.headers["Cache-Control"] = "no-store"
    return Made(token=text, **_shown(token).model_dump())


@router.get("")
def show_tokens(visitor: PersonDep) -> Tokens:
    """List all tokens, the newest first."""
    _refuse_unless_admin(visitor)
    return Tokens(tokens=[_shown(token) for token in tokens.list_tokens(door_store())])


@router.delete("/{token_id}", status_code=204)
def revoke_token(token_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")], visitor: PersonDep) -> None:
    """End a token at once. Its owner may, and whoever may make tokens."""
    store = door_store()
    found = tokens.find_token(store, token_id)
    if found is None or found.owner != visitor.caller.name:
        _refuse_unless_admin(visitor)
    if found is None:
        raise Problem("not-found", f"There is no token {token_id}.")
    tokens.revoke(store, token_id, visitor.caller.name, datetime.now(UTC))


def _refuse_unless_admin(visitor: Visitor) -> None:
    # who may write connections can already use every identity that the runbooks have
    if not get_auth_manager().is_authorized_connection(method="POST", user=visitor.user):
        raise Problem(
            "not-allowed", f"{visitor.caller.name} may not manage tokens; that takes the right to create connections."
        )


def _refuse_beyond(visitor: Visitor, wanted: Wanted) -> None:
    wrong = [
        FieldProblem(pointer(field, place), why)
        for field, place, why in tokens.beyond(load(), wanted.runbooks, wanted.targets)
    ]
    wrong += [
        FieldProblem(pointer("runbooks", place), f"{visitor.caller.name} may not start {runbook[:80]!a}.")
        for place, runbook in enumerate(wanted.runbooks)
        if not visitor.may("POST", runbook, "")
    ]
    if wrong:
        raise Problem("wrong-params", " ".join(each.detail for each in wrong), wrong)


def _shown(token: Token) -> Shown:
    return Shown.model_validate(token, from_attributes=True)
