"""The AWS gateways of the release runbooks, over HTTP against the simulated AWS."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from include.aws import cloudwatch, codebuild, codedeploy, ec2, ecr, logs, rds, task_sets
from include.aws.codedeploy import ROLLBACK
from include.errors import PreconditionError
from include.inventory.models import Registry
from sandbox.commits import COMMITS, STAGED, commit_sha

HOUSING, MAPS, DATA, APP = "core/staging", "districtbuilder/staging", "planning-data/staging", "core-staging-app"
RUNNING = commit_sha("example-housing/core", STAGED)
NEWEST_MAPS = commit_sha("example-maps/districtbuilder", COMMITS)
CLUSTER, WEB = "staging-cluster", "staging-web"


def inject(control, kind, target=HOUSING, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": target, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def now(cloud):
    return datetime.fromtimestamp(cloud.world.clock.now(), UTC)


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def core(cloud):
    """The registry of core, in an account of its own, where the caller has no role."""
    environment = cloud.inventory.target(HOUSING).environment
    assert (environment.account, environment.registry.account) == ("111111111111", "111111111110")
    return environment.registry


@pytest.fixture
def images(cloud):
    return cloud.client("ecr", HOUSING)


def test_images_of_another_accounts_registry_are_listed_in_pages(control, core, images):
    fault = inject(control, "partial_page", size=4)
    found = ecr.list_images(images, core)
    assert (len(found), injected(control, fault)) == (6, 1)
    assert [each.pushed_at for each in found] == sorted((each.pushed_at for each in found), reverse=True)
    assert next(each for each in found if RUNNING in each.tags) == ecr.describe_image(images, core, RUNNING)


def test_part_of_a_tag_is_no_image(core, images):
    assert ecr.describe_image(images, core, RUNNING[:7]) is None


def test_tag_is_put_on_an_image_once_and_never_moved(core, images):
    image, tag = ecr.describe_image(images, core, RUNNING), "staging-20261121120000"
    other = next(each for each in ecr.list_images(images, core) if each.digest != image.digest)
    for _ in range(2):
        ecr.tag_image(images, core, image.digest, tag).make()
    assert ecr.describe_image(images, core, tag).digest == image.digest
    with pytest.raises(PreconditionError, match=f"^Tag {tag} is on image {image.digest} .*not on {other.digest}"):
        ecr.tag_image(images, core, other.digest, tag).make()
    assert ecr.describe_image(images, core, tag).digest == image.digest
    with pytest.raises(PreconditionError, match="push it again"):
        ecr.tag_image(images, core, f"sha256:{'0' * 64}", "another").make()


def put_another(core, images):
    """Put an untagged image of the same layers in another order. Return its digest."""
    where = {"registryId": core.account, "repositoryName": "core"}
    found = images.batch_get_image(**where, imageIds=[{"imageTag": RUNNING}])["images"][0]
    content = json.loads(found["imageManifest"])
    content["layers"].reverse()
    return images.put_image(**where, imageManifest=json.dumps(content))["image"]["imageId"]["imageDigest"]


def test_untagged_image_is_listed(core, images):
    made = put_another(core, images)
    assert [image.tags for image in ecr.list_images(images, core) if image.digest == made] == [()]


BUILT = "b" * 40  # a commit of which nothing was built before


@pytest.fixture
def index(cloud, control, core, images):
    """An index with attestations, as buildx pushes it."""
    inject(control, "buildx_index", architectures="amd64,arm64")
    answer = control.post("/images", json={"target": HOUSING, "commit": BUILT})
    assert answer.status_code == 200, answer.get_json()
    return ecr.describe_image(images, core, BUILT)


def test_index_is_known_for_one_and_its_platforms_are_told_from_attestations(core, images, index):
    assert index.kind == ", an index of images by platform"
    assert sorted(ecr.list_platforms(images, core, index.digest)) == ["linux/amd64", "linux/arm64"]
    listed = {image.digest: image for image in ecr.list_images(images, core)}
    assert not any(listed[platform].is_index for platform in ecr.list_platforms(images, core, index.digest).values())
    assert len(listed) == 6 + 5, "two images, two attestations and the index"


def test_scans_of_an_index_are_those_of_its_platforms(cloud, control, core, images, index):
    where = {"registryId": core.account, "repositoryName": "core", "imageId": {"imageDigest": index.digest}}
    cloud.advance(90)
    with pytest.raises(images.exceptions.ScanNotFoundException):
        images.describe_image_scan_findings(**where)
    with pytest.raises(images.exceptions.UnsupportedImageTypeException, match="cannot be scanned"):
        images.start_image_scan(**where)
    scan = ecr.describe_scan(images, core, index)
    assert (scan.status, scan.counts) == ("COMPLETE", {"LOW": 4, "INFORMATIONAL": 10})
    inject(control, "image_scan", severity="CRITICAL")
    assert ecr.describe_scan(images, core, index).count("CRITICAL") == 2


def test_index_that_gets_another_tag_stays_an_index(core, images, index):
    for _ in range(2):
        ecr.tag_image(images, core, index.digest, "staging-20261121120000").make()
    found = ecr.describe_image(images, core, "staging-20261121120000")
    assert (found.digest, found.media_type) == (index.digest, "application/vnd.oci.image.index.v1+json")
    assert set(found.tags) == {BUILT, "staging-20261121120000"}


def test_index_of_images_that_are_not_there_cannot_be_put_and_what_it_lists_cannot_be_deleted(core, images, index):
    where = {"registryId": core.account, "repositoryName": "core"}
    manifest = images.batch_get_image(**where, imageIds=[{"imageTag": BUILT}])["images"][0]["imageManifest"]
    content = json.loads(manifest)
    child = content["manifests"][0]["digest"]
    (failure,) = images.batch_delete_image(**where, imageIds=[{"imageDigest": child}])["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    content["manifests"][0]["digest"] = f"sha256:{'1' * 64}"
    with pytest.raises(images.exceptions.ReferencedImagesNotFoundException):
        images.put_image(**where, imageManifest=json.dumps(content), imageTag="broken")


def test_scan_begins_goes_on_and_ends(cloud, control, core, images):
    inject(control, "image_scan", severity="CRITICAL", findings=3)
    fault = inject(control, "partial_page", size=4)
    digest = put_another(core, images)
    (image,) = [each for each in ecr.list_images(images, core) if each.digest == digest]
    assert ecr.describe_scan(images, core, image).status == ""
    cloud.advance(30)
    assert ecr.describe_scan(images, core, image).status == "IN_PROGRESS"
    cloud.advance(60)
    scan = ecr.describe_scan(images, core, image)
    assert (scan.status, len(scan.findings), scan.count("CRITICAL"), scan.count("LOW")) == ("COMPLETE", 10, 3, 2)
    assert {finding.package for finding in scan.findings} == {"openssl"}
    assert injected(control, fault) == 3, "pages of four, of seven images and ten findings, that had more to come"


def test_repository_that_is_not_there_is_refused(images, core):
    nowhere = Registry(account=core.account, region=core.region, repository="nothing")
    with pytest.raises(PreconditionError, match=r"^There is no image repository nothing in registry 111111111110"):
        ecr.list_images(images, nowhere)


def test_image_is_named_as_it_runs(cloud, core):
    described = cloud.client("ecs", HOUSING).describe_task_definition(taskDefinition=APP)["taskDefinition"]
    assert described["containerDefinitions"][0]["image"] == ecr.image_uri(core, RUNNING)


# --- builds -----------------------------------------------------------------------------------------------------------


def test_build_is_started_once_for_a_token_and_found_by_its_commit(cloud):
    client = cloud.client("codebuild", MAPS)
    project = cloud.inventory.target(MAPS).environment.builder.name
    assert codebuild.find_build(client, project, NEWEST_MAPS) is None
    first = codebuild.start_build(client, project, NEWEST_MAPS, "run-1").make()
    assert codebuild.start_build(client, project, NEWEST_MAPS, "run-1").make() == first
    assert (first.status, first.phase, first.source_version) == ("IN_PROGRESS", "SUBMITTED", NEWEST_MAPS)
    assert first.log_url.endswith(first.id.partition(":")[2])
    cloud.advance(420)
    done = codebuild.find_build(client, project, NEWEST_MAPS)
    assert done == codebuild.describe_build(client, first.id)
    assert (done.status, done.phase, done.ended_at - done.started_at) == (
        "SUCCEEDED",
        "COMPLETED",
        timedelta(seconds=345),
    )
    with pytest.raises(PreconditionError, match="no CodeBuild project nothing"):
        codebuild.start_build(client, "nothing", NEWEST_MAPS, "run-1").make()
    with pytest.raises(PreconditionError, match="knows no build nothing:1"):
        codebuild.describe_build(client, "nothing:1")


def test_build_that_failed_says_why(cloud, control):
    client = cloud.client("codebuild", MAPS)
    project = cloud.inventory.target(MAPS).environment.builder.name
    fault = inject(control, "build_fails", MAPS, phase="BUILD", times=1)
    started = codebuild.start_build(client, project, NEWEST_MAPS, "run-1").make()
    cloud.advance(420)
    failed = codebuild.describe_build(client, started.id)
    assert (failed.status, injected(control, fault)) == ("FAILED", 1)
    assert failed.reason.startswith("Error while executing command: docker build")


# --- blue-green deployments -------------------------------------------------------------------------------------------


def revision(definition):
    properties = {"TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 5000}}
    spec = {"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}]}
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}}


def test_deployment_is_stopped_and_undone_while_the_old_tasks_keep_the_traffic(cloud):
    client, ecs = cloud.client("codedeploy", DATA), cloud.client("ecs", DATA)
    begun = now(cloud)
    assert codedeploy.list_deployments(client, WEB, WEB, begun) == ()
    described = ecs.describe_task_definition(taskDefinition=WEB)["taskDefinition"]
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    old, made = (
        described["taskDefinitionArn"],
        ecs.register_task_definition(**{key: described[key] for key in taken})["taskDefinition"]["taskDefinitionArn"],
    )
    id = client.create_deployment(applicationName=WEB, deploymentGroupName=WEB, revision=revision(made))["deploymentId"]
    cloud.advance(60)
    (found,) = codedeploy.list_deployments(client, WEB, WEB, begun)
    assert (found.id, found.status, found.task_definition) == (id, "InProgress", made)
    sets = task_sets.list_task_sets(ecs, CLUSTER, WEB)
    assert [(each.status, each.task_definition) for each in sets] == [("PRIMARY", old), ("ACTIVE", made)]
    assert codedeploy.stop_deployment(client, id, "web stays").make()
    assert not codedeploy.stop_deployment(client, id, "web stays").make()
    cloud.advance(1500)
    stopped, undoing = codedeploy.list_deployments(client, WEB, WEB, begun)
    assert (stopped.id, stopped.status, stopped.rollback_id) == (id, "Stopped", undoing.id)
    assert (undoing.creator, undoing.undoes_id, undoing.task_definition) == (ROLLBACK, id, old)
    (left,) = task_sets.list_task_sets(ecs, CLUSTER, WEB)
    assert (left.status, left.task_definition, left.stable, left.running) == ("PRIMARY", old, True, left.desired)


def test_group_and_service_that_are_not_there_are_refused(cloud):
    with pytest.raises(PreconditionError, match="no deployment group nothing"):
        codedeploy.list_deployments(cloud.client("codedeploy", DATA), WEB, "nothing", now(cloud))
    with pytest.raises(PreconditionError, match="no deployment group staging-web of a CodeDeploy application nothing"):
        codedeploy.list_deployments(cloud.client("codedeploy", DATA), "nothing", WEB, now(cloud))
    for cluster, service in ((CLUSTER, "nothing"), ("nothing", WEB)):
        with pytest.raises(PreconditionError, match=f"no service {service} in an ECS cluster {cluster}"):
            task_sets.list_task_sets(cloud.client("ecs", DATA), cluster, service)


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_alarms_are_read_with_their_state_since_when_and_how_fast_they_are(cloud, control):
    client, names = cloud.client("cloudwatch", HOUSING), cloud.inventory.target(HOUSING).environment.alarms
    begun = now(cloud)
    before = cloudwatch.describe_alarms(client, [*names, "core-staging-nothing"])
    assert {each.name for each in before} == set(names)
    assert {(each.state, each.since, each.window_seconds) for each in before} == {("OK", begun, 60)}
    cloud.advance(120)
    fault = inject(control, "alarm", name=names[1])
    changed = set(cloudwatch.describe_alarms(client, names)) - set(before)
    assert [(each.name, each.state, each.since) for each in changed] == [
        (names[1], "ALARM", begun + timedelta(seconds=120))
    ]
    assert injected(control, fault) == 1


def test_state_that_is_only_said_again_is_as_old_as_before(cloud):
    client, name = cloud.client("cloudwatch", HOUSING), cloud.inventory.target(HOUSING).environment.alarms[0]
    begun = now(cloud)
    cloud.advance(60)
    client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="still fine")
    (alarm,) = cloudwatch.describe_alarms(client, [name])
    assert (alarm.since, alarm.reason) == (begun, "still fine")


def test_composite_alarms_and_more_than_one_page_are_read(cloud):
    client, names = cloud.client("cloudwatch", HOUSING), [f"alarm-{number:03}" for number in range(102)]
    for name in names:
        client.put_metric_alarm(
            AlarmName=name,
            Namespace="Sandbox",
            MetricName="m",
            Statistic="Average",
            Period=300,
            EvaluationPeriods=2,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(alarm-000) AND ALARM(alarm-001)")
    assert client.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == [], "AWS shows them only if asked"
    first = client.describe_alarms(AlarmNames=names[:100])
    assert (len(first["MetricAlarms"]), "NextToken" in first) == (50, True)
    found = cloudwatch.describe_alarms(client, [*names, "both"])
    assert [each.name for each in found] == [*names, "both"]
    assert {each.window_seconds for each in found[:-1]} == {600}


# --- snapshots, subnets, lines ----------------------------------------------------------------------------------------


def test_snapshot_is_begun_once_and_gets_ready(cloud):
    client, begun = cloud.client("rds", HOUSING), now(cloud)
    about = ("postgres 9.3.3", 100, "")  # without a key, since the pretend database is not encrypted
    assert rds.describe_snapshot(client, "before-v1") is None
    rds.create_snapshot(client, "core-staging", "before-v1").make()
    rds.create_snapshot(client, "core-staging", "before-v1").make()
    cloud.advance(180)
    assert rds.describe_snapshot(client, "before-v1") == rds.Snapshot("core-staging", "creating", 50, begun, *about)
    with pytest.raises(
        PreconditionError, match=r"^RDS makes no snapshot of database instance core-staging now \(.*avail"
    ):
        rds.create_snapshot(client, "core-staging", "before-v2").make()
    cloud.advance(240)
    assert rds.describe_snapshot(client, "before-v1") == rds.Snapshot("core-staging", "available", 100, begun, *about)
    with pytest.raises(PreconditionError, match=r"^There is no database instance nothing"):
        rds.create_snapshot(client, "nothing", "before-v3").make()


def test_subnets_of_one_off_tasks_are_found_by_name(cloud):
    client, wanted = cloud.client("ec2", MAPS), cloud.inventory.target(MAPS).environment.one_off.network
    found = ec2.find_subnets(client, wanted.vpc, wanted.subnet_name)
    described = client.describe_subnets(SubnetIds=list(found))["Subnets"]
    assert {(each["VpcId"], each["Tags"][0]["Value"]) for each in described} == {("vpc-22222221", "PrivateSubnet")}
    assert len(found) == 2
    with pytest.raises(PreconditionError, match=r"^VPC vpc-22222221 has no subnet named nothing"):
        ec2.find_subnets(client, wanted.vpc, "nothing")


def test_log_of_a_task_is_read_from_its_end(cloud):
    client, task = cloud.client("ecs", MAPS), ""
    begun = now(cloud)
    cloud.advance(3600)
    task = client.list_tasks(cluster="ecsStagingCluster", serviceName="StagingApp_EC2LaunchType")["taskArns"][0]
    stream, lines = f"StagingApp/app/{task.rsplit('/', 1)[-1]}", cloud.client("logs", MAPS)
    everything = logs.read_stream(lines, "logStagingApp", stream, 1000)
    assert len(everything) > 3
    assert logs.read_stream(lines, "logStagingApp", stream, 3) == everything[-3:]
    assert logs.read_stream(lines, "logStagingApp", "nothing", 3) == ()
    found = logs.find_lines(lines, "logStagingApp", "HealthCheckService", begun)
    assert logs.count_lines(lines, "logStagingApp", "HealthCheckService", begun) == len(found) > 0
    assert logs.count_lines(lines, "logStagingApp", "HealthCheckService", begun, limit=2) == 2
