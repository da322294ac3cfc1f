"""The gateway of stacks and change sets: its calls, and how it reads the answers."""

import pytest

from include.aws import cloudformation
from include.aws.cloudformation import Stack, create_change_set, describe_stack, ensure_updatable, why_failed
from include.errors import PreconditionError

ASKED = {
    "StackName": "s",
    "ChangeSetName": "c",
    "TemplateBody": "{}",
    "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
}
LOOKED = {"StackName": "s", "ChangeSetName": "c"}
EMPTY = "The submitted information didn't contain changes. Submit different information to create a change set."


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(cloudformation, "WAIT", {"Delay": 0, "MaxAttempts": 3})


def test_stack_that_there_is_not_is_none(script):
    aws = script("cloudformation")
    aws.fail("describe_stacks", "ValidationError", "Stack with id s does not exist")
    assert describe_stack(aws.client, "s") is None


@pytest.mark.parametrize(
    ("stack", "kind"),
    [(None, "CREATE"), (Stack("s", "REVIEW_IN_PROGRESS"), "CREATE"), (Stack("s", "UPDATE_COMPLETE"), "UPDATE")],
)
def test_change_set_is_waited_for(script, stack, kind):
    aws = script("cloudformation")
    aws.answer("create_change_set", {**ASKED, "ChangeSetType": kind}, {"Id": "i", "StackId": "k"})
    aws.answer("describe_change_set", LOOKED, {"Status": "CREATE_IN_PROGRESS"})
    aws.answer("describe_change_set", LOOKED, {"Status": "CREATE_COMPLETE"})
    assert create_change_set(aws.client, stack, "s", "c", "{}").make() == "c"


def test_change_set_of_an_attempt_that_died_is_taken(script):
    aws = script("cloudformation")
    aws.fail("create_change_set", "AlreadyExistsException")
    aws.answer("describe_change_set", LOOKED, {"Status": "CREATE_COMPLETE"})
    assert create_change_set(aws.client, None, "s", "c", "{}").make() == "c"


def test_template_that_changes_nothing_leaves_no_change_set(script):
    aws = script("cloudformation")
    aws.answer("create_change_set", {**ASKED, "ChangeSetType": "UPDATE"}, {})
    aws.answer("describe_change_set", LOOKED, {"Status": "FAILED", "StatusReason": EMPTY})
    aws.answer("describe_change_set", LOOKED, {"Status": "FAILED", "StatusReason": EMPTY})
    aws.answer("delete_change_set", LOOKED)
    assert create_change_set(aws.client, Stack("s", "CREATE_COMPLETE"), "s", "c", "{}").make() == ""


def test_template_that_cloudformation_does_not_take_is_refused(script):
    aws = script("cloudformation")
    aws.answer("create_change_set", {**ASKED, "ChangeSetType": "CREATE"}, {})
    for _ in range(2):
        aws.answer("describe_change_set", LOOKED, {"Status": "FAILED", "StatusReason": "Unresolved resource"})
    with pytest.raises(PreconditionError, match=r"no change set of stack s \(Unresolved resource\)"):
        create_change_set(aws.client, None, "s", "c", "{}").make()


def test_first_failure_of_the_last_operation_is_told(script):
    aws = script("cloudformation")
    event = {"EventId": "1", "StackId": "k", "StackName": "s", "Timestamp": "2026-11-27T12:00:00Z"}
    events = [
        {**event, "LogicalResourceId": "s", "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
        {**event, "LogicalResourceId": "other", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "cancelled"},
        {**event, "LogicalResourceId": "fn", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "no such role"},
    ]
    begun = {"LogicalResourceId": "s", "ResourceStatus": "UPDATE_IN_PROGRESS", "ResourceStatusReason": "User Initiated"}
    earlier = {"LogicalResourceId": "fn", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "of last week"}
    events += [{**event, **begun}, {**event, **earlier}]
    aws.answer("describe_stack_events", {"StackName": "s"}, {"StackEvents": events})
    assert why_failed(aws.client, "s") == "fn: no such role"


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_stack_takes_a_template(status):
    ensure_updatable(Stack("s", status), "s")


@pytest.mark.parametrize(
    ("status", "way"), [("ROLLBACK_COMPLETE", "delete the stack"), ("UPDATE_IN_PROGRESS", "wait until that is over")]
)
def test_stack_that_takes_no_template_is_refused(status, way):
    with pytest.raises(PreconditionError, match=f"Stack s is {status}, in which .* {way}"):
        ensure_updatable(Stack("s", status), "s")
