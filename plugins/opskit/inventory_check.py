"""Check an inventory: its files, and whether the people, connections and channels that it names exist (`make inventory-check`).

It reads Airflow's own settings and connections, and asks Slack for its channels. It changes nothing.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from urllib.error import URLError

from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import InventoryError
from include.inventory import load
from include.inventory.needs import Needs, lacking, needs_of
from include.notifications.outbox import SlackUnavailableError
from opskit.notifications.slack import list_channels

SIMPLE = "SimpleAuthManager"  # the one auth manager that lists its users without a request


def check() -> tuple[list[str], list[str]]:
    """Return what is wrong with the inventory, and what could not be looked at, in a sentence each. Raises: InventoryError."""
    needs = needs_of(load())
    users, unseen = _users()
    there = {name: found for name in needs.connections if (found := _connection(name)) is not None}
    channels = {}
    for name in dict.fromkeys(connection for connection, _ in needs.channels):
        if name in there:
            try:
                channels[name] = list_channels(there[name])
            except (SlackUnavailableError, URLError, OSError) as error:
                unseen.append(f"The channels of {name} were not looked at: {error}")
    return lacking(needs, users, there, channels), unseen


def _users() -> tuple[set[str] | None, list[str]]:
    from airflow.api_fastapi.app import get_auth_manager_cls

    manager = get_auth_manager_cls()
    if manager.__name__ != SIMPLE:
        return None, [f"Approvers were not looked at: {manager.__name__} lists its users only to people who signed in."]
    return {user.username for user in manager.get_users()}, []  # type: ignore[attr-defined]


def _connection(name: str) -> Connection | None:
    try:
        return Connection.get_connection_from_secrets(name)
    except AirflowNotFoundException:
        return None


def report(needs: Needs, wrong: Iterable[str], unseen: Iterable[str]) -> list[str]:
    """Return the lines to print."""
    wrong, unseen = list(wrong), list(unseen)
    lines = [*wrong, *unseen]
    if not wrong:
        names = len({target for targets in needs.approvers.values() for target in targets})
        lines.append(
            f"The inventory is sound: {names} targets and templates, {len(needs.connections)} connections, "
            f"{len(needs.approvers)} approvers, {len(needs.channels)} channels."
        )
    return lines


def main() -> int:
    """Print what is wrong. Return 1 if anything is."""
    logging.disable(logging.WARNING)  # Airflow's, about databases that are not there
    try:
        needs = needs_of(load())
        wrong, unseen = check()
    except InventoryError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join([*report(needs, wrong, unseen), ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
