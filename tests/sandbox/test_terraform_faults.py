"""The faults that infrastructure meets: what is in the way of destroying it, what comes back, and a state that cannot be kept."""

import time

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.services.secretsmanager.api import FORCED
from tests.support.external_services import inject_fault

CORE = "core/staging"
BUCKET, STATE = "core-staging-exported-files", "core-non-prod-tf-state"
LONDON = {"LocationConstraint": "eu-west-2"}


def refused(call, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def s3(cloud):
    made = cloud.client("s3", CORE)
    made.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=LONDON)
    made.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return made


def test_filled_bucket_has_old_versions_a_delete_marker_and_an_unfinished_upload(control, s3):
    inject_fault(control, "bucket_filled", target=CORE, bucket=BUCKET, objects=3)
    found = s3.list_object_versions(Bucket=BUCKET)
    assert (len(found["Versions"]), len(found["DeleteMarkers"])) == (4, 1)
    assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 2
    assert len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1
    assert refused(s3.delete_bucket, Bucket=BUCKET) == "BucketNotEmpty"


def test_bucket_is_refilled_once_it_is_empty_and_not_before(control, s3):
    injected = inject_fault(control, "bucket_refilled", target=CORE, bucket=BUCKET, times=1)
    versions = [s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")["VersionId"] for key in ("a", "b")]
    s3.delete_object(Bucket=BUCKET, Key="a", VersionId=versions[0])
    assert injected() == 0
    for turn in range(2):
        found = s3.list_object_versions(Bucket=BUCKET)["Versions"]
        assert [each["Key"] for each in found] == [["b"], ["AWSLogs/late-1.log.gz"]][turn]
        gone = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": gone})
    assert injected() == 1
    assert "Versions" not in s3.list_object_versions(Bucket=BUCKET)
    assert s3.delete_bucket(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_unknown_bucket_is_refused_by_the_names_that_there_are(control):
    answer = control.post("/faults", json={"kind": "bucket_filled", "target": CORE, "bucket": "nothing"})
    assert answer.status_code == 400
    assert "no bucket 'nothing'; it has core-non-prod-archive, core-non-prod-tf-state" in answer.get_json()["error"]


@pytest.mark.parametrize("kind", ["parameter_missing", "parameter_empty"])
def test_parameter_is_spoilt_until_the_fault_is_removed(cloud, control, kind):
    ssm = cloud.client("ssm", CORE)
    ssm.put_parameter(Name="/core/staging/log-level", Type="String", Value="info")
    inject_fault(control, kind, target=CORE, name="/core/staging/log-level")
    answer = ssm.get_parameters(Names=["/core/staging/log-level"])
    spoilt = {"parameter_missing": [], "parameter_empty": [" "]}[kind]
    assert [parameter["Value"] for parameter in answer["Parameters"]] == spoilt
    control.delete("/faults")
    assert ssm.get_parameter(Name="/core/staging/log-level")["Parameter"]["Value"] == "info"


def test_role_cannot_be_assumed_as_often_as_the_fault_says(cloud, control):
    injected = inject_fault(control, "assume_role_denied", target=CORE, times=1)
    assert cloud.new_client("sts", "districtbuilder/staging")  # another account's
    with pytest.raises(
        ClientError, match="not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111"
    ):
        cloud.new_client("sts", CORE)
    assert cloud.new_client("sts", CORE).get_caller_identity()["Account"] == "111111111111"
    assert injected() == 1


def test_credentials_are_refused_once_their_time_is_over(cloud, control):
    injected = inject_fault(control, "sessions_shortened", target=CORE, seconds=0.2)
    clients = {each: cloud.new_client(each, CORE) for each in ("sts", "logs", "s3")}
    keys = [each._get_credentials().access_key for each in clients.values()]
    end = max(cloud.application.identities.find(key).expires for key in keys)
    while time.time() < end:  # by the laptop's clock, as it is for the client
        time.sleep(0.01)
    said = {"sts": "get_caller_identity", "logs": "describe_log_groups", "s3": "list_buckets"}
    assert {client: refused(getattr(clients[client], said[client])) for client in clients} == {
        "sts": "ExpiredToken",
        "logs": "ExpiredTokenException",
        "s3": "ExpiredToken",
    }
    assert injected() == 3
    control.delete("/faults")
    assert cloud.new_client("sts", CORE).get_caller_identity()["Account"] == "111111111111"


def test_database_of_a_snapshot_holds_what_the_snapshot_holds_and_takes_its_time(cloud, control):
    inject_fault(control, "database_written", target=CORE, instance="core-staging", text="what was written")
    rds, written = cloud.client("rds", CORE), cloud.world.region("111111111111", "eu-west-2").written
    arn = rds.describe_db_instances(DBInstanceIdentifier="core-staging")["DBInstances"][0]["DBInstanceArn"]
    rds.create_db_snapshot(DBInstanceIdentifier="core-staging", DBSnapshotIdentifier="before")
    again = {"DBInstanceIdentifier": "core-staging-again", "DBSnapshotIdentifier": "before"}
    assert refused(rds.restore_db_instance_from_db_snapshot, **again) == "InvalidDBSnapshotState"
    cloud.advance(3600)
    inject_fault(control, "database_written", target=CORE, instance="core-staging", text="what was written later")
    rds.restore_db_instance_from_db_snapshot(**again)
    (made,) = rds.describe_db_instances(DBInstanceIdentifier="core-staging-again")["DBInstances"]
    assert (made["DBInstanceStatus"], made["DeletionProtection"]) == ("creating", False)
    assert written[made["DBInstanceArn"]] == "what was written"
    assert written[arn] == "what was written later"
    rds.delete_db_instance(DBInstanceIdentifier="core-staging", FinalDBSnapshotIdentifier="at-its-end")
    cloud.advance(3600)
    end = {"DBInstanceIdentifier": "core-staging", "DBSnapshotIdentifier": "at-its-end"}
    assert (
        written[rds.restore_db_instance_from_db_snapshot(**end)["DBInstance"]["DBInstanceArn"]]
        == "what was written later"
    )
    empty = {"DBInstanceClass": "db.t3.medium", "Engine": "postgres", "AllocatedStorage": 20, "MasterUsername": "a"}
    made = rds.create_db_instance(DBInstanceIdentifier="other", MasterUserPassword="a-password", **empty)
    assert written[made["DBInstance"]["DBInstanceArn"]] == ""


def test_state_cannot_be_written_after_so_many_writes_but_its_lock_can(cloud, control):
    s3 = cloud.client("s3", CORE)
    inject_fault(control, "state_unwritable", target=CORE, after=1)
    s3.put_object(Bucket=STATE, Key="core-staging.tfstate", Body=b"{}")
    assert refused(s3.put_object, Bucket=STATE, Key="core-staging.tfstate", Body=b"{}") == "AccessDenied"
    s3.put_object(Bucket=STATE, Key="core-staging.tfstate.tflock", Body=b"{}")
    assert s3.get_object(Bucket=STATE, Key="core-staging.tfstate")["Body"].read() == b"{}"


def test_missing_state_bucket_comes_back_with_what_was_in_it(cloud, control):
    s3 = cloud.client("s3", CORE)
    s3.put_object(Bucket=STATE, Key="core-staging.tfstate", Body=b"{}")
    inject_fault(control, "state_missing", target=CORE)
    assert refused(s3.get_object, Bucket=STATE, Key="core-staging.tfstate") == "NoSuchBucket"
    control.delete("/faults")
    assert s3.get_object(Bucket=STATE, Key="core-staging.tfstate")["Body"].read() == b"{}"


def test_scheduled_secret_is_in_the_way_of_a_new_one(cloud, control):
    inject_fault(control, "secret_scheduled", target=CORE, name="MONITORING_EMAIL")
    secrets = cloud.client("secretsmanager", CORE)
    assert secrets.list_secrets().get("SecretList") == []
    assert [each["Name"] for each in secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]] == [
        "MONITORING_EMAIL"
    ]
    with pytest.raises(ClientError, match="already scheduled for deletion") as caught:
        secrets.create_secret(Name="MONITORING_EMAIL")
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    secrets.restore_secret(SecretId="MONITORING_EMAIL")
    assert refused(secrets.create_secret, Name="MONITORING_EMAIL") == "ResourceExistsException"


def test_secret_is_made_again_by_somebody_when_it_is_gone(cloud, control):
    secrets = cloud.client_of_runbooks("secretsmanager", CORE)
    secrets.create_secret(Name="MONITORING_EMAIL")
    injected = inject_fault(control, "secret_recreated", target=CORE, name="MONITORING_EMAIL")
    secrets.delete_secret(SecretId="MONITORING_EMAIL", ForceDeleteWithoutRecovery=True)
    assert refused(secrets.create_secret, Name="MONITORING_EMAIL") == "InvalidRequestException"
    assert injected() == 0
    cloud.advance(FORCED + 1)
    assert refused(secrets.create_secret, Name="MONITORING_EMAIL") == "ResourceExistsException"
    assert injected() == 1
    (made,) = [call for call in cloud.application.calls if call.action == "CreateSecret" and call.role == "somebody"]
    assert made.params == {"Name": "MONITORING_EMAIL"}


def test_existing_snapshot_has_the_name_of_the_final_one(cloud, control):
    inject_fault(control, "snapshot_exists", target=CORE, name="core-staging-records")
    rds = cloud.client("rds", CORE)
    found = rds.describe_db_snapshots(DBSnapshotIdentifier="core-staging-records")["DBSnapshots"]
    assert [(each["SnapshotType"], each["DBInstanceIdentifier"]) for each in found] == [("manual", "core-staging")]
    final = {"DBInstanceIdentifier": "core-staging", "FinalDBSnapshotIdentifier": "core-staging-records"}
    assert refused(rds.delete_db_instance, **final) == "DBSnapshotAlreadyExists"


def test_slow_calls_take_that_long_and_are_carried_out(cloud, control):
    inject_fault(control, "calls_slow", target=CORE, milliseconds=300, api="ssm", action="PutParameter")
    ssm, began = cloud.client("ssm", CORE), time.monotonic()
    ssm.put_parameter(Name="/core/staging/one", Type="String", Value="x")
    assert time.monotonic() - began >= 0.3
    assert ssm.get_parameter(Name="/core/staging/one")["Parameter"]["Value"] == "x"
