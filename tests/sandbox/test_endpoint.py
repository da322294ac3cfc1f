"""The endpoint of the simulated AWS: who may call, what is logged, and how it refuses."""

import boto3
import pytest
from botocore.config import Config
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
    ecs = cloud.new_client("ecs", role="districtbuilder-staging-runbooks")
    ecs.describe_services(cluster="ecsStagingCluster", services=["StagingApp_EC2LaunchType"])
    ecs.update_service(cluster="ecsStagingCluster", service="StagingApp_EC2LaunchType", desiredCount=2)
    found = [(call.action, call.role, call.account, call.mutates) for call in cloud.application.calls]
    assert found == [
        ("AssumeRole", "base", "000000000000", False),
        ("DescribeServices", "districtbuilder-staging-runbooks", "222222222221", False),
        ("UpdateService", "districtbuilder-staging-runbooks", "222222222221", True),
    ]


def test_accounts_do_not_see_each_other(cloud):
    clusters = cloud.client("ecs", "core/staging").list_clusters()["clusterArns"]
    assert [cluster.rsplit("/", 1)[-1] for cluster in clusters] == ["core-staging-app"]


def test_what_is_not_there_is_refused_in_aws_own_form(cloud):
    ecs = cloud.client("ecs")
    with pytest.raises(ClientError) as caught:
        ecs.execute_command(cluster="ecsStagingCluster", task="t", interactive=True, command="sh")
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def client(cloud, service, key="sandbox", region="us-east-1"):
    return boto3.client(
        service,
        endpoint_url=cloud.url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_caller_identity_is_that_of_the_assumed_role(cloud):
    said = cloud.client_of_runbooks("sts").get_caller_identity()
    assert said["Account"] == "222222222221"
    assert said["Arn"] == "arn:aws:sts::222222222221:assumed-role/districtbuilder-staging-runbooks/tests"
    assert client(cloud, "sts").get_caller_identity()["Account"] == "000000000000"


def test_client_made_before_a_reset_still_reaches_its_own_account(cloud, control):
    ecs = cloud.client("ecs")
    assert control.post("/reset").status_code == 200
    found = ecs.describe_services(cluster="ecsStagingCluster", services=["StagingApp_EC2LaunchType"])
    assert [service["runningCount"] for service in found["services"]] == [2]


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [("ecs", "list_clusters", "UnrecognizedClientException"), ("sts", "get_caller_identity", "InvalidClientTokenId")],
)
def test_unknown_access_key_is_refused(cloud, service, operation, code):
    with pytest.raises(ClientError) as caught:
        getattr(client(cloud, service, key="ASIAUNKNOWN000000000"), operation)()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("autoscaling", "start_instance_refresh", {"AutoScalingGroupName": "g"}),
        ("autoscaling", "delete_auto_scaling_group", {"AutoScalingGroupName": "asgStagingContainerInstance"}),
        ("ecs", "register_container_instance", {"cluster": "ecsStagingCluster"}),
        ("cloudwatch", "describe_alarm_history", {}),
        ("ec2", "describe_fast_launch_images", {}),
        ("codepipeline", "get_pipeline_state", {"name": "p"}),
    ],
)
def test_every_protocol_learns_what_the_sandbox_does_not_know_in_one_answer(cloud, service, operation, params):
    with pytest.raises(ClientError) as caught:
        getattr(cloud.client(service), operation)(**params)
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_error_of_a_refused_call_is_in_the_call_log(cloud):
    with pytest.raises(ClientError):
        cloud.client("ecs").update_service(cluster="ecsStagingCluster", service="nobody", desiredCount=1)
    last = cloud.application.calls[-1]
    assert (last.action, last.status, last.error) == (
        "UpdateService",
        400,
        "ServiceNotFoundException: Service not found.",
    )


def test_length_of_an_object_is_told_without_its_body(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="maps")
    s3.put_object(Bucket="maps", Key="topo.json", Body=b"12345")
    assert s3.head_object(Bucket="maps", Key="topo.json")["ContentLength"] == 5


def test_operations_table_is_there_in_each_account(cloud):
    for target in ("districtbuilder/staging", "core/staging"):
        table = cloud.client("dynamodb", target).describe_table(TableName="runbook-operations")["Table"]
        assert [each["AttributeName"] for each in table["KeySchema"]] == ["pk", "sk"]


def test_image_of_every_running_task_is_in_its_registry(cloud):
    ecs, ecr = cloud.client("ecs", "core/staging"), cloud.client("ecr", "core/staging")
    definition = ecs.describe_task_definition(taskDefinition="core-staging-app")["taskDefinition"]
    registry, _, tag = definition["containerDefinitions"][0]["image"].partition(":")
    assert registry == "111111111110.dkr.ecr.eu-west-2.amazonaws.com/core"
    found = ecr.describe_images(registryId="111111111110", repositoryName="core", imageIds=[{"imageTag": tag}])
    assert [tag in detail["imageTags"] for detail in found["imageDetails"]] == [True]
