"""A plan's digest identifies the plan."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from include.run.plan.model import Change, Plan, Skip, digest_of
from include.text import canonical_json


def plan(**different: Any) -> Plan:
    facts: dict[str, Any] = {
        "runbook": "service_restart",
        "target": "core/staging",
        "account": "111111111111",
        "region": "eu-west-2",
        "changes": (change(),),
        "expected_seconds": 600,
    }
    return Plan(**{**facts, **different})


def change(**different: str) -> Change:
    return Change(**{"what": "desired count", "before": "2", "after": "5", "undo": "set it back", **different})


def test_digest_is_the_sha256_of_the_canonical_json_and_has_not_changed_since_it_was_first_written():
    assert plan().digest == "12e100fd9d6ebe47b3306487cd1140675425974a0db5735c1eda9ae4fce0175a"


@pytest.mark.parametrize(
    "different",
    [
        {"target": "core/production"},
        {"account": "111111111112"},
        {"region": "eu-west-1"},
        {"changes": ()},
        {"changes": (change(after="6"),)},
        {"changes": (change(), change(what="another"))},
        {"skips": (Skip(what="a", why="b"),)},
        {"notes": ("a note",)},
        {"expected_seconds": 601},
    ],
)
def test_everything_an_approver_reads_is_in_the_digest(different: dict[str, Any]):
    assert plan(**different).digest != plan().digest


def test_order_of_changes_is_in_the_digest():
    one, two = change(), change(what="another")
    assert plan(changes=(one, two)).digest != plan(changes=(two, one)).digest


def test_digest_survives_storage_as_json():
    assert digest_of(json.loads(json.dumps(plan().model_dump(mode="json")))) == plan().digest


def test_canonical_json_sorts_keys_at_every_depth_and_keeps_letters_as_they_are():
    assert canonical_json({"b": 1, "a": {"d": "é", "c": None}}) == '{"a":{"c":null,"d":"é"},"b":1}'


def test_plan_cannot_be_changed_after_it_was_digested():
    with pytest.raises(ValidationError, match="frozen"):
        plan().account = "999999999999"


def test_plan_takes_no_unknown_field():
    with pytest.raises(ValidationError, match="Extra inputs"):
        plan(started_at="now")
