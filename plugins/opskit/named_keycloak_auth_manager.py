"""Airflow's users and roles in Keycloak, with the people of a question known by their user names; docs/how-to/keycloak.md sets it up."""

from __future__ import annotations

from typing import Any

from airflow.providers.keycloak.auth_manager.keycloak_auth_manager import KeycloakAuthManager


class NamedKeycloakAuthManager(KeycloakAuthManager):  # type: ignore[misc, unused-ignore] # where Keycloak's provider is not installed
    """Keycloak's provider compares the id of a user with the user names of the inventory, so that nobody could answer."""

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: Any) -> bool:
        return bool(user.get_name() in assigned_users)
