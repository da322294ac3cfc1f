"""Users of Airflow, looked up while they are not signed in: a machine token has the rights that its owner has now."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

from include.front_door.problem import Problem

FAB = "FabAuthManager"  # by its name, since the provider need not be installed


def subject_of(user: Any) -> str:
    """Return what a user is found by later. Raises: Problem where the auth manager finds nobody."""
    manager = get_auth_manager()
    _refuse_others(manager)
    return str(manager.serialize_user(user)["sub"])


def find_user(subject: str) -> Any:
    """Return a user with the rights of this moment, or None if the user was removed or is not active any more."""
    manager: Any = get_auth_manager()
    _refuse_others(manager)
    if isinstance(manager, SimpleAuthManager):
        return next((user for user in manager.get_users() if user.username == subject), None)
    try:
        return manager.deserialize_user({"sub": subject})
    except ValueError:
        return None


def _refuse_others(manager: Any) -> None:
    if not isinstance(manager, SimpleAuthManager) and not any(each.__name__ == FAB for each in type(manager).__mro__):
        raise Problem(
            "not-set-up",
            f"{type(manager).__name__} finds no user who is not signed in, so nobody could tell whether the owner of a machine token is "
            "still there; use OIDC tokens of GitHub Actions, or Airflow's own tokens.",
        )
