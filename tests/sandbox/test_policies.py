"""IAM's evaluation logic: one test for each rule of the IAM User Guide that the policies here rely on."""

import pytest

from sandbox.aws.authorization.policy import Decision, Policies, Request

SERVICE = "arn:aws:ecs:us-east-1:222222222221:service/blue/app"
CLUSTER = "arn:aws:ecs:us-east-1:222222222221:cluster/blue"


def allow(**more):
    return {"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": "*", **more}


def decide(*statements, action="ecs:UpdateService", resource=SERVICE, **context):
    given = tuple((key.replace("__", ":").lower(), (value,)) for key, value in context.items())
    return Policies([{"Statement": statements}]).decide(Request(action, resource, given))


def test_what_nobody_allows_is_denied():
    assert decide() is Decision.NOT_ALLOWED
    assert decide(allow(Action="ecs:StopTask")) is Decision.NOT_ALLOWED


def test_a_deny_wins_over_every_allow_in_whichever_policy_it_is():
    deny = {**allow(), "Effect": "Deny"}
    assert decide(allow(), deny) is Decision.DENIED
    assert decide(deny, allow()) is Decision.DENIED
    two = Policies([{"Statement": [allow()]}, {"Statement": [deny]}])
    assert two.decide(Request("ecs:UpdateService", SERVICE)) is Decision.DENIED


def test_a_deny_of_something_else_is_silent():
    elsewhere = {**allow(), "Effect": "Deny", "Resource": "arn:aws:ecs:us-east-1:222222222221:service/green/*"}
    assert decide(allow(), elsewhere) is Decision.ALLOWED


@pytest.mark.parametrize(
    ("actions", "decision"),
    [
        ("ecs:UpdateService", Decision.ALLOWED),
        ("ECS:updateservice", Decision.ALLOWED),
        (["ecs:StopTask", "ecs:UpdateService"], Decision.ALLOWED),
        ("ecs:Update*", Decision.ALLOWED),
        ("ecs:UpdateServic?", Decision.ALLOWED),
        ("*", Decision.ALLOWED),
        ("ecs:Update", Decision.NOT_ALLOWED),
        ("ecs:UpdateService?", Decision.NOT_ALLOWED),
        ("ecr:*", Decision.NOT_ALLOWED),
    ],
)
def test_actions_fit_as_a_whole_with_wildcards_and_in_any_case(actions, decision):
    assert decide(allow(Action=actions)) is decision


def test_not_action_is_about_everything_else():
    but = {"Effect": "Allow", "NotAction": ["ecs:StopTask", "iam:*"], "Resource": "*"}
    assert decide(but) is Decision.ALLOWED
    assert decide(but, action="ecs:StopTask") is Decision.NOT_ALLOWED
    assert decide(but, action="iam:PassRole") is Decision.NOT_ALLOWED


@pytest.mark.parametrize(
    ("resources", "decision"),
    [
        (SERVICE, Decision.ALLOWED),
        ("arn:aws:ecs:us-east-1:222222222221:service/blue/*", Decision.ALLOWED),
        ("arn:aws:ecs:*:222222222221:service/*", Decision.ALLOWED),
        (["arn:aws:s3:::bucket", SERVICE], Decision.ALLOWED),
        ("arn:aws:ecs:us-east-1:222222222221:service/blue/App", Decision.NOT_ALLOWED),
        ("arn:aws:ecs:us-east-1:222222222222:service/blue/app", Decision.NOT_ALLOWED),
        ("arn:aws:ecs:us-east-1:222222222221:service/blue", Decision.NOT_ALLOWED),
        ("arn:aws:ecs:*:service/blue/app", Decision.NOT_ALLOWED),
    ],
)
def test_resources_fit_as_a_whole_and_a_wildcard_stays_in_its_part_of_an_arn(resources, decision):
    assert decide(allow(Resource=resources)) is decision


def test_not_resource_is_about_everything_else():
    but = {"Effect": "Allow", "Action": "ecs:*", "NotResource": "arn:aws:ecs:*:*:service/green/*"}
    assert decide(but) is Decision.ALLOWED
    assert decide(but, resource=SERVICE.replace("blue", "green")) is Decision.NOT_ALLOWED


@pytest.mark.parametrize(
    ("operator", "wanted", "decision"),
    [
        ("ArnEquals", CLUSTER, Decision.ALLOWED),
        ("ArnLike", "arn:aws:ecs:*:222222222221:cluster/b*", Decision.ALLOWED),
        ("ArnEquals", CLUSTER.replace("blue", "green"), Decision.NOT_ALLOWED),
        ("ArnNotEquals", CLUSTER, Decision.NOT_ALLOWED),
        ("ArnNotLike", CLUSTER.replace("blue", "green"), Decision.ALLOWED),
        ("StringEquals", CLUSTER, Decision.ALLOWED),
        ("StringEquals", CLUSTER.upper(), Decision.NOT_ALLOWED),
        ("StringEquals", "arn:*", Decision.NOT_ALLOWED),
        ("StringEqualsIgnoreCase", CLUSTER.upper(), Decision.ALLOWED),
        ("StringLike", "arn:*/blue", Decision.ALLOWED),
        ("StringNotEquals", CLUSTER, Decision.NOT_ALLOWED),
        ("StringNotLike", "arn:*/green", Decision.ALLOWED),
        ("StringEquals", ["other", CLUSTER], Decision.ALLOWED),
        ("StringNotEquals", ["other", CLUSTER], Decision.NOT_ALLOWED),
    ],
)
def test_condition_operators_compare_the_key_with_any_of_the_values(operator, wanted, decision):
    statement = allow(Condition={operator: {"ecs:Cluster": wanted}})
    assert decide(statement, ecs__cluster=CLUSTER) is decision


@pytest.mark.parametrize(
    ("operator", "decision"),
    [
        ("StringEquals", Decision.NOT_ALLOWED),
        ("ArnLike", Decision.NOT_ALLOWED),
        ("StringNotEquals", Decision.ALLOWED),
        ("ArnNotLike", Decision.ALLOWED),
        ("StringEqualsIfExists", Decision.ALLOWED),
        ("StringNotEqualsIfExists", Decision.ALLOWED),
    ],
)
def test_a_key_that_the_request_lacks_fails_all_but_negated_operators_and_those_with_if_exists(operator, decision):
    assert decide(allow(Condition={operator: {"aws:ResourceAccount": "222222222221"}})) is decision


def test_all_conditions_must_hold():
    both = {"ArnEquals": {"ecs:cluster": CLUSTER}, "StringEquals": {"aws:ResourceAccount": "222222222221"}}
    assert decide(allow(Condition=both), ecs__cluster=CLUSTER, aws__resourceaccount="222222222221") is Decision.ALLOWED
    assert decide(allow(Condition=both), ecs__cluster=CLUSTER, aws__resourceaccount="1") is Decision.NOT_ALLOWED


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (allow(Principal="*"), "Principal"),
        (allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "IpAddress"),
        (allow(Condition={"StringEquals": {"aws:ResourceTag/team": "maps"}}), "aws:ResourceTag/team"),
        (allow(Effect="Permit"), "Allow or Deny"),
        (allow(NotAction="ecs:StopTask"), "either Action or NotAction"),
        ({"Effect": "Allow", "Action": "*"}, "either Resource or NotResource"),
    ],
)
def test_what_is_not_understood_is_refused_and_not_passed_over(statement, said):
    with pytest.raises(ValueError, match=said):
        Policies([{"Statement": [statement]}])
