"""A question is restricted to the people of the inventory only where Airflow compares their user names."""

from types import SimpleNamespace

import pytest

from opskit.approval.people import assigned, name_of
from opskit.named_fab_auth_manager import NamedFabAuthManager

SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
NAMED = "opskit.named_fab_auth_manager.NamedFabAuthManager"


@pytest.mark.parametrize(("manager", "asked"), [(SIMPLE, ["ann", "bob"]), (NAMED, ["ann", "bob"]), (FAB, None)])
def test_people_are_assigned_by_name_or_not_at_all(monkeypatch, manager, asked):
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", manager)
    found = assigned(["ann", "bob"])
    assert (None if found is None else [user["id"] for user in found]) == asked


def test_answer_belongs_to_the_user_name_and_not_to_the_number():
    assert name_of({"id": "3", "name": "ann"}) == "ann"
    assert name_of(None) is None


def test_users_of_fab_answer_by_name():
    user = SimpleNamespace(get_id=lambda: "3", get_name=lambda: "ann")
    manager = object.__new__(NamedFabAuthManager)
    assert manager.is_authorized_hitl_task(assigned_users={"ann"}, user=user)
    assert not manager.is_authorized_hitl_task(assigned_users={"3", "bob"}, user=user)
