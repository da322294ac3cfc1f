"""Documents of the front door: their keys and their shapes, as in `documents`. Only a list and the last use of a token are replaced."""

from hashlib import sha256
from typing import Any, TypedDict

from include.run.documents import DocumentKey

DOOR = "door#"


class ClaimDocument(TypedDict):
    at: str
    caller: str
    key: str
    runbook: str
    digest: str  # of the request
    run_id: str


def claim(caller: str, key: str) -> DocumentKey:
    """What a caller asked for under an idempotency key. Both are of any form and length, so their digest is the key here."""
    return DocumentKey(_request(caller, key), "claim")


def claim_started(caller: str, key: str) -> DocumentKey:
    """The moment at which Airflow was known to have the run of a key, a `MomentDocument`."""
    return DocumentKey(_request(caller, key), "started")


def _request(caller: str, key: str) -> str:
    return f"{DOOR}request#{sha256(f'{len(caller)} {caller} {key}'.encode()).hexdigest()}"


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


TOKENS = f"{DOOR}tokens"  # the partition key of all tokens, so that they can be listed
TOKEN, REVOKED, USED = "token#", "revoked#", "used#"


def token(token_id: str) -> DocumentKey:
    """A machine token, known by the part of it that is no secret."""
    return DocumentKey(TOKENS, f"{TOKEN}{token_id}")


class RevokedDocument(TypedDict):
    id: str
    at: str
    by: str


def token_revoked(token_id: str) -> DocumentKey:
    """The end of a token."""
    return DocumentKey(TOKENS, f"{REVOKED}{token_id}")


class UsedDocument(TypedDict):
    id: str
    at: str
    version: int


def token_used(token_id: str) -> DocumentKey:
    """When a token was last used. Unlike the others this document is replaced."""
    return DocumentKey(TOKENS, f"{USED}{token_id}")


class StopDocument(TypedDict):
    number: int
    by: str
    at: str
    why: str
    lifted: bool  # whether this is a lifting, or a stop


STOP, STOPS = f"{DOOR}stop", "stop#"


def stop(number: int) -> DocumentKey:
    """One setting or lifting of the emergency stop of all writes by runs whose table this is. The last one counts."""
    return DocumentKey(STOP, f"{STOPS}{number:08d}")


class DeliveryDocument(TypedDict):
    at: str
    owner: str
    event: str
    sender: str
    wakes: list[dict[str, Any]]


def delivery(owner: str, delivery_id: str) -> DocumentKey:
    """A delivery of GitHub that was accepted."""
    return DocumentKey(_delivery(owner, delivery_id), "delivery")


class ResultsDocument(TypedDict):
    at: str
    results: list[dict[str, str]]  # of each wake


def delivery_results(owner: str, delivery_id: str) -> DocumentKey:
    """What became of a delivery, once all of it is done."""
    return DocumentKey(_delivery(owner, delivery_id), "results")


def _delivery(owner: str, delivery_id: str) -> str:
    return f"{DOOR}delivery#{sha256(f'{len(owner)} {owner.lower()} {delivery_id}'.encode()).hexdigest()}"


class PendingDocument(TypedDict):
    version: int
    deliveries: list[list[str]]  # owner and id


def pending_deliveries() -> DocumentKey:
    """The deliveries that were accepted and are not done."""
    return DocumentKey(f"{DOOR}deliveries", "pending")


class StateDocument(TypedDict):
    number: int
    at: str
    state: str


STATES = "state#"


def subject_key(subject: str) -> str:
    """Return the partition key of what events are about, such as a branch."""
    return f"{DOOR}subject#{sha256(subject.encode()).hexdigest()}"


def subject_state(subject: str, number: int) -> DocumentKey:
    """A state in which GitHub's events found what they were about, such as the newest commit of a branch. The last one counts."""
    return DocumentKey(subject_key(subject), f"{STATES}{number:08d}")
