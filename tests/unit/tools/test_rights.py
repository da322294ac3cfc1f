"""The rights of each runbook, derived from the calls that its code can reach."""

import pytest

from include.aws.rights import LATER
from tools import rights

HOUSEKEEPING = ("infrastructure_drift", "review_app_cleanup", "slack_delivery")  # these ask nobody
NOT_TRIED = {
    "lambda:GetFunction",  # CloudFormation makes the call
    "s3:GetObjectTagging",  # a copy tries it itself, on an object that it is to copy
    "s3:ListBucketMultipartUploads",  # a copy goes on without it, and says what it could not look for
    "secretsmanager:GetSecretValue",  # a trial would read a secret
}


def test_page_has_the_rights_that_the_code_needs():
    assert rights.PAGE.read_text(encoding="utf-8") == rights.page(), "run python -m tools.rights"


# the plan makes these for a seed only, and every recreation makes them later
SOMETIMES = {"infrastructure_recreation": {"ecs:DescribeServices", "ecs:DescribeTaskDefinition"}}


@pytest.mark.parametrize("runbook", rights.runbooks())
def test_reads_after_the_approval_are_tried_by_the_plan(runbook):
    later = {right for right in rights.rights_of_runbook(runbook) if rights.is_read(right)}
    later -= rights.rights_of_plan(runbook) | NOT_TRIED
    if runbook not in HOUSEKEEPING:
        assert sorted(later | SOMETIMES.get(runbook, set())) == sorted(LATER[runbook])


@pytest.mark.parametrize(
    ("runbook", "some", "none"),
    [
        (
            "service_restart",
            {"ecs:StopTask", "ecs:UpdateService", "autoscaling:SetDesiredCapacity", "ecr:BatchGetImage"},
            {"s3", "rds", "codedeploy"},
        ),
        (
            "region_data_update",
            {"s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "ecs:StopTask"},
            {"rds", "codedeploy", "codebuild"},
        ),
        (
            "production_release",
            {"codedeploy:CreateDeployment", "ecs:ListTaskDefinitions", "ecr:PutImage", "iam:PassRole", "ecs:RunTask"},
            {"s3", "codebuild"},
        ),
        ("release_rollback", {"ecs:UpdateService", "codedeploy:CreateDeployment"}, {"s3", "rds", "codebuild"}),
        ("image_publication", {"codebuild:StartBuild", "ecr:DescribeImages"}, {"ecs", "s3", "rds"}),
        (
            "database_migration",
            {"ecs:RunTask", "rds:CreateDBSnapshot", "logs:GetLogEvents"},
            {"s3", "codedeploy", "codebuild"},
        ),
    ],
)
def test_rights_are_those_of_the_calls_a_runbook_makes(runbook: str, some: set[str], none: set[str]):
    found = rights.rights_of_runbook(runbook)
    assert some | {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "sts:GetCallerIdentity"} <= found
    assert not {right.split(":")[0] for right in found} & none
