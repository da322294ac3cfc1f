"""What killed applies have made: taken into the state, or created if it is gone by now, and never made a second time."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.errors import PreconditionError
from include.infrastructure.adoption import IMPORTS, MadeAlreadyError, plan_adopting
from include.inventory import load
from include.terraform.events import read_events
from include.terraform.plan import read_plan
from include.terraform.state import State

TARGET = "core/staging"
TOPIC, FIRST, SECOND = "aws_sns_topic.one", "aws_cloudwatch_log_group.all[0]", "aws_cloudwatch_log_group.all[1]"
ARN = "arn:aws:sns:eu-west-2:111111111111:of-the-tests"
NAMES = {TOPIC: {"name": "of-the-tests"}, FIRST: {"name": "/of-the-tests/0"}, SECOND: {"name": "/of-the-tests/1"}}
ABSENT = (Path(__file__).parents[1] / "terraform/captured/errors/import_absent.jsonl").read_text(encoding="utf-8")


class Copy:
    """A working copy in which Terraform finds that some of what it is to import is absent."""

    def __init__(self, code, absent=(), action=("create",), failure=""):
        self.code, self.absent, self.action, self.failure = code, set(absent), action, failure
        self.tried = []

    @property
    def imported(self):
        file = self.code / IMPORTS
        return set(re.findall(r"to = (\S+)", file.read_text())) if file.exists() else set()

    def plan(self, files, *, targets=()):
        assert not self.imported
        return self.show()

    def try_plan(self, files, *, targets=()):
        self.tried.append(self.imported)
        if self.failure:
            return read_events(self.failure)
        lines = [line for line in ABSENT.splitlines() if any(each in line for each in self.missing)]
        return read_events("\n".join(lines))

    @property
    def missing(self):
        return self.absent & self.imported

    def show(self):
        return read_plan(
            json.dumps({"format_version": "1.2", "resource_changes": [self.change(name) for name in NAMES]})
        )

    def change(self, address):
        taken = address in self.imported
        actions = ["no-op"] if taken else self.action
        importing = {"importing": {"id": "any"}} if taken else {}
        values = {"before": None if actions[0] == "create" else NAMES[address], "after": NAMES[address]}
        kind = address.partition(".")[0]
        return {
            "address": address,
            "mode": "managed",
            "type": kind,
            "change": {"actions": actions, **values, **importing},
        }


def context(**made):
    """Return a context in whose records each address was made, with that id, by an apply that was killed."""
    orphans = [{"at": "2026-11-27", "address": address, "id": found, "run": "one"} for address, found in made.items()]
    store = SimpleNamespace(list=lambda pk, prefix: orphans if prefix == "orphan#" else [])
    return SimpleNamespace(target=load().target(TARGET), store=store)


MADE = context(**{TOPIC: ARN, FIRST: "/of-the-tests/0", SECOND: "/of-the-tests/1"})


def created(adoption):
    return {each.address for each in adoption.plan.of("create")}


def test_all_that_was_made_is_taken_into_the_state(tmp_path):
    adoption = plan_adopting(MADE, Copy(tmp_path), (), None)
    assert adoption.taken == {TOPIC: ARN, FIRST: "/of-the-tests/0", SECOND: "/of-the-tests/1"}
    assert created(adoption) == set()


def test_what_is_gone_by_now_is_created_and_the_rest_is_taken_into_the_state(tmp_path):
    copy = Copy(tmp_path, absent={FIRST, SECOND})
    adoption = plan_adopting(MADE, copy, (), None)
    assert (dict(adoption.taken), created(adoption)) == ({TOPIC: ARN}, {FIRST, SECOND})
    assert copy.tried == [{TOPIC, FIRST, SECOND}, {TOPIC}]


def test_where_all_of_it_is_gone_the_code_is_planned_as_it_is(tmp_path):
    adoption = plan_adopting(context(**{FIRST: "/of-the-tests/0"}), Copy(tmp_path, absent={FIRST}), (), None)
    assert (dict(adoption.taken), created(adoption)) == ({}, {TOPIC, FIRST, SECOND})
    assert not (tmp_path / IMPORTS).exists()


def test_an_import_that_fails_otherwise_is_an_error_and_drops_nothing(tmp_path):
    copy = Copy(tmp_path, failure=ABSENT.replace("non-existent", "another"))
    with pytest.raises(PreconditionError, match="Cannot import another remote object"):
        plan_adopting(MADE, copy, (), None)
    assert len(copy.tried) == 1


@pytest.mark.parametrize("action", [("create",), ("delete", "create")])
def test_what_was_made_in_the_place_of_what_the_state_still_names_is_not_made_once_more(tmp_path, action):
    state = State("one", 1, ids={TOPIC: f"{ARN}-before"})
    copy = Copy(tmp_path, action=action)
    with pytest.raises(MadeAlreadyError) as caught:
        plan_adopting(context(**{TOPIC: ARN}), copy, (), state)
    assert str(caught.value).startswith(
        f"{TOPIC} is {ARN} by now, made by an apply that was killed, and the state still names {ARN}-before"
    )
    assert f"Run 'terraform state rm {TOPIC}' in terraform/staging once" in str(caught.value)
    assert copy.tried == []


def test_what_the_state_names_as_it_was_made_is_planned_as_usual(tmp_path):
    state = State("one", 1, ids={TOPIC: ARN})
    adoption = plan_adopting(context(**{TOPIC: ARN}), Copy(tmp_path, action=("delete", "create")), (), state)
    assert [change.action for change in adoption.plan.changes] == ["replace", "replace", "replace"]
