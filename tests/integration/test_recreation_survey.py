"""Everything in the account that is in the way of a destruction, found at once, and what the run does about it."""

import pytest
from moto.ec2.models import ec2_backends
from moto.rds.models import rds_backends

from include.aws.bucket_contents import COUNTED, Contents, count_contents
from include.errors import CopyFailedError, PreconditionError
from include.infrastructure.kept import list_kept
from include.infrastructure.orphans import list_orphans
from include.infrastructure.recreation import kept_data, remedies, secret_values, steps
from include.infrastructure.recreation.obstacles import Found, Obstacle, arguments_of, is_taken_back, lifted_arguments
from include.infrastructure.recreation.plan import (
    Bucket,
    Choices,
    Database,
    Doomed,
    DoomedSecret,
    InfrastructureRecreationPlan,
)
from include.infrastructure.recreation.serving import look_at_services
from include.infrastructure.recreation.survey import Survey, look, roughly
from include.terraform.plan import ResourceChange
from include.terraform.shown import Attribute
from include.terraform.state import State
from include.waiters.progress import Progress
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep

TARGET, RUN = "core/staging", "infrastructure_recreation/one"
BUCKET, DATABASE = "core-staging-some-files", "core-staging"


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


@pytest.fixture
def ctx(scene):
    return InfrastructureStep(scene, scene.writer(RUN, "a_step"))


@pytest.fixture
def bucket(scene):
    s3 = scene.clients.s3
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return BUCKET


def doomed(kind, name="this", resource_id="", settings=(), **attributes):
    shown = tuple(Attribute(path.replace("__", "."), value, None) for path, value in attributes.items())
    return ResourceChange(
        f"{kind}.{name}", kind, "managed", "destroy", attributes=shown, id=resource_id, settings=settings
    )


def found(scene, *changes, archive="core-non-prod-archive", tags=None, state=None, prevented=(), missing=(), **choices):
    known = state or State("lineage", 1)
    survey = Survey(changes, prevented, Choices(**choices), archive, tags or {}, known, missing)
    return look(scene.clients, survey)


def plan_of(**parts):
    return InfrastructureRecreationPlan.model_construct(
        **{"databases": (), "buckets": (), "secrets": (), "definitions": (), "choices": Choices(), **parts}
    )


def test_what_blocks_and_what_has_a_remedy_is_named_at_once(scene, bucket):
    scene.inject("bucket_filled", bucket=bucket)
    scene.inject("snapshot_exists", name="core-staging-final")
    scene.inject("secret_scheduled", name="MONITORING_EMAIL")
    secret = scene.clients.secretsmanager.describe_secret(SecretId="MONITORING_EMAIL")["ARN"]
    final = (
        ("deletion_protection", "true"),
        ("skip_final_snapshot", "false"),
        ("final_snapshot_identifier", "core-staging-final"),
    )
    told = found(
        scene,
        doomed("aws_s3_bucket", bucket=bucket),
        doomed("aws_db_instance", settings=final, identifier=DATABASE),
        doomed("aws_secretsmanager_secret", resource_id=secret, name_="MONITORING_EMAIL"),
        doomed("aws_ecs_task_definition", settings=(("skip_destroy", "true"),), family="core-staging-report"),
        prevented=("aws_s3_bucket.this",),
    )
    assert [each.what for each in told.obstacles] == [
        "aws_s3_bucket.this has prevent_destroy in the code",
        "aws_db_instance.this is protected in AWS (deletion_protection is true)",
        "aws_db_instance.this would make a final snapshot core-staging-final, and there is one of that name",
        f"bucket {bucket} holds fewer than 100 objects and old versions and delete markers and unfinished uploads",
        "secret MONITORING_EMAIL is marked for deletion already, so its name is taken",
    ]
    assert all(each.remedy for each in told.obstacles)
    told.refuse()
    assert told.left[0] == (
        "aws_ecs_task_definition.this stays in AWS when Terraform destroys it (skip_destroy is set); the run deregisters its active "
        "revisions."
    )


def test_everything_without_a_remedy_is_refused_in_one_message(scene, bucket):
    scene.inject("bucket_filled", bucket=bucket)
    scene.inject("snapshot_quota", max=0)
    locked = doomed("aws_s3_bucket", name="locked", bucket=bucket, object_lock_enabled="true")
    key = doomed("aws_kms_key", resource_id="1234abcd")
    database = doomed(
        "aws_db_instance", identifier=DATABASE, kms_key_id="arn:aws:kms:eu-west-2:111111111111:key/1234abcd"
    )
    with pytest.raises(PreconditionError) as refused:
        found(scene, locked, doomed("aws_s3_bucket", bucket=bucket), database, key, archive=None).refuse()
    said = str(refused.value)
    assert said.startswith("4 things are in the way, and a run can do nothing about them: ")
    assert "may have 0; delete some" in said
    assert "encrypted by aws_kms_key.this, which goes too" in said
    assert "has Object Lock and holds" in said
    assert "the inventory names no bucket for its objects (recreation.archive)" in said
    assert said.endswith("Nothing was changed; correct that, then start a new run.")


def test_two_databases_of_one_block_cannot_both_be_restored(scene):
    pair = [
        ResourceChange(
            f"aws_db_instance.all[{number}]",
            "aws_db_instance",
            "managed",
            "destroy",
            attributes=(Attribute("identifier", DATABASE, None),),
        )
        for number in (0, 1)
    ]
    assert "2 databases come from one block (aws_db_instance.all)" in str(found(scene, *pair).obstacles)
    assert not found(scene, *pair, databases="empty").obstacles


def test_an_interface_of_something_else_is_in_the_way_of_its_subnet(scene):
    ec2 = scene.clients.ec2
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    base = (
        scene.cloud.world.endpoint
    )  # the sandbox refuses calls that no runbook makes, so the interface is made inside
    assert base

    backend = ec2_backends[scene.target.environment.account][scene.target.environment.region]
    made = backend.create_network_interface(backend.get_subnet(subnet), "", description="of a function")
    told = found(scene, doomed("aws_subnet", resource_id=subnet))
    assert f"network interface {made.id} (of a function)" in str(told.obstacles)
    with pytest.raises(PreconditionError, match="which cannot go before it; stop what uses it"):
        told.refuse()


def test_what_has_the_tags_and_is_in_no_state_is_named(scene, bucket):
    tagging = [{"Key": "system", "Value": "core"}]
    scene.clients.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tagging})
    told = found(scene, doomed("aws_sns_topic"), tags={"system": "core"})
    assert told.left == (f"In the account with system=core, and in no state, so they stay: arn:aws:s3:::{bucket}.",)
    known = State("lineage", 1, arns=frozenset({f"arn:aws:s3:::{bucket}"}))
    assert found(scene, doomed("aws_sns_topic"), tags={"system": "core"}, state=known).left == ()


def test_arguments_are_lifted_only_where_they_are_in_the_way():
    protected = doomed("aws_db_instance", settings=(("deletion_protection", "true"), ("skip_final_snapshot", "true")))
    assert lifted_arguments(protected, Choices()) == {"deletion_protection": False}
    pool = doomed("aws_cognito_user_pool", settings=(("deletion_protection", "ACTIVE"),))
    assert lifted_arguments(pool, Choices()) == {"deletion_protection": "INACTIVE"}
    secret = doomed("aws_secretsmanager_secret")
    assert lifted_arguments(secret, Choices()) == {}
    assert lifted_arguments(secret, Choices(secrets="renew")) == {"recovery_window_in_days": 0}
    assert lifted_arguments(doomed("aws_sns_topic"), Choices()) == {}
    assert arguments_of({"a": {"x": 1}}, ["a", "b"]) == {
        "a": {"x": 1, "lifecycle": {"prevent_destroy": False}},
        "b": {"lifecycle": {"prevent_destroy": False}},
    }


def test_amounts_are_told_so_that_a_bucket_in_use_does_not_change_the_plan():
    assert roughly(Contents(objects=3, old_versions=1)) == roughly(Contents(objects=98, old_versions=1))
    assert roughly(Contents(objects=3)) == "fewer than 100 objects"
    assert roughly(Contents(objects=COUNTED, more=True)) == "10,000 or more objects"
    assert str(Contents(1, 2, 0, 1)) == "1 object, 2 old versions, 1 unfinished upload"


def test_nothing_in_the_way_refuses_nothing():
    Found((), ()).refuse()
    with pytest.raises(
        PreconditionError,
        match=r"^One thing is in the way, and a run can do nothing about it: this\. What else is in the way, a run deals with: that\. N",
    ):
        Found((Obstacle("this"), Obstacle("that", "mended")), ()).refuse()


def test_a_bucket_is_archived_and_emptied_although_somebody_fills_it_meanwhile(scene, ctx, bucket):
    scene.inject("bucket_filled", bucket=bucket)
    refilled = scene.inject("bucket_refilled", bucket=bucket, times=2)
    plan = plan_of(buckets=(Bucket(address="a", bucket=bucket, archive="s3://core-non-prod-archive/here/"),))
    assert remedies.archive_buckets(ctx, plan) == f"{bucket}: 2 objects are in s3://core-non-prod-archive/here/"
    remedies.empty_buckets(ctx, plan)
    assert count_contents(scene.clients.s3, bucket) == Contents()
    assert scene.injected(refilled) == 2
    kept = scene.clients.s3.list_objects_v2(Bucket="core-non-prod-archive", Prefix="here/")["Contents"]
    assert {each["Key"] for each in kept} >= {"here/AWSLogs/late-1.log.gz", "here/AWSLogs/late-2.log.gz"}


def test_a_bucket_that_is_filled_for_ever_is_not_emptied_for_ever(scene, ctx, bucket):
    scene.inject("bucket_filled", bucket=bucket)
    scene.inject("bucket_refilled", bucket=bucket, times=100)
    plan = plan_of(buckets=(Bucket(address="a", bucket=bucket, archive="s3://core-non-prod-archive/here/"),))
    with pytest.raises(
        CopyFailedError, match=r"still holds 1 object after it was emptied 5 times, so somebody fills it"
    ):
        remedies.empty_buckets(ctx, plan)


def test_a_snapshot_that_fails_stops_the_run_before_anything_is_destroyed(scene, ctx, cloud):
    scene.inject("snapshot_fails")
    plan = plan_of(databases=(Database(address="a", instance=DATABASE, snapshot="before"),))
    assert remedies.make_snapshots(ctx, plan) == "before"
    cloud.advance(3600)
    with pytest.raises(PreconditionError, match="Snapshot before of core-staging failed, so nothing was destroyed"):
        remedies.look_at_snapshots(ctx, plan)


def test_a_snapshot_is_made_once_and_waited_for(scene, ctx, cloud):
    plan = plan_of(databases=(Database(address="a", instance=DATABASE, snapshot="before"),))
    remedies.make_snapshots(ctx, plan)
    assert not remedies.look_at_snapshots(ctx, plan).done
    remedies.make_snapshots(ctx, plan)
    cloud.advance(3600)
    assert remedies.look_at_snapshots(ctx, plan).done
    assert scene.called("rds.CreateDBSnapshot") == 1
    remedies.note_snapshots(ctx, plan)
    assert "snapshot before of core-staging is available: postgres" in str(scene.texts(RUN, "note"))


@pytest.fixture
def cluster(scene):
    """Have an Aurora cluster; the sandbox refuses calls that nobody makes, so it is made inside."""
    environment = scene.target.environment
    made = rds_backends[environment.account][environment.region].create_db_cluster(
        {
            "db_cluster_identifier": "core-staging-cluster",
            "engine": "aurora-postgresql",
            "engine_version": "15.4",
            "master_username": "a",
            "master_user_password": "a-password",
            "storage_encrypted": True,
        }
    )
    made.status = "available"
    return made


def test_cluster_is_put_into_a_snapshot_of_its_own_kind_and_waited_for(scene, ctx, cloud, cluster):
    final = (("deletion_protection", "true"), ("skip_final_snapshot", "false"), ("final_snapshot_identifier", "taken"))
    change = doomed("aws_rds_cluster", settings=final, cluster_identifier="core-staging-cluster")
    assert lifted_arguments(change, Choices()) == {"deletion_protection": False, "skip_final_snapshot": True}
    plan = plan_of(databases=(Database(address="a", instance="core-staging-cluster", snapshot="taken", cluster=True),))
    assert not found(scene, change).obstacles[1:]
    assert remedies.make_snapshots(ctx, plan) == "taken"
    assert not remedies.look_at_snapshots(ctx, plan).done
    remedies.make_snapshots(ctx, plan)
    assert scene.called("rds.CreateDBClusterSnapshot") == 1
    cloud.advance(3600)
    assert remedies.look_at_snapshots(ctx, plan).done
    remedies.note_snapshots(ctx, plan)
    assert "snapshot taken of core-staging-cluster is available: aurora-postgresql 15.4" in str(
        scene.texts(RUN, "note")
    )
    assert [each.what for each in found(scene, change).obstacles] == [
        "aws_rds_cluster.this is protected in AWS (deletion_protection is true)",
        "aws_rds_cluster.this would make a final snapshot taken, and there is one of that name",
    ]


def test_cluster_that_cannot_be_put_into_a_snapshot_is_in_the_way(scene, cluster):
    cluster.status = "stopped"
    with pytest.raises(
        PreconditionError, match="Database cluster core-staging-cluster is stopped, and RDS makes a snap"
    ):
        found(scene, doomed("aws_rds_cluster", cluster_identifier="core-staging-cluster")).refuse()
    with pytest.raises(PreconditionError, match="There is no database cluster another in this account"):
        found(scene, doomed("aws_rds_cluster", cluster_identifier="another")).refuse()


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("aws_dynamodb_table", "the table's items"),
        ("aws_cognito_user_pool", "the users"),
        ("aws_efs_file_system", "the files"),
        ("aws_docdb_cluster", "the database"),
    ],
)
def test_data_of_which_no_copy_is_made_is_never_lost_unless_that_was_chosen(scene, kind, what):
    with pytest.raises(PreconditionError) as caught:
        found(scene, doomed(kind)).refuse()
    assert f"{kind}.this holds data ({what}), of which a run makes no copy; make one by hand" in str(caught.value)
    told = found(scene, doomed(kind), databases="empty")
    told.refuse()
    assert [each.remedy for each in told.obstacles] == ["it is lost, as was chosen ('empty' for databases)"]


@pytest.fixture
def secret(scene):
    return scene.clients.secretsmanager.create_secret(Name="A_SECRET", SecretString="canary")["ARN"]


def test_a_secret_that_is_marked_for_deletion_is_restored_with_its_value(scene, ctx, secret):
    client = scene.clients.secretsmanager
    client.delete_secret(SecretId="A_SECRET")
    plan = plan_of(secrets=(DoomedSecret(address="s", name="A_SECRET"),))
    assert secret_values.give_back_secrets(ctx, plan) == "A_SECRET was restored"
    assert client.get_secret_value(SecretId="A_SECRET")["SecretString"] == "canary"
    assert secret_values.give_back_secrets(ctx, plan) == "nothing to do"


def test_a_secret_that_the_build_would_make_and_that_is_there_is_kept_or_refused(scene, secret):
    missing = (
        ResourceChange(
            "aws_secretsmanager_secret.one",
            "aws_secretsmanager_secret",
            "managed",
            "create",
            attributes=(Attribute("name", None, "A_SECRET"),),
        ),
    )
    found(scene, missing=missing).refuse()
    with pytest.raises(
        PreconditionError,
        match="secret A_SECRET is there and in no state, so the build could not make it; choose 'keep'",
    ):
        found(scene, missing=missing, secrets="renew").refuse()
    scene.clients.secretsmanager.delete_secret(SecretId="A_SECRET")
    for choice, remedy in (
        ("keep", "it is restored and taken into the state again"),
        ("renew", "it is deleted for good"),
    ):
        (obstacle,) = found(scene, missing=missing, secrets=choice).obstacles
        assert obstacle.what == "secret A_SECRET is marked for deletion already, so its name is taken"
        assert remedy in obstacle.remedy


def test_a_renewed_secret_is_gone_for_good_and_its_name_is_waited_for(scene, ctx, cloud, secret):
    client = scene.clients.secretsmanager
    client.delete_secret(SecretId="A_SECRET")
    plan = plan_of(secrets=(DoomedSecret(address="s", name="A_SECRET"),), choices=Choices(secrets="renew"))
    assert secret_values.give_back_secrets(ctx, plan) == "A_SECRET was deleted for good"
    assert not secret_values.look_at_names(ctx, plan).done
    cloud.advance(60)
    assert secret_values.look_at_names(ctx, plan).done


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "has no value yet"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("value\n", "begins or ends with white space"),
        ('"value"', "stands in quotes"),
        ("“value”", "stands in quotes"),
        ('{"key": "value"}', "is JSON, as the console makes it of key and value; enter it as plain text"),
        ("value", ""),
        ("12345", ""),
        ("someone@example.com", ""),
    ],
)
def test_a_value_has_to_be_plain_text(text, why):
    assert secret_values.complain(text) == why


def test_what_is_wrong_with_a_value_is_told_without_it(scene, ctx, secret):
    scene.clients.secretsmanager.put_secret_value(SecretId="A_SECRET", SecretString='{"k": "canary"}')
    wrong = secret_values.wrong_values(ctx, ["A_SECRET", "MISSING"])
    assert wrong["MISSING"] == "has no value yet"
    assert "JSON" in wrong["A_SECRET"]
    assert "canary" not in str(wrong)


def test_the_environment_serves_once_every_service_is_whole(scene, ctx, cloud):
    cloud.advance(600)
    assert look_at_services(ctx) == Progress(True, "serving: core-staging-app, core-staging-sidekiq")
    ecs = scene.clients.ecs
    ecs.update_service(cluster="core-staging-app", service="core-staging-app", desiredCount=6)
    assert look_at_services(ctx) == Progress(False, "4 of 6 tasks of core-staging-app are healthy")
    cloud.advance(1200)
    assert look_at_services(ctx).done
    ecs.update_service(cluster="core-staging-app", service="core-staging-sidekiq", desiredCount=0)
    assert look_at_services(ctx) == Progress(False, "core-staging-sidekiq is meant to run no task")


def test_objects_come_back_and_an_archive_that_lost_some_is_no_success(scene, ctx, bucket):
    s3, archive = scene.clients.s3, "s3://core-non-prod-archive/here/"
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    empty = Bucket(address="empty", bucket="core-non-prod-tf-state", archive="s3://core-non-prod-archive/nothing/")
    plan = plan_of(buckets=(Bucket(address="a", bucket=bucket, archive=archive), empty))
    remedies.archive_buckets(ctx, plan_of(buckets=plan.buckets[:1]))
    kept_data.keep(ctx, plan)
    assert {each.address: each.place for each in list_kept(ctx, None).values()} == {
        "a": archive,
        "empty": "s3://core-non-prod-archive/nothing/",
    }
    remedies.empty_buckets(ctx, plan_of(buckets=plan.buckets[:1]))
    assert kept_data.return_objects(ctx, plan) == f"2 objects are back in {bucket}"
    assert {each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {"a", "b"}
    assert list_kept(ctx, None) == {}
    s3.delete_object(Bucket="core-non-prod-archive", Key="here/b")
    with pytest.raises(CopyFailedError, match="holds 1 objects, and 2 were archived"):
        kept_data.return_objects(ctx, plan)


def test_objects_stay_in_the_archive_if_that_was_chosen(scene, ctx, bucket):
    scene.clients.s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    place = Bucket(address="a", bucket=bucket, archive="s3://core-non-prod-archive/here/")
    plan = plan_of(buckets=(place,), choices=Choices(objects="archive"))
    remedies.archive_buckets(ctx, plan)
    kept_data.keep(ctx, plan)
    remedies.empty_buckets(ctx, plan)
    assert kept_data.return_objects(ctx, plan) == "there is no object to be returned"
    assert count_contents(scene.clients.s3, bucket) == Contents()


def test_a_bucket_with_nothing_but_old_versions_is_emptied(scene, ctx, bucket):
    scene.clients.s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    scene.clients.s3.delete_object(Bucket=bucket, Key="a")
    plan = plan_of(buckets=(Bucket(address="a", bucket=bucket, archive="s3://core-non-prod-archive/here/"),))
    assert remedies.archive_buckets(ctx, plan) == "no bucket holds an object"
    assert remedies.empty_buckets(ctx, plan) == f"2 versions in {bucket} were deleted"
    assert count_contents(scene.clients.s3, bucket) == Contents()


def test_the_archive_itself_is_never_destroyed(scene):
    told = found(scene, doomed("aws_s3_bucket", bucket="core-non-prod-archive"))
    with pytest.raises(PreconditionError, match="bucket core-non-prod-archive goes as well"):
        told.refuse()


def test_what_terraform_leaves_behind_is_taken_into_the_state_by_the_build(scene, ctx, monkeypatch):
    group = doomed("aws_cloudwatch_log_group", resource_id="/core/audit", settings=(("skip_destroy", "true"),))
    definition = doomed("aws_ecs_task_definition", resource_id="report", settings=(("skip_destroy", "true"),))
    gone = doomed("aws_cloudwatch_log_group", "other", "/core/other", settings=(("skip_destroy", "false"),))
    assert [is_taken_back(each) for each in (group, definition, gone)] == [True, False, False]
    assert found(scene, group).left == (
        "aws_cloudwatch_log_group.this stays in AWS when Terraform destroys it (skip_destroy is set); the build takes it into the state "
        "again.",
    )
    monkeypatch.setattr(steps.applies, "destroy", lambda ctx, plan: "1 destroyed")
    stays = (Doomed(address=group.address, type=group.type, id=group.id),)
    assert steps.destroy(ctx, plan_of(stays=stays)) == "1 destroyed"
    assert list_orphans(ctx, State("lineage", 1)) == {"aws_cloudwatch_log_group.this": "/core/audit"}
    assert list_orphans(ctx, State("lineage", 2, ids={group.address: group.id})) == {}
