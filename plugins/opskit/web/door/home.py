"""Where the front door keeps what it has to remember: in the operations table of the target that a setting names."""

from __future__ import annotations

import os

from include.errors import InventoryError
from include.front_door.problem import Problem
from include.inventory import load
from include.run.store import RunStore
from opskit.connections.aws import run_store

VARIABLE = "RUNBOOK_DOOR_TARGET"


def door_store() -> RunStore:
    """Return the table of the front door. Raises: Problem if no setting names it."""
    target = os.environ.get(VARIABLE, "")
    try:
        known = load().target(target) if target else None
    except InventoryError as error:
        raise Problem("not-set-up", f"{VARIABLE} is wrong: {error}") from error
    if known is None:
        raise Problem(
            "not-set-up",
            f"The front door has no place to remember requests; set {VARIABLE} of the API server to a target of the inventory, whose "
            "operations table it then uses.",
        )
    return run_store(known.name)
