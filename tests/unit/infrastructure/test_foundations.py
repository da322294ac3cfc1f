"""A plan that takes away what Terraform and the runbooks need themselves is refused, with the name of each such thing."""

import pytest

from include.errors import PreconditionError
from include.infrastructure.foundations import find_undermined, refuse_undermined
from include.inventory import load
from include.terraform.plan import ResourceChange

CORE, MAPS = "core/staging", "districtbuilder/staging"


def change(kind, name, action="destroy", **more):
    return ResourceChange(f"{kind}.this", kind, "managed", action, id=name, **more)


@pytest.fixture(scope="module")
def inventory():
    return load()


@pytest.mark.parametrize(
    ("target", "kind", "name", "why"),
    [
        (CORE, "aws_s3_bucket", "core-non-prod-tf-state", "bucket core-non-prod-tf-state, which has Terraform's state"),
        (
            CORE,
            "aws_dynamodb_table",
            "core-non-prod-tf-state-lock",
            "table core-non-prod-tf-state-lock, in which Terraform locks",
        ),
        (
            CORE,
            "aws_dynamodb_table",
            "runbook-operations",
            "table runbook-operations, which has the runbooks' leases and records",
        ),
        (CORE, "aws_iam_role", "core-staging-deployment", "role core-staging-deployment, by which the runbooks work"),
        (
            CORE,
            "aws_iam_role_policy",
            "core-staging-deployment:all",
            "a policy of role core-staging-deployment, by which",
        ),
        (MAPS, "aws_s3_bucket", "districtbuilder-staging-config-us-east-1", "which has Terraform's state"),
        (
            "staff-device-logging/development",
            "aws_ssm_parameter",
            "/codebuild/staff-device-logging/development/elastic_password",
            "which has the value of a variable",
        ),
    ],
)
@pytest.mark.parametrize("action", ["destroy", "replace"])
def test_what_a_plan_needs_itself_is_named(inventory, target, kind, name, why, action):
    (found,) = find_undermined(inventory.target(target), [change(kind, name, action), change("aws_sns_topic", name)])
    assert found.startswith(f"{kind}.this is ")
    assert why in found


def test_what_others_need_and_what_only_changes_is_not(inventory):
    changes = [
        change("aws_s3_bucket", "core-prod-tf-state"),
        change("aws_s3_bucket", "core-non-prod-tf-state", "change"),
        change("aws_s3_bucket", "core-non-prod-tf-state", "forget"),
        change("aws_s3_bucket", "core-non-prod-tf-state", "replace", forgets_old=True),
        change("aws_s3_bucket_policy", "core-non-prod-tf-state"),
        change("aws_dynamodb_table", "core-non-prod-tf-state"),
    ]
    target = inventory.target(CORE)
    assert list(find_undermined(target, changes)) == []
    refuse_undermined(target, changes)


def test_all_of_it_is_refused_in_one_message(inventory):
    bucket, table = (
        change("aws_s3_bucket", "core-non-prod-tf-state"),
        change("aws_dynamodb_table", "core-non-prod-tf-state-lock", "replace"),
    )
    with pytest.raises(PreconditionError) as caught:
        refuse_undermined(inventory.target(CORE), [bucket, table])
    assert str(caught.value) == (
        "The plan would destroy what it needs itself: aws_s3_bucket.this is bucket core-non-prod-tf-state, which has Terraform's state; "
        "aws_dynamodb_table.this is table core-non-prod-tf-state-lock, in which Terraform locks its state. Nothing was changed; keep it "
        "in code with a state of its own, and take it out of this one by a 'removed' block."
    )
