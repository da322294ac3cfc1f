"""The endpoint itself: who may call, what is logged, how it says no."""

import boto3
import pytest
from botocore.exceptions import ClientError


def test_only_roles_of_the_inventory_can_be_assumed(cloud):
    sts = boto3.client(
        "sts",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        sts.assume_role(RoleArn="arn:aws:iam::222222222221:role/admin", RoleSessionName="tests")


def test_every_call_is_logged_with_its_role_and_whether_it_mutates(cloud):
    ecs = cloud.client("ecs")
    ecs.describe_services(cluster="ecsStagingCluster", services=["StagingApp_EC2LaunchType"])
    ecs.update_service(cluster="ecsStagingCluster", service="StagingApp_EC2LaunchType", desiredCount=2)
    found = [(each.action, each.role, each.account, each.mutates) for each in cloud.application.calls]
    assert found == [
        ("AssumeRole", "base", "000000000000", False),
        ("DescribeServices", "districtbuilder-staging-runbooks", "222222222221", False),
        ("UpdateService", "districtbuilder-staging-runbooks", "222222222221", True),
    ]


def test_accounts_do_not_see_each_other(cloud):
    clusters = cloud.client("ecs", "core/staging").list_clusters()["clusterArns"]
    assert [each.rsplit("/", 1)[-1] for each in clusters] == ["core-staging-app"]


def test_what_is_not_there_is_refused_in_aws_own_form(cloud):
    ecs = cloud.client("ecs")
    with pytest.raises(ClientError) as caught:
        ecs.execute_command(cluster="ecsStagingCluster", task="t", interactive=True, command="sh")
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
