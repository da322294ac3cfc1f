"""Machine tokens: made once and shown once, kept as a digest, with a scope, an expiry, and an end by revocation."""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal

from include.front_door.callers import Caller, Grants
from include.front_door.problem import Problem
from include.inventory import Inventory
from include.run import door_documents
from include.run.approval import requester_via
from include.run.store import Document, RunStore

PREFIX = "rbt_"  # tells our tokens from Airflow's, and lets scanners of secrets find a leaked one
FORM = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{16}})_(?P<secret>[A-Za-z0-9_-]{{43}})")
NOTED_EVERY = timedelta(minutes=1)  # how exact the last use is
UNKNOWN = "This token is not known, has expired, or was revoked; get a new one."

Kind = Literal["machine", "agent"]


@dataclass(frozen=True)
class Token:
    """All that is kept of a token."""

    id: str
    name: str
    kind: Kind
    owner: str
    subject: str
    runbooks: tuple[str, ...]
    targets: tuple[str, ...]
    made: datetime
    expires: datetime
    revoked: datetime | None = None
    revoked_by: str | None = None
    last_used: datetime | None = None

    def grants(self, inventory: Inventory) -> Grants:
        """Return what the token may start, by target: never more than the inventory gives to machines now."""
        known = [name for name in self.targets if name in inventory.targets]
        given = {name: frozenset(inventory.target(name).environment.front_door.machines) for name in known}
        return {name: given[name] & frozenset(self.runbooks) for name in known}

    def caller(self, inventory: Inventory) -> Caller:
        """Return the token as a caller, for whose requests its owner counts as having asked."""
        what = f"{'agent' if self.kind == 'agent' else 'token'} {self.name}"
        return Caller(self.kind, requester_via(self.owner, what), f"{what} of {self.owner}", self.grants(inventory))


def is_ours(credential: str) -> bool:
    """Tell whether a credential is meant to be one of these tokens."""
    return credential.startswith(PREFIX)


def beyond(inventory: Inventory, runbooks: Sequence[str], targets: Sequence[str]) -> list[tuple[str, int, str]]:
    """Return what of a wanted scope the inventory does not give to machines: the list, the place in it, and why."""
    found = []
    for place, target in enumerate(targets):
        if target not in inventory.targets:
            found.append(("targets", place, f"{target!a} is no target of the inventory."))
    known = [inventory.target(name) for name in targets if name in inventory.targets]
    for place, runbook in enumerate(runbooks):
        without = [target.name for target in known if runbook not in target.environment.front_door.machines]
        if without:
            why = f"front_door.machines of {', '.join(without)} does not list {runbook!a} in the inventory."
            found.append(("runbooks", place, why))
    return found


def mint(store: RunStore, wanted: Token) -> str:
    """Keep a new token, and return it. It cannot be shown again."""
    text = f"{PREFIX}{wanted.id}_{secrets.token_urlsafe(32)}"
    document: door_documents.TokenDocument = {
        "id": wanted.id,
        "name": wanted.name,
        "kind": wanted.kind,
        "owner": wanted.owner,
        "subject": wanted.subject,
        "runbooks": list(wanted.runbooks),
        "targets": list(wanted.targets),
        "digest": _digest(text),
        "made": wanted.made.isoformat(),
        "expires": wanted.expires.isoformat(),
    }
    if not store.add(*door_documents.token(wanted.id), document):
        # the client repeats a write whose answer was lost, and may then find its own token
        found = store.get(*door_documents.token(wanted.id)) or {}
        if found.get("digest") != document["digest"]:
            raise Problem("unavailable", "The token could not be stored under its id; ask again.")
    return text


def new_id() -> str:
    """Return the part of a token that is no secret."""
    return secrets.token_hex(8)


def check(store: RunStore, credential: str, now: datetime) -> Token:
    """Return the token of a credential, and note its use. Raises: Problem, which does not tell strangers the reason."""
    match = FORM.fullmatch(credential)
    document = store.get(*door_documents.token(match["id"])) if match else None
    if document is None or not hmac.compare_digest(_digest(credential), document["digest"]):
        raise Problem("not-signed-in", UNKNOWN)
    token = _token(document)
    if now >= token.expires or store.get(*door_documents.token_revoked(token.id)) is not None:
        raise Problem("not-signed-in", UNKNOWN)
    _note_use(store, token.id, now)
    return token


def list_tokens(store: RunStore) -> list[Token]:
    """Return every token that was ever made, the newest first."""
    uses = {
        each["id"]: datetime.fromisoformat(each["at"])
        for each in store.list(door_documents.TOKENS, door_documents.USED)
    }
    ends = {each["id"]: each for each in store.list(door_documents.TOKENS, door_documents.REVOKED)}
    found = [
        _token(each, ends.get(each["id"]), uses.get(each["id"]))
        for each in store.list(door_documents.TOKENS, door_documents.TOKEN)
    ]
    return sorted(found, key=lambda token: token.made, reverse=True)


def find_token(store: RunStore, token_id: str) -> Token | None:
    """Return a token by its id, or None."""
    document = store.get(*door_documents.token(token_id))
    return _token(document, store.get(*door_documents.token_revoked(token_id))) if document else None


def revoke(store: RunStore, token_id: str, by: str, now: datetime) -> None:
    """End a token. The first revocation stands."""
    end: door_documents.RevokedDocument = {"id": token_id, "at": now.isoformat(), "by": by}
    store.add(*door_documents.token_revoked(token_id), end)


def _note_use(store: RunStore, token_id: str, now: datetime) -> None:
    place = door_documents.token_used(token_id)
    before: Document = store.get(*place) or {"version": 0}
    if "at" in before and now - datetime.fromisoformat(before["at"]) < NOTED_EVERY:
        return
    version = before["version"] + 1
    document: door_documents.UsedDocument = {"id": token_id, "at": now.isoformat(), "version": version}
    # another request of the token may be faster, and has then noted the same
    store.swap(*place, document, version=version, expected=before["version"])


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()  # of 256 random bits, which no list of words leads to


def _token(document: Document, revoked: Document | None = None, last_used: datetime | None = None) -> Token:
    return Token(
        id=document["id"],
        name=document["name"],
        kind=document["kind"],
        owner=document["owner"],
        subject=document["subject"],
        runbooks=tuple(document["runbooks"]),
        targets=tuple(document["targets"]),
        made=datetime.fromisoformat(document["made"]),
        expires=datetime.fromisoformat(document["expires"]).astimezone(UTC),
        revoked=datetime.fromisoformat(revoked["at"]) if revoked else None,
        revoked_by=revoked["by"] if revoked else None,
        last_used=last_used,
    )
