"""Where moto makes it too easy to destroy things: secrets, databases, load balancers, definitions, registries."""

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.services.ecs.task_definition_operations import DELETED_AFTER
from sandbox.aws.services.rds.api import CREATION, DELETION, LASTS
from sandbox.aws.services.secretsmanager.api import FORCED
from tests.support.external_services import inject_fault

CORE = "core/staging"
LONDON = {"LocationConstraint": "eu-west-2"}


def refused(call, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def secrets(cloud):
    return cloud.client("secretsmanager", CORE)


@pytest.fixture
def rds(cloud):
    return cloud.client("rds", CORE)


@pytest.fixture
def database(rds):
    """A database that is being made."""
    rds.create_db_instance(
        DBInstanceIdentifier="records",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="records",
        MasterUserPassword="password-of-records",
    )
    return lambda: rds.describe_db_instances(DBInstanceIdentifier="records")["DBInstances"][0]


# Secrets


def test_secret_marked_for_deletion_keeps_its_name_and_takes_no_write(cloud, secrets):
    secrets.create_secret(Name="key", SecretString="x")
    secrets.delete_secret(SecretId="key", RecoveryWindowInDays=7)
    taken = "You can't create this secret because a secret with this name is already scheduled for deletion."
    assert refused(secrets.create_secret, Name="key") == ("InvalidRequestException", taken)
    marked = "You can't perform this operation on the secret because it was marked for deletion."
    assert refused(secrets.put_secret_value, SecretId="key", SecretString="y") == ("InvalidRequestException", marked)
    assert refused(secrets.get_secret_value, SecretId="key") == ("InvalidRequestException", marked)
    assert secrets.describe_secret(SecretId="key")["DeletedDate"].timestamp() == cloud.world.clock.now() + 7 * 86400


def test_secret_deleted_without_recovery_is_gone_after_a_while_and_cannot_be_restored(cloud, secrets):
    secrets.create_secret(Name="key", SecretString="x")
    secrets.delete_secret(SecretId="key", ForceDeleteWithoutRecovery=True)
    assert refused(secrets.create_secret, Name="key")[0] == "InvalidRequestException"
    assert refused(secrets.restore_secret, SecretId="key")[0] == "InvalidRequestException"
    cloud.advance(FORCED + 1)
    secrets.create_secret(Name="key")
    # of one that is not there it is no error
    assert secrets.delete_secret(SecretId="nothing", ForceDeleteWithoutRecovery=True)["Name"] == "nothing"


def test_scheduled_secret_can_be_deleted_at_once_after_all(cloud, secrets):
    secrets.create_secret(Name="key")
    secrets.delete_secret(SecretId="key")
    secrets.delete_secret(SecretId="key", ForceDeleteWithoutRecovery=True)
    cloud.advance(FORCED + 1)
    assert refused(secrets.describe_secret, SecretId="key")[0] == "ResourceNotFoundException"


# Databases


def test_database_takes_its_time_to_be_made_and_has_an_id_of_its_own(cloud, rds, database):
    assert database()["DBInstanceStatus"] == "creating"
    cloud.advance(CREATION)
    assert database()["DBInstanceStatus"] == "available"
    (old,) = rds.describe_db_instances(DBInstanceIdentifier="core-staging")["DBInstances"]
    assert (old["DBInstanceStatus"], old["DbiResourceId"] != database()["DbiResourceId"]) == ("available", True)
    wanted = [{"Name": "dbi-resource-id", "Values": [database()["DbiResourceId"]]}]
    assert [
        dbinstance["DBInstanceIdentifier"] for dbinstance in rds.describe_db_instances(Filters=wanted)["DBInstances"]
    ] == ["records"]


def test_database_is_gone_only_after_its_final_snapshot(cloud, rds, database):
    cloud.advance(CREATION)
    needed = refused(rds.delete_db_instance, DBInstanceIdentifier="records")
    assert needed == (
        "InvalidParameterCombination",
        "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
    )
    rds.modify_db_instance(DBInstanceIdentifier="records", DeletionProtection=True, ApplyImmediately=True)
    final = {"DBInstanceIdentifier": "records", "FinalDBSnapshotIdentifier": "last"}
    protected = "Cannot delete protected DB Instance, please disable deletion protection and try again."
    assert refused(rds.delete_db_instance, **final) == ("InvalidParameterCombination", protected)
    rds.modify_db_instance(DBInstanceIdentifier="records", DeletionProtection=False, ApplyImmediately=True)
    rds.delete_db_instance(**final)
    assert database()["DBInstanceStatus"] == "deleting"
    assert refused(rds.delete_db_instance, **final)[0] == "InvalidDBInstanceState"
    cloud.advance(LASTS)
    (snapshot,) = rds.describe_db_snapshots(DBSnapshotIdentifier="last")["DBSnapshots"]
    assert (snapshot["Status"], database()["DBInstanceStatus"]) == ("available", "deleting")
    cloud.advance(DELETION)
    assert refused(rds.describe_db_instances, DBInstanceIdentifier="records")[0] == "DBInstanceNotFound"
    assert len(rds.describe_db_snapshots(DBSnapshotIdentifier="last")["DBSnapshots"]) == 1


def test_engine_of_a_database_goes_up_and_over_a_major_version_only_if_allowed(rds, database):
    rds.modify_db_instance(DBInstanceIdentifier="records", EngineVersion=database()["EngineVersion"])  # no change
    major = int(database()["EngineVersion"].partition(".")[0])
    for version in (f"{major + 1}.1", f"{major - 1}.1"):
        code, said = refused(rds.modify_db_instance, DBInstanceIdentifier="records", EngineVersion=version)
        assert code == "InvalidParameterCombination"
        assert ("must be present" in said) == version.startswith(str(major + 1))
    rds.modify_db_instance(
        DBInstanceIdentifier="records", EngineVersion=f"{major + 1}.1", AllowMajorVersionUpgrade=True
    )
    assert database()["EngineVersion"] == f"{major + 1}.1"


def test_final_snapshot_counts_towards_the_quota(control, cloud, rds, database):
    cloud.advance(CREATION)
    inject_fault(control, "snapshot_quota", target=CORE, max=0)
    final = {"DBInstanceIdentifier": "records", "FinalDBSnapshotIdentifier": "last"}
    assert refused(rds.delete_db_instance, **final)[0] == "SnapshotQuotaExceeded"
    assert database()["DBInstanceStatus"] == "available"


# Load balancers


@pytest.fixture
def balancer(cloud):
    ec2, elb = cloud.client("ec2", CORE), cloud.client("elbv2", CORE)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"eu-west-2{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    return elb.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]


def test_protected_load_balancer_is_not_deleted(cloud, balancer):
    elb = cloud.client("elbv2", CORE)

    def protect(value):
        attribute = {"Key": "deletion_protection.enabled", "Value": value}
        elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[attribute])

    protect("true")
    words = f"Load balancer '{balancer}' cannot be deleted because deletion protection is enabled"
    assert refused(elb.delete_load_balancer, LoadBalancerArn=balancer) == ("OperationNotPermitted", words)
    protect("false")
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    assert refused(elb.describe_load_balancers, LoadBalancerArns=[balancer])[0] == "LoadBalancerNotFound"


def test_access_logs_need_a_bucket_that_lets_them_in(cloud, control, balancer):
    elb, s3 = cloud.client("elbv2", CORE), cloud.client("s3", CORE)
    wanted = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "core-staging-logs"}
    attributes = [{"Key": key, "Value": value} for key, value in wanted.items()]
    ask = {"LoadBalancerArn": balancer, "Attributes": attributes}
    words = "Access Denied for bucket: core-staging-logs. Please check S3bucket permission"
    assert refused(elb.modify_load_balancer_attributes, **ask) == ("InvalidConfigurationRequest", words)
    s3.create_bucket(Bucket="core-staging-logs", CreateBucketConfiguration=LONDON)
    assert refused(elb.modify_load_balancer_attributes, **ask)[1] == words
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::core-staging-logs/*",
    }
    s3.put_bucket_policy(
        Bucket="core-staging-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    injected = inject_fault(control, "access_logs_denied", target=CORE, times=1)
    assert refused(elb.modify_load_balancer_attributes, **ask)[1] == words
    elb.modify_load_balancer_attributes(**ask)
    assert injected() == 1


# Task definitions


def test_deleted_definition_stays_while_it_is_used_and_its_family_goes_on_counting(cloud):
    ecs = cloud.client("ecs", CORE)
    containers = [{"name": "app", "image": "nginx", "memory": 64}]
    for _ in range(2):
        ecs.register_task_definition(family="report", containerDefinitions=containers)
    ecs.deregister_task_definition(taskDefinition="report:2")
    assert (
        ecs.describe_task_definition(taskDefinition="report")["taskDefinition"]["revision"] == 1
    )  # the newest active one
    ecs.deregister_task_definition(taskDefinition="report:1")
    answer = ecs.delete_task_definitions(taskDefinitions=["report:1", "report:2"])
    assert {definition["status"] for definition in answer["taskDefinitions"]} == {"DELETE_IN_PROGRESS"}
    listed = ecs.list_task_definitions(familyPrefix="report", status="DELETE_IN_PROGRESS")["taskDefinitionArns"]
    assert len(listed) == 2
    cloud.advance(DELETED_AFTER + 1)
    assert ecs.list_task_definitions(familyPrefix="report", status="DELETE_IN_PROGRESS")["taskDefinitionArns"] == []
    assert refused(ecs.describe_task_definition, taskDefinition="report:2")[0] == "ClientException"
    made = ecs.register_task_definition(family="report", containerDefinitions=containers)
    assert made["taskDefinition"]["revision"] == 3


def test_definition_that_tasks_run_is_not_gone(cloud):
    ecs = cloud.client("ecs", CORE)
    (service,) = ecs.describe_services(cluster="core-staging-app", services=["core-staging-app"])["services"]
    running = service["taskDefinition"]
    ecs.deregister_task_definition(taskDefinition=running)
    ecs.delete_task_definitions(taskDefinitions=[running])
    cloud.advance(DELETED_AFTER + 1)
    found = ecs.describe_task_definition(taskDefinition=running)["taskDefinition"]
    assert found["status"] == "DELETE_IN_PROGRESS"


# Launch templates, registries, state


def test_tags_of_a_launch_template_are_none_of_what_it_launches(cloud):
    ec2 = cloud.client("ec2", CORE)
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "maps"}]}]
    data = {"InstanceType": "r5.large"}
    ec2.create_launch_template(LaunchTemplateName="builder", LaunchTemplateData=data, TagSpecifications=tags)
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName="builder")["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"].get("TagSpecifications", []) == []
    (template,) = ec2.describe_launch_templates(LaunchTemplateNames=["builder"])["LaunchTemplates"]
    assert template["Tags"] == [{"Key": "team", "Value": "maps"}]


def test_registry_with_an_image_is_deleted_only_by_force(cloud):
    ecr = cloud.client("ecr", CORE)
    made = ecr.create_repository(repositoryName="tools", tags=[{"Key": "system", "Value": "core"}])["repository"]
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "system", "Value": "core"}]
    ecr.delete_repository(repositoryName="tools")
    assert refused(ecr.describe_repositories, repositoryNames=["tools"])[0] == "RepositoryNotFoundException"
    maps = cloud.client("ecr", "districtbuilder/staging")
    assert refused(maps.delete_repository, repositoryName="districtbuilder")[0] == "RepositoryNotEmptyException"
    maps.delete_repository(repositoryName="districtbuilder", force=True)
    assert refused(maps.describe_repositories, repositoryNames=["districtbuilder"])[0] == "RepositoryNotFoundException"


def test_state_bucket_and_lock_table_of_every_target_are_there(cloud, small_inventory):
    for name, target in small_inventory.targets.items():
        wanted = target.environment.terraform
        s3, dynamodb = cloud.client("s3", name), cloud.client("dynamodb", name)
        assert s3.get_bucket_versioning(Bucket=wanted.state_bucket)["Status"] == "Enabled"
        table = dynamodb.describe_table(TableName=wanted.lock_table)["Table"]
        assert table["KeySchema"] == [{"AttributeName": "LockID", "KeyType": "HASH"}]
    variables = cloud.client("s3", "districtbuilder/staging").get_object(
        Bucket="districtbuilder-staging-config-us-east-1", Key="terraform/terraform.tfvars"
    )
    assert b'environment       = "staging"' in variables["Body"].read()
