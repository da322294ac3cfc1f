"""Users who are looked up while they are not signed in, by the auth managers that can."""

from types import SimpleNamespace

import pytest

from include.front_door.problem import Problem
from opskit.web.door import users


class FabAuthManager:
    """As far as it is asked: users by their number, and an error for one who was removed or is not active."""

    def serialize_user(self, user):
        return {"sub": str(user.number)}

    def deserialize_user(self, token):
        if token["sub"] != "3":
            raise ValueError(f"User with id {token['sub']} not found")
        return SimpleNamespace(number=3)


class Named(FabAuthManager):
    """A subclass, such as ours."""


class KeycloakAuthManager:
    """It can only make users of tokens that people hold."""


@pytest.mark.parametrize("manager", [FabAuthManager(), Named()])
def test_users_of_fab_are_found_by_their_number_as_long_as_they_are_there(monkeypatch, manager):
    monkeypatch.setattr(users, "get_auth_manager", lambda: manager)
    assert users.subject_of(SimpleNamespace(number=3)) == "3"
    assert users.find_user("3").number == 3
    assert users.find_user("4") is None


def test_other_auth_managers_are_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(users, "get_auth_manager", KeycloakAuthManager)
    for call in (lambda: users.subject_of(SimpleNamespace()), lambda: users.find_user("3")):
        with pytest.raises(Problem, match="KeycloakAuthManager finds no user who is not signed in") as refused:
            call()
        assert refused.value.kind == "not-set-up"
