"""Machine tokens in the run store."""

from datetime import UTC, datetime, timedelta

import pytest

from include.front_door.problem import Problem
from include.front_door.tokens import UNKNOWN, Token, beyond, check, find_token, list_tokens, mint, revoke
from include.inventory import load
from include.run.approval import asked_by
from tests.unit.run.conftest import AnswerLost, client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
ID = "00112233aabbccdd"


def token(token_id=ID, **other):
    fixed = {"kind": "machine", "owner": "ann", "subject": "ann", "runbooks": ("service_restart",)}
    given = {"name": "ci-core", "targets": ("core/staging",), "made": NOW, "expires": NOW + timedelta(days=1)}
    return Token(token_id, **{**fixed, **given, **other})


def refused(store, text, at=NOW):
    with pytest.raises(Problem) as error:
        check(store, text, at)
    assert (error.value.status, error.value.detail) == (401, UNKNOWN)


def test_token_lets_in_until_it_expires(store):
    text = mint(store, token())
    assert check(store, text, NOW + timedelta(hours=23)).name == "ci-core"
    refused(store, text, NOW + timedelta(days=1))


def test_nothing_that_is_stored_holds_the_token(store, client):
    text = mint(store, token())
    kept = str(client.scan(TableName="runbook-operations")["Items"])
    assert text not in kept
    assert text.rsplit("_", 1)[1] not in kept


def test_wrong_secret_wrong_id_and_other_forms_are_refused_alike(store):
    text = mint(store, token())
    changed = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in (changed, text.replace(ID, "ffffffffffffffff"), f"{text} ", "rbt_", f"rbt_{ID}_", text.upper()):
        refused(store, wrong)


def test_revoked_token_is_refused_from_then_on_and_the_first_revocation_stands(store):
    text = mint(store, token())
    check(store, text, NOW)
    revoke(store, ID, "bob", NOW)
    revoke(store, ID, "eve", NOW + timedelta(hours=1))
    refused(store, text)
    found = find_token(store, ID)
    assert found is not None
    assert (found.revoked, found.revoked_by) == (NOW, "bob")


def test_last_use_is_noted_to_the_minute(store):
    text = mint(store, token())
    assert list_tokens(store)[0].last_used is None
    for seconds in (0, 30, 59):
        check(store, text, NOW + timedelta(seconds=seconds))
    assert list_tokens(store)[0].last_used == NOW
    check(store, text, NOW + timedelta(seconds=60))
    assert list_tokens(store)[0].last_used == NOW + timedelta(seconds=60)


def test_lost_answer_of_the_write_makes_no_second_token(client):
    lossy = AnswerLost(client, "runbook-operations")
    text = mint(lossy, token())
    assert check(lossy, text, NOW).id == ID


def test_token_may_what_it_was_given_and_the_inventory_still_gives():
    caller = token(runbooks=("service_restart", "production_release"), targets=("core/staging", "gone/away")).caller(
        load()
    )
    assert caller.grants == {"core/staging": {"service_restart"}}
    assert not caller.may("production_release", "core/staging")
    assert not caller.may("service_restart", "core/production")
    with pytest.raises(
        Problem,
        match=r"ann via token ci-core may not use service_restart on core/production; it may use service_restart on core/staging\.",
    ):
        caller.refuse_beyond_scope("service_restart", "core/production")


def test_scope_beyond_the_inventory_is_named_place_by_place():
    found = beyond(load(), ["service_restart", "infrastructure_recreation"], ["core/staging", "core/stagin"])
    assert found == [
        ("targets", 1, "'core/stagin' is no target of the inventory."),
        (
            "runbooks",
            1,
            "front_door.machines of core/staging does not list 'infrastructure_recreation' in the inventory.",
        ),
    ]


def test_owner_of_a_token_counts_as_having_asked():
    assert asked_by("ann", token().caller(load()).name)
    assert not asked_by("an", token().caller(load()).name)
    assert not asked_by("bob", token().caller(load()).name)
    assert not asked_by(None, None)
