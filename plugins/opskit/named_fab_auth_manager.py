"""Airflow's users and roles in its database (FAB), with the people of a question known by their user names."""

from __future__ import annotations

from typing import Any

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager


class NamedFabAuthManager(FabAuthManager):  # type: ignore[misc, unused-ignore] # where FAB is not installed
    """FAB compares the number of a user with the user names of the inventory, so that nobody could answer."""

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: Any) -> bool:
        return bool(user.get_name() in assigned_users)
