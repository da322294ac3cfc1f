"""People are known by their user names: to the inventory, in a question to them, and in their answer.

Airflow compares the id of who answers, which is the user name only in its simple auth manager. In FAB it is a number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.hitl import HITLUser

# the auth managers that compare user names
BY_NAME = ("SimpleAuthManager", "NamedFabAuthManager")


def assigned(people: Iterable[str]) -> list[HITLUser] | None:
    """Return who may answer in Airflow, or None (everybody) where Airflow would not compare user names.

    The answer is judged by its user name in any case. Somebody whom the inventory does not list then ends the run as refused.
    """
    if conf.get("core", "auth_manager").rpartition(".")[2] not in BY_NAME:
        return None
    return [HITLUser(id=user, name=user) for user in people]


def name_of(responder: dict[str, Any] | None) -> str | None:
    """Return the user name of who answered, or None if nobody did in time."""
    return str(responder["name"]) if responder else None
