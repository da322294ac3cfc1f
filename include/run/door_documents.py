"""Documents of the front door, kept in the operations table of one target: their keys and their shapes. See `documents`."""

from hashlib import sha256
from typing import NotRequired, TypedDict

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
