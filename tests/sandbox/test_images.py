"""Image repositories: immutable tags, expired and scanned images, and a task whose image is missing."""

import hashlib
import json

import pytest
from botocore.exceptions import ClientError

from sandbox.commits import STAGED, commit_sha

HOUSING, MAPS, DATA, APP = "core/staging", "districtbuilder/staging", "planning-data/staging", "core-staging-app"
REGISTRY = "111111111110"
RUNNING = commit_sha("example-housing/core", STAGED)
CORE = {"registryId": REGISTRY, "repositoryName": "core"}


@pytest.fixture
def ecr(cloud):
    return cloud.client("ecr", HOUSING)


def inject(control, kind, target=HOUSING, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": target, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def manifest_of(ecr, tag):
    (image,) = ecr.batch_get_image(**CORE, imageIds=[{"imageTag": tag}])["images"]
    return image["imageManifest"]


def retag(ecr, tag, commit=RUNNING):
    return ecr.put_image(**CORE, imageTag=tag, imageManifest=manifest_of(ecr, commit))["image"]


def another_manifest(ecr):
    """Return a manifest of the same layers in another order: another image, whose layers all exist."""
    content = json.loads(manifest_of(ecr, RUNNING))
    content["layers"].reverse()
    return json.dumps(content)


def service_of(ecs, name=APP):
    return ecs.describe_services(cluster=APP, services=[name])["services"][0]


def roll_out(ecs, image, family=APP):
    """Register a revision with another image, and deploy it."""
    described = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    given = {key: described[key] for key in taken}
    given["containerDefinitions"][0]["image"] = image
    made = ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=APP, service=family, taskDefinition=made)
    return made


def stopped_reasons(ecs, name=APP):
    arns = ecs.list_tasks(cluster=APP, serviceName=name, desiredStatus="STOPPED")["taskArns"]
    return [task["stoppedReason"] for task in ecs.describe_tasks(cluster=APP, tasks=arns)["tasks"]] if arns else []


def fails(code):
    return pytest.raises(ClientError, match=code)


# --- the registry -----------------------------------------------------------------------------------------------------


def test_digest_is_that_of_the_manifest_and_pushed_images_are_listed(ecr):
    (found,) = ecr.describe_images(**CORE, imageIds=[{"imageTag": RUNNING}])["imageDetails"]
    assert found["imageDigest"] == "sha256:" + hashlib.sha256(manifest_of(ecr, RUNNING).encode()).hexdigest()
    assert found["imageTags"][0] == RUNNING
    assert (found["registryId"], found["imageSizeInBytes"]) == (REGISTRY, 48_211_904 + 91_226_112 + 7023)
    everything = ecr.describe_images(**CORE)["imageDetails"]
    assert len({each["imageDigest"] for each in everything}) == len(everything) == 6


def test_images_come_in_pages(ecr):
    first = ecr.describe_images(**CORE, maxResults=4)
    second = ecr.describe_images(**CORE, maxResults=4, nextToken=first["nextToken"])
    assert [len(each["imageDetails"]) for each in (first, second)] == [4, 2]
    assert "nextToken" not in second


def test_part_of_a_tag_is_no_tag(ecr):
    with fails("ImageNotFoundException"):
        ecr.describe_images(**CORE, imageIds=[{"imageTag": RUNNING[:7]}])
    answer = ecr.batch_get_image(**CORE, imageIds=[{"imageTag": RUNNING[:39]}, {"imageTag": RUNNING}])
    assert [image["imageId"]["imageTag"] for image in answer["images"]] == [RUNNING]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]


def test_retagged_image_keeps_its_digest_and_its_other_tags(ecr):
    made = retag(ecr, "production-v0.7.0-20261121120000")
    (found,) = ecr.describe_images(**CORE, imageIds=[{"imageDigest": made["imageId"]["imageDigest"]}])["imageDetails"]
    assert {RUNNING, "production-v0.7.0-20261121120000"} < set(found["imageTags"])


def test_tag_is_never_moved_to_another_image(ecr):
    retag(ecr, "staging-20261121120000")
    with fails("ImageAlreadyExistsException"):
        retag(ecr, "staging-20261121120000")
    with fails("ImageTagAlreadyExistsException.*cannot be overwritten because the repository is immutable"):
        ecr.put_image(**CORE, imageTag="staging-20261121120000", imageManifest=another_manifest(ecr))


def test_image_without_its_layers_cannot_be_put(ecr):
    content = json.loads(manifest_of(ecr, RUNNING))
    content["layers"][0]["digest"] = f"sha256:{'1' * 64}"
    with fails("LayersNotFoundException"):
        ecr.put_image(**CORE, imageTag="x", imageManifest=json.dumps(content))
    with fails("ImageDigestDoesNotMatchException"):
        ecr.put_image(**CORE, imageTag="x", imageManifest=another_manifest(ecr), imageDigest=f"sha256:{'1' * 64}")


def test_registry_of_others_is_closed(cloud):
    with fails("AccessDeniedException.*no resource-based policy allows"):
        cloud.client("ecr", DATA).describe_images(**CORE)
    with fails("RepositoryNotFoundException.*'maps' does not exist in the registry with id '111111111111'"):
        cloud.client("ecr", HOUSING).list_images(repositoryName="maps")


def test_push_expires_all_but_the_newest_images_of_a_prefix(cloud, ecr):
    policy = json.loads(ecr.get_lifecycle_policy(**CORE)["lifecyclePolicyText"])
    assert [rule["selection"]["countNumber"] for rule in policy["rules"]] == [3, 10]
    before = {detail["imageDigest"] for detail in ecr.describe_images(**CORE)["imageDetails"]}
    images = sorted(ecr.describe_images(**CORE)["imageDetails"], key=lambda each: each["imagePushedAt"])
    for number, each in enumerate(images[:3]):
        retag(ecr, f"production-v0.6.{number}-20261121120000", each["imageTags"][0])
    assert {detail["imageDigest"] for detail in ecr.describe_images(**CORE)["imageDetails"]} == before
    retag(ecr, "production-v0.7.0-20261121120000")
    left = {detail["imageDigest"] for detail in ecr.describe_images(**CORE)["imageDetails"]}
    assert before - left == {images[0]["imageDigest"]}, "the one that was pushed first"


def test_malformed_lifecycle_policy_is_refused(ecr):
    policy = json.loads(ecr.get_lifecycle_policy(**CORE)["lifecyclePolicyText"])
    policy["rules"][1]["rulePriority"] = policy["rules"][0]["rulePriority"]
    with fails("Lifecycle policy validation failure"):
        ecr.put_lifecycle_policy(**CORE, lifecyclePolicyText=json.dumps(policy))


def test_deleted_tag_leaves_the_image_and_the_last_one_takes_it_along(ecr):
    retag(ecr, "staging-20261121120000")
    ecr.batch_delete_image(**CORE, imageIds=[{"imageTag": "staging-20261121120000"}])
    tags = ecr.describe_images(**CORE, imageIds=[{"imageTag": RUNNING}])["imageDetails"][0]["imageTags"]
    assert "staging-20261121120000" not in tags
    for tag in tags:
        ecr.batch_delete_image(**CORE, imageIds=[{"imageTag": tag}])
    assert ecr.batch_get_image(**CORE, imageIds=[{"imageTag": RUNNING}])["images"] == []


# --- scans ------------------------------------------------------------------------------------------------------------


def test_scan_is_not_there_then_in_progress_then_complete(cloud, ecr):
    digest = ecr.put_image(**CORE, imageTag="new", imageManifest=another_manifest(ecr))["image"]["imageId"][
        "imageDigest"
    ]
    wanted = {**CORE, "imageId": {"imageDigest": digest}}
    with fails("ScanNotFoundException"):
        ecr.describe_image_scan_findings(**wanted)
    cloud.advance(30)
    answer = ecr.describe_image_scan_findings(**wanted)
    assert answer["imageScanStatus"]["status"] == "IN_PROGRESS"
    assert "imageScanFindings" not in answer
    cloud.advance(40)
    answer = ecr.describe_image_scan_findings(**wanted)
    assert answer["imageScanStatus"]["status"] == "COMPLETE"
    assert answer["imageScanFindings"]["findingSeverityCounts"] == {"LOW": 2, "INFORMATIONAL": 5}
    assert len(answer["imageScanFindings"]["findings"]) == 7


def test_scan_fault_counts_each_answer_that_tells_of_it(control, ecr):
    fault = inject(control, "image_scan", severity="HIGH", findings=3)
    assert injected(control, fault) == 0
    found = ecr.describe_image_scan_findings(**CORE, imageId={"imageTag": RUNNING})["imageScanFindings"]
    assert found["findingSeverityCounts"] == {"LOW": 2, "INFORMATIONAL": 5, "HIGH": 3}
    assert injected(control, fault) == 1
    control.delete("/faults")
    fault = inject(control, "image_scan", status="FAILED")
    assert (
        ecr.describe_image_scan_findings(**CORE, imageId={"imageTag": RUNNING})["imageScanStatus"]["status"] == "FAILED"
    )
    assert injected(control, fault) == 1


def test_scan_fault_of_another_system_counts_nothing(control, ecr):
    fault = inject(control, "image_scan", MAPS)
    counts = ecr.describe_image_scan_findings(**CORE, imageId={"imageTag": RUNNING})["imageScanFindings"]
    assert counts["findingSeverityCounts"] == {"LOW": 2, "INFORMATIONAL": 5}
    assert injected(control, fault) == 0


# --- tasks and their images -------------------------------------------------------------------------------------------


def test_running_tasks_tell_the_digest_of_their_image(cloud, ecr):
    ecs = cloud.client("ecs", HOUSING)
    (image,) = ecr.describe_images(**CORE, imageIds=[{"imageTag": RUNNING}])["imageDetails"]
    arns = ecs.list_tasks(cluster=APP, serviceName=APP)["taskArns"]
    shown = {task["containers"][0]["imageDigest"] for task in ecs.describe_tasks(cluster=APP, tasks=arns)["tasks"]}
    assert shown == {image["imageDigest"]}


def test_new_revision_with_another_image_is_rolled_out(cloud, ecr):
    ecs = cloud.client("ecs", HOUSING)
    digest = retag(ecr, "staging-20261121120000")["imageId"]["imageDigest"]
    made = roll_out(ecs, f"{REGISTRY}.dkr.ecr.eu-west-2.amazonaws.com/core:staging-20261121120000")
    cloud.advance(1200)
    (deployment,) = service_of(ecs)["deployments"]
    assert (deployment["taskDefinition"], deployment["rolloutState"]) == (made, "COMPLETED")
    arns = ecs.list_tasks(cluster=APP, serviceName=APP)["taskArns"]
    for task in ecs.describe_tasks(cluster=APP, tasks=arns)["tasks"]:
        assert task["containers"][0]["image"].endswith("core:staging-20261121120000")
        assert task["containers"][0]["imageDigest"] == digest


def test_image_that_is_not_there_fails_to_start_and_the_service_goes_back(cloud):
    ecs = cloud.client("ecs", HOUSING)
    old = service_of(ecs)["taskDefinition"]
    roll_out(ecs, f"{REGISTRY}.dkr.ecr.eu-west-2.amazonaws.com/core:nothing")
    cloud.advance(120)
    reasons = {reason for reason in stopped_reasons(ecs) if "Scaling activity" not in reason}
    assert reasons == {
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        "111111111110.dkr.ecr.eu-west-2.amazonaws.com/core:nothing: "
        "111111111110.dkr.ecr.eu-west-2.amazonaws.com/core:nothing: not found"
    }
    cloud.advance(1200)
    service = service_of(ecs)
    assert (service["taskDefinition"], service["runningCount"], service["pendingCount"]) == (old, 4, 0)
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]


@pytest.mark.parametrize("how", ["crash", "unhealthy", "cannot_pull"])
def test_bad_image_is_rolled_back_and_the_old_one_is_spared(cloud, control, ecr, how):
    ecs = cloud.client("ecs", HOUSING)
    ecs.update_service(cluster=APP, service=APP, healthCheckGracePeriodSeconds=0)
    old = service_of(ecs)["taskDefinition"]
    fault = inject(control, "bad_image", how=how)
    ecs.update_service(cluster=APP, service=APP, forceNewDeployment=True)
    cloud.advance(1200)
    assert (service_of(ecs)["deployments"][0]["rolloutState"], injected(control, fault)) == ("COMPLETED", 0)
    retag(ecr, "staging-20261121120000")
    new = roll_out(ecs, f"{REGISTRY}.dkr.ecr.eu-west-2.amazonaws.com/core:staging-20261121120000")
    assert service_of(ecs)["deployments"][0]["taskDefinition"] == new
    cloud.advance(2400)
    service = service_of(ecs)
    assert (service["taskDefinition"], service["runningCount"]) == (old, 4)
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]
    assert injected(control, fault) >= 3


def test_deployment_rolls_back_once_it_has_begun_and_looks_steady_again(cloud, control, ecr):
    ecs = cloud.client("ecs", HOUSING)
    old = service_of(ecs)["taskDefinition"]
    fault = inject(control, "deployment_rolls_back", after_seconds=90)
    cloud.advance(300)
    assert injected(control, fault) == 0
    retag(ecr, "staging-20261121120000")
    roll_out(ecs, f"{REGISTRY}.dkr.ecr.eu-west-2.amazonaws.com/core:staging-20261121120000")
    cloud.advance(60)
    assert injected(control, fault) == 0
    cloud.advance(1200)
    service = service_of(ecs)
    assert (service["taskDefinition"], service["runningCount"], len(service["deployments"])) == (old, 4, 1)
    assert any("rolling back to deployment" in event["message"] for event in service["events"])
    assert injected(control, fault) == 1


def test_service_without_a_circuit_breaker_cannot_be_rolled_back_by_it(control):
    answer = control.post("/faults", json={"kind": "deployment_rolls_back", "target": MAPS})
    assert "has no circuit breaker" in answer.get_json()["error"]


def test_expired_image_is_gone_for_the_next_task_and_comes_back_with_the_fault(cloud, control, ecr):
    ecs = cloud.client("ecs", HOUSING)
    fault = inject(control, "image_expired")
    assert ecr.batch_get_image(**CORE, imageIds=[{"imageTag": RUNNING}])["images"] == []
    assert injected(control, fault) == 1
    ecs.stop_task(cluster=APP, task=ecs.list_tasks(cluster=APP, serviceName=APP)["taskArns"][0])
    cloud.advance(120)
    assert any("CannotPullContainerError" in reason for reason in stopped_reasons(ecs))
    control.delete(f"/faults/{fault}")
    assert len(ecr.batch_get_image(**CORE, imageIds=[{"imageTag": RUNNING}])["images"]) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "image_expired", "target": HOUSING, "tag": "nothing"}, "has no image with the tag 'nothing'"),
        ({"kind": "image_expired", "target": HOUSING, "service": APP}, "strikes the target as a whole"),
        ({"kind": "image_scan", "target": HOUSING, "severity": "BAD"}, "severity must be one of CRITICAL, HIGH"),
        ({"kind": "bad_image", "target": HOUSING, "how": "smell"}, "how must be one of crash, unhealthy, cannot_pull"),
    ],
)
def test_wrong_fault_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]


def test_reads_and_writes_of_images_are_told_apart_in_the_call_log(cloud, ecr):
    retag(ecr, "staging-20261121120000")
    ecr.describe_images(**CORE)
    made = [(call.action, call.mutates) for call in cloud.application.calls if call.service == "ecr"]
    assert made == [("BatchGetImage", False), ("PutImage", True), ("DescribeImages", False)]


def test_image_on_instances_that_is_not_there_is_told_as_docker_tells_it(cloud, control):
    ecs = cloud.client("ecs", MAPS)
    inject(control, "image_expired", MAPS)
    cluster, service = "ecsStagingCluster", "StagingApp_EC2LaunchType"
    ecs.stop_task(cluster=cluster, task=ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"][0])
    cloud.advance(900)
    arns = ecs.list_tasks(cluster=cluster, serviceName=service, desiredStatus="STOPPED")["taskArns"]
    failed = [
        task
        for task in ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        if "CannotPull" in task["stoppedReason"]
    ]
    assert failed
    assert {each["stopCode"] for each in failed} == {"TaskFailedToStart"}
    assert all("manifest unknown: Requested image not found" in each["containers"][0]["reason"] for each in failed)


def test_short_pages_and_throttling_reach_the_registry_too(control, ecr):
    short = inject(control, "partial_page", size=2)
    first = ecr.describe_images(**CORE)
    assert (len(first["imageDetails"]), "nextToken" in first, injected(control, short)) == (2, True, 1)
    assert len(list(ecr.get_paginator("describe_images").paginate(**CORE).search("imageDetails"))) == 6
    control.delete("/faults")
    slow = inject(control, "throttle", api="ecr")
    with fails("ThrottlingException"):
        ecr.describe_images(**CORE)
    assert injected(control, slow) == 1
