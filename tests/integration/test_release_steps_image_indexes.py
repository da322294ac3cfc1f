"""Releases of images that are indexes: ECS may report the digest of the index, or that of the platform's image."""

import json

import pytest

from include.aws import ecr
from include.aws.task_definitions import describe_definition, register_definition
from include.ecs.container_diff import with_image
from include.errors import PreconditionError, RolloutFailedError
from include.releases.deployment import steps
from include.releases.deployment.definitions import register_with_image
from include.releases.deployment.plan import plan_services
from include.releases.image.platforms import ensure_runnable
from include.releases.migration import steps as migration_steps
from include.releases.migration.request import MigrationRequest
from include.releases.rollback.preflight import make_plan
from include.releases.staging import steps as staging_steps
from tests.integration.test_release_steps_deployment import APP, CORE, WORKERS, Deploying

COMMIT = "b" * 40  # a commit of which nothing was built before


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


def built(scene, architectures, commit=COMMIT):
    """Have an image of a commit built as an index. Return it."""
    fault = scene.inject("buildx_index", architectures=architectures)
    assert scene.control.post("/images", json={"target": CORE, "commit": commit}).status_code == 200
    scene.control.delete(f"/faults/{fault}")
    return ecr.describe_image(scene.clients.ecr, scene.target.registry, commit)


def deployed(scene, index):
    """Deploy an index to all services. Return the release and its definitions."""
    made = Deploying(scene)
    made.digest = index.digest
    wanted = made.register()
    assert made.deploy(wanted) == [APP, WORKERS]
    return made, wanted


def reported(scene):
    arns = scene.clients.ecs.list_tasks(cluster=APP, serviceName=APP)["taskArns"]
    tasks = scene.clients.ecs.describe_tasks(cluster=APP, tasks=arns)["tasks"]
    return {
        container["imageDigest"] for task in tasks for container in task["containers"] if container["name"] == "app"
    }


@pytest.mark.parametrize("by_platform", [False, True])
def test_either_digest_of_an_index_proves_it_and_leads_back_to_it(scene, by_platform):
    if by_platform:
        scene.inject("platform_digest")
    index = built(scene, "amd64,arm64")
    platforms = ecr.list_platforms(scene.clients.ecr, scene.target.registry, index.digest)
    made, wanted = deployed(scene, index)
    assert reported(scene) == {platforms["linux/amd64"] if by_platform else index.digest}
    assert f"image {index.digest[:19]}" in steps.verify_services(scene, made.parts, wanted, index.digest)
    parts = plan_services(scene.target, staging_steps.read_live(scene))
    assert {part.before_digest for part in parts} == {index.digest}, "that of what was pushed, and can be gone back to"
    assert steps.verify_rolled_back(scene, parts)
    plan, _ = make_plan(scene, "")
    assert plan.image != index.digest


def test_what_is_in_the_index_and_no_image_of_a_platform_proves_nothing(scene):
    scene.inject("platform_digest")
    index, other = built(scene, "amd64"), built(scene, "amd64", "c" * 40)
    made, wanted = deployed(scene, index)
    with pytest.raises(RolloutFailedError, match=f"runs image .*, not {other.digest[:19]}"):
        steps.verify_services(scene, made.parts, wanted, other.digest)
    manifest = scene.clients.ecr.batch_get_image(
        registryId=scene.target.registry.account,
        repositoryName="core",
        imageIds=[{"imageDigest": index.digest}],
        acceptedMediaTypes=list(ecr.MANIFESTS),
    )["images"][0]["imageManifest"]
    image, attestation = (each["digest"] for each in json.loads(manifest)["manifests"])
    accepted = ecr.accepted_digests(scene.clients.ecr, scene.target.registry, index.digest)
    assert accepted == {index.digest, image}
    assert attestation not in accepted


def test_image_that_several_indexes_list_stands_for_the_one_that_the_definition_names(scene):
    client, registry = scene.clients.ecr, scene.target.registry
    index = built(scene, "amd64")
    (image,) = ecr.list_platforms(client, registry, index.digest).values()
    where = {"registryId": registry.account, "repositoryName": "core"}
    manifest = json.loads(
        client.batch_get_image(**where, imageIds=[{"imageDigest": index.digest}])["images"][0]["imageManifest"]
    )
    manifest["manifests"] = manifest["manifests"][:1]  # the same image without its attestation
    kind = "application/vnd.oci.image.index.v1+json"
    newer = client.put_image(**where, imageManifest=json.dumps(manifest), imageManifestMediaType=kind, imageTag="newer")
    newer = newer["image"]["imageId"]["imageDigest"]
    images = ecr.list_images(client, registry)
    assert ecr.find_pushed(client, registry, images, {image}) == {image: newer}, "the newest"
    assert ecr.find_pushed(client, registry, images, {image}, index.digest) == {image: index.digest}
    ecr.tag_image(client, registry, image, "by-itself").make()
    images = ecr.list_images(client, registry)
    assert ecr.find_pushed(client, registry, images, {image}) == {image: image}
    assert ecr.find_pushed(client, registry, images, {image}, index.digest) == {image: index.digest}
    unknown = f"sha256:{'0' * 64}"
    assert ecr.find_pushed(client, registry, images, {unknown}) == {unknown: unknown}


def test_index_without_the_platform_of_the_tasks_starts_none_and_is_refused_before_anything_is_registered(scene):
    made = Deploying(scene)
    made.digest = built(scene, "arm64").digest
    made.parts = made.parts[:1]
    words = rf"Image {made.digest[:19]} is an index of linux/arm64, and tasks of {APP}:1 need linux/amd64, so none could start"
    with pytest.raises(PreconditionError, match=f"{words}.* --platform linux/amd64,linux/arm64"):
        made.register()
    assert scene.called("ecs.RegisterTaskDefinition") == 0
    image = ecr.image_uri(scene.target.registry, made.digest)
    definition = describe_definition(scene.clients.ecs, made.app.before)
    wanted = {APP: register_with_image(scene.step(), definition, "app", image)}
    started = made.advance(wanted, parts=made.parts)
    scene.cloud.advance(600)  # three tasks have failed by then
    with pytest.raises(RolloutFailedError, match="does not contain descriptor matching platform 'linux/amd64'"):
        made.watch(wanted, *started)


def on_arm(scene, family):
    """Register a revision for ARM64 of a family. Return its ARN."""
    definition = with_image(describe_definition(scene.clients.ecs, family), "none", "")
    arm = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    return register_definition(scene.clients.ecs, {**definition, "runtimePlatform": arm}, "app").make()


def test_what_the_task_definition_asks_for_decides_for_services_and_one_off_tasks(scene):
    index, services = built(scene, "amd64"), {APP: f"{APP}:1"}
    ensure_runnable(scene, index.digest, services)
    ensure_runnable(scene, built(scene, "amd64,arm64", "c" * 40).digest, {APP: on_arm(scene, APP)})
    with pytest.raises(PreconditionError, match=f"index of linux/amd64, and tasks of {APP}:2 need linux/arm64"):
        ensure_runnable(scene, index.digest, {APP: f"{APP}:2"})
    on_arm(scene, "core-staging-ad-hoc")
    with pytest.raises(PreconditionError, match="tasks of core-staging-ad-hoc:2 need linux/arm64"):
        ensure_runnable(scene, index.digest, services)
    ensure_runnable(scene, Deploying(scene).digest, services)  # a single image lists no platform


def test_one_off_task_of_an_index_without_its_platform_is_refused_by_its_plan(scene):
    index = built(scene, "arm64")
    image = ecr.image_uri(scene.target.registry, index.digest)
    definition = describe_definition(scene.clients.ecs, "core-staging-ad-hoc")
    register_with_image(scene.step(), definition, "app", image)
    with pytest.raises(
        PreconditionError, match="index of linux/arm64, and tasks of core-staging-ad-hoc:2 need linux/amd64"
    ):
        migration_steps.make_plan(scene, MigrationRequest(preset="migrate"))
