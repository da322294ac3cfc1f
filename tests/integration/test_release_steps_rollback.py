"""A rollback started by a person, for a service on instances that shares its family with one-off tasks."""

from include.aws import ecr
from include.aws.task_definitions import describe_definition, takes
from include.releases.rollback import preflight

MAPS = "districtbuilder/staging"


def test_revision_of_a_one_off_is_nothing_that_a_service_on_instances_goes_back_to(scene_of):
    scene = scene_of(MAPS)
    (service,) = [scene.target.environment.service(each) for each in scene.target.release.services]
    runs = scene.clients.ecs.describe_services(cluster=scene.target.environment.cluster, services=[service.name])
    live = describe_definition(scene.clients.ecs, runs["services"][0]["taskDefinition"])
    container = {key: live["containerDefinitions"][0][key] for key in ("name", "image", "essential")}
    made = scene.clients.ecs.register_task_definition(
        family=service.family,
        containerDefinitions=[container],
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="2048",
    )["taskDefinition"]
    assert takes(made, "FARGATE")
    assert not takes(made, service.launch_type)
    candidates = preflight.list_candidates(scene, (), service)
    assert [candidate.definition for candidate in candidates] == [live["taskDefinitionArn"]]


def test_image_of_another_repository_is_nothing_to_go_back_to_although_its_tag_is_ours(scene_of):
    scene = scene_of("core/staging")
    service = scene.target.environment.service("core-staging-app")
    ecs, images = scene.clients.ecs, ecr.list_images(scene.clients.ecr, scene.target.registry)
    before = preflight.list_candidates(scene, images, service)
    live = describe_definition(ecs, before[0].definition)
    ours = live["containerDefinitions"][0]
    container = {**ours, "image": ours["image"].replace("/core:", "/core-jobs:")}
    assert container["image"].rpartition(":")[2] in {tag for image in images for tag in image.tags}
    kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory")
    ecs.register_task_definition(containerDefinitions=[container], **{name: live[name] for name in kept})
    foreign, *ours = preflight.list_candidates(scene, images, service)
    assert (foreign.digest, ours) == ("", list(before))
