"""Each runbook's role is denied what its policy does not allow, in AWS's words: another service, and the same call elsewhere."""

import shutil

import pytest
from botocore.exceptions import ClientError

from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.aws.authorization.policy import Policies
from sandbox.aws.authorization.role_policies import READING, document_of

CORE, MAPS, DEVICES = "core/staging", "districtbuilder/staging", "staff-device-logging/development"
ELSEWHERE = {"cluster": "another-cluster", "service": "another-app"}
OF_ECS = ("ecs", "update_service", ELSEWHERE, "ecs:UpdateService", "service/another-cluster/another-app")
OF_TABLES = (
    "dynamodb",
    "get_item",
    {"TableName": "another-table", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}},
    "dynamodb:GetItem",
    "table/another-table",
)
OF_BUCKETS = (
    "s3",
    "put_object",
    {"Bucket": "another-bucket", "Key": "a", "Body": b""},
    "s3:PutObject",
    "arn:aws:s3:::another-bucket/a",
)
STOP = ("ecs", "stop_task", {"cluster": "another-cluster", "task": "1"}, "ecs:StopTask", "task/another-cluster/1")
OF_DATABASES = (
    "rds",
    "create_db_snapshot",
    {"DBInstanceIdentifier": "another", "DBSnapshotIdentifier": "s"},
    "rds:CreateDBSnapshot",
    "db:another",
)
OF_BUILDS = ("codebuild", "start_build", {"projectName": "another"}, "codebuild:StartBuild", "project/another")
OF_IMAGES = (
    "ecr",
    "put_image",
    {"registryId": "111111111110", "repositoryName": "another", "imageManifest": "{}"},
    "ecr:PutImage",
    "arn:aws:ecr:eu-west-2:111111111110:repository/another",
)
OF_PARAMETERS = (
    "ssm",
    "put_parameter",
    {"Name": "/another/name", "Value": "v", "Type": "String"},
    "ssm:PutParameter",
    "parameter/another/name",
)
OF_FUNCTIONS = (
    "cloudformation",
    "execute_change_set",
    {"StackName": "another", "ChangeSetName": "one"},
    "cloudformation:ExecuteChangeSet",
    "stack/another/*",
)
OF_LOG_GROUPS = (
    "logs",
    "put_retention_policy",
    {"logGroupName": "another", "retentionInDays": 7},
    "logs:PutRetentionPolicy",
    "log-group:another",
)
ROLES = (
    "iam",
    "delete_role",
    {"RoleName": "core-staging-deployment"},
    "iam:DeleteRole",
    "role/core-staging-deployment",
)


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inventory")
    for target in (CORE, MAPS, DEVICES):
        shutil.copy(SHIPPED / f"{target.split('/')[0]}.yaml", folder)
    return load(folder)


@pytest.fixture
def role(scene_of):
    """Return a target's clients, whose role has the policy of one runbook alone."""

    def limited(target, runbook):
        scene = scene_of(target)
        place, roles = scene.target.environment, scene.cloud.application.identities.roles
        roles[f"arn:aws:iam::{place.account}:role/{place.role}"] = Policies([document_of(runbook, scene.target)])
        return scene

    return limited


@pytest.mark.parametrize(
    ("runbook", "target", "calls"),
    [
        ("account_promotion", DEVICES, [OF_FUNCTIONS, OF_LOG_GROUPS, OF_BUCKETS, OF_PARAMETERS, OF_TABLES]),
        ("database_migration", CORE, [OF_DATABASES, OF_ECS, OF_TABLES, OF_IMAGES]),
        ("image_publication", MAPS, [OF_BUILDS, OF_ECS, OF_TABLES, OF_BUCKETS]),
        ("infrastructure_change", CORE, [OF_BUCKETS, OF_PARAMETERS, OF_TABLES, OF_ECS]),
        ("infrastructure_drift", CORE, [OF_PARAMETERS, OF_BUCKETS, OF_TABLES]),
        ("infrastructure_recreation", CORE, [OF_PARAMETERS, OF_TABLES, OF_IMAGES, OF_ECS]),
        ("production_release", CORE, [OF_ECS, OF_IMAGES, OF_DATABASES, OF_BUCKETS]),
        ("region_data_update", MAPS, [OF_BUCKETS, STOP, OF_ECS, OF_DATABASES]),
        ("release_rollback", CORE, [OF_ECS, OF_IMAGES, STOP]),
        ("service_restart", MAPS, [OF_ECS, STOP, OF_TABLES, OF_BUCKETS]),
        ("slack_delivery", CORE, [OF_TABLES, OF_ECS, OF_PARAMETERS]),
        ("staging_deployment", CORE, [OF_ECS, OF_IMAGES, OF_DATABASES, OF_BUILDS]),
    ],
)
def test_role_is_denied_what_is_outside_its_policy(role, runbook, target, calls):
    scene = role(target, runbook)
    place = scene.target.environment
    user = f"arn:aws:sts::{place.account}:assumed-role/{place.role}/tests"
    for service, operation, params, right, resource in [*calls, ROLES]:
        client = scene.cloud.client_of_runbooks(service, target)
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**params)
        error = caught.value.response
        assert error["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), (operation, error)
        said = error["Error"]["Message"]
        assert said.startswith(f"User: {user} is not authorized to perform: {right} on resource: "), said
        assert resource in said
        assert said.endswith(f"because no identity-based policy allows the {right} action")


def test_role_may_do_the_same_on_its_own_target(role):
    scene = role(CORE, "service_restart")
    ecs = scene.cloud.client_of_runbooks("ecs", CORE)
    answer = ecs.update_service(cluster="core-staging-app", service="core-staging-app", forceNewDeployment=True)
    assert answer["service"]["serviceName"] == "core-staging-app"
    with pytest.raises(ClientError, match="service/core-staging-app/another because no identity-based policy allows"):
        ecs.update_service(cluster="core-staging-app", service="another", forceNewDeployment=True)


def test_role_of_one_account_reaches_nothing_in_another(role):
    scene = role(CORE, "database_migration")
    ecr = scene.cloud.client_of_runbooks("ecr", CORE)
    where = {"registryId": "222222222221", "repositoryName": "core"}
    with pytest.raises(
        ClientError, match="arn:aws:ecr:eu-west-2:222222222221:repository/core because no identity-based"
    ):
        ecr.describe_images(**where)


def test_code_that_terraform_applies_may_not_raise_the_rights_of_the_role_that_applies_it(scene_of):
    iam = scene_of(CORE).cloud.client_of_runbooks("iam", CORE)
    statement = '{"Version": "2012-10-17", "Statement": []}'
    with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
        iam.put_role_policy(RoleName="core-staging-deployment", PolicyName="more", PolicyDocument=statement)


def test_role_that_only_reads_may_not_make_what_the_code_describes(scene_of):
    scene = scene_of(CORE)
    reading = f"core-staging-deployment{READING}"
    assert scene.cloud.client("logs", CORE, role=reading).describe_log_groups()["logGroups"]
    with pytest.raises(ClientError, match="not authorized to perform: logs:CreateLogGroup on resource"):
        scene.cloud.client("logs", CORE, role=reading).create_log_group(logGroupName="new")
