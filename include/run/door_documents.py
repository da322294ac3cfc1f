"""Documents of the front door, kept in the operations table of one target: their keys and their shapes. See `documents`."""

from hashlib import sha256
from typing import Any, NotRequired, TypedDict

from include.run.documents import Place

DOOR = "door#"


class ClaimDocument(TypedDict):
    at: str
    caller: str
    key: str
    runbook: str
    digest: str  # of the request
    run_id: str
    started: NotRequired[str]  # when it was known that Airflow has the run


def claim(caller: str, key: str) -> Place:
    """What a caller asked for under an idempotency key. Both are of any form and length, so their digest is the key here."""
    digest = sha256(f"{len(caller)} {caller} {key}".encode()).hexdigest()
    return Place(f"{DOOR}request#{digest}", "claim")


class TokenDocument(TypedDict):
    id: str
    name: str
    kind: str  # machine, agent
    owner: str  # the user of Airflow who made it, by name
    subject: str  # the same, as the auth manager finds users
    runbooks: list[str]
    targets: list[str]
    digest: str  # of the token, which is kept nowhere
    made: str
    expires: str
    revoked: NotRequired[dict[str, Any]]  # at, by


TOKENS = f"{DOOR}tokens"  # the partition key of all tokens, so that they can be listed
TOKEN, USED = "token#", "used#"


def token(token_id: str) -> Place:
    """A machine token, known by the part of it that is no secret."""
    return Place(TOKENS, f"{TOKEN}{token_id}")


class UsedDocument(TypedDict):
    id: str
    at: str
    version: int


def token_used(token_id: str) -> Place:
    """When a token was last used. A document of its own, so that a use and a revocation never meet."""
    return Place(TOKENS, f"{USED}{token_id}")


class StopDocument(TypedDict):
    version: int
    by: str
    at: str
    why: str
    lifted: NotRequired[dict[str, str]]  # by, at, why


STOP = f"{DOOR}stop"
PAST_STOP = "past#"


def stop() -> Place:
    """The emergency stop of all writes by runs whose table this is, in force or lifted."""
    return Place(STOP, "stop")


def past_stop(version: int) -> Place:
    """One setting or lifting of the stop, kept for good."""
    return Place(STOP, f"{PAST_STOP}{version:08d}")
