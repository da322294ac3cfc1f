"""Which log groups get the retention of the policy."""

import json

from include.aws.log_groups import LogGroup
from include.infrastructure.promotion.retention import decide, read_declared
from include.inventory.promotion import LogRetention

POLICY = LogRetention(days=7, groups=("/aws/lambda/*", "exact"))


def names(found):
    return [each.name for each in found.to_set]


def test_only_groups_on_the_list_with_another_retention_are_set():
    groups = [
        LogGroup("/aws/lambda/a", None),
        LogGroup("/aws/lambda/b", 7),
        LogGroup("exact", 90),
        LogGroup("exactly", 90),
    ]
    found = decide(POLICY, groups, {})
    assert names(found) == ["/aws/lambda/a", "exact"]
    assert (found.equal, found.outside) == (1, 1)


def test_what_terraform_declares_otherwise_is_named_and_left():
    groups = [LogGroup("/aws/lambda/a", 90), LogGroup("/aws/lambda/b", None), LogGroup("/aws/lambda/c", 1)]
    found = decide(POLICY, groups, {"/aws/lambda/a": 90, "/aws/lambda/b": 0, "/aws/lambda/c": 7})
    assert names(found) == ["/aws/lambda/c"]  # as Terraform declares it, too
    assert found.declared == {"/aws/lambda/a": "90 days", "/aws/lambda/b": "no limit"}


def test_declarations_are_read_from_a_state():
    def resource(kind, mode, **attributes):
        return {"type": kind, "mode": mode, "instances": [{"attributes": attributes}]}

    state = {
        "resources": [
            resource("aws_cloudwatch_log_group", "managed", name="a", retention_in_days=90),
            resource("aws_cloudwatch_log_group", "managed", name="b"),
            resource("aws_cloudwatch_log_group", "data", name="c", retention_in_days=1),
            resource("aws_sns_topic", "managed", name="d"),
        ]
    }
    assert read_declared(json.dumps(state).encode()) == {"a": 90, "b": 0}
    assert read_declared(b"") == {}
