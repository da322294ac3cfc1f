"""Tags that have moved since the tasks of a service started: a restart must not deploy, and a release must have a way back."""

import pytest

from include.aws import ecr
from include.aws.task_definitions import describe_definition, register_definition
from include.ecs.container_diff import with_image
from include.errors import PreconditionError, RolloutFailedError
from include.releases.deployment import steps as release_steps
from include.releases.deployment.plan import plan_services, refuse_no_way_back, renewed
from include.releases.migration import steps as migration_steps
from include.releases.migration.request import MigrationRequest
from include.releases.preconditions import plan_ready_services
from include.releases.rollback import preflight
from include.releases.staging.steps import read_live
from include.restart import steps
from include.waiter_registry import run_waiter
from tests.integration.test_release_steps_deployment import AD_HOC, APP, BUILT_ONLY, CORE, RUNNING, WORKERS, Deploying
from tests.support.release_scene import until_done

MAPS = "districtbuilder/staging"
LOOK = 60.0  # simulated seconds between two looks


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


def runs(scene, service=APP):
    """Return the one image that the tasks of a service run, shortened."""
    arns = scene.clients.ecs.list_tasks(cluster=APP, serviceName=service)["taskArns"]
    tasks = scene.clients.ecs.describe_tasks(cluster=APP, tasks=arns)["tasks"]
    (digest,) = {
        container["imageDigest"][:19]
        for task in tasks
        for container in task["containers"]
        if "imageDigest" in container
    }
    return digest


def with_agent(scene, image):
    """Have the service run one more container of this image. Return the name of its new revision."""
    ecs = scene.clients.ecs
    (service,) = ecs.describe_services(cluster=APP, services=[APP])["services"]
    definition = with_image(describe_definition(ecs, service["taskDefinition"]), "none", "")
    definition["containerDefinitions"].append({"name": "agent", "image": image, "essential": False, "memory": 64})
    arn = register_definition(ecs, definition, "app").make()
    ecs.update_service(cluster=APP, service=APP, taskDefinition=arn)
    scene.cloud.advance(1500)
    return arn.rsplit("/", 1)[-1]


def own(scene, tag):
    """Return the name of an image in the target's own repository."""
    registry = scene.target.registry
    return f"{registry.account}.dkr.ecr.{registry.region}.amazonaws.com/core:{tag}"


@pytest.mark.parametrize("name", [CORE, MAPS])
def test_restart_that_would_deploy_another_image_is_refused(scene_of, name):
    scene = scene_of(name)
    fault = scene.inject("tag_moved")
    with pytest.raises(
        PreconditionError, match=r"New tasks of .* would run another image: .* by now\. Put the tag back"
    ):
        steps.make_plan(scene, None)
    assert scene.injected(fault) == 1
    scene.control.delete(f"/faults/{fault}")
    assert steps.make_plan(scene, None)[0].services


def test_restart_whose_tasks_could_not_start_is_refused(scene):
    scene.inject("image_expired", tag=RUNNING)
    with pytest.raises(
        PreconditionError, match=f"No new task of {APP} could start: .*/core:{RUNNING}, the image of its"
    ):
        steps.make_plan(scene, None)


def test_tag_that_moves_during_a_restart_is_found_by_its_proof(scene):
    plan, since = steps.make_plan(scene, None)
    before = runs(scene)
    part, rollout = steps.advance_rollouts(scene.step(), plan.services, since)
    scene.inject("tag_moved")
    arguments = {
        "plan": part.model_dump(mode="json"),
        "since": rollout.since.isoformat(),
        "deployment": rollout.deployment,
    }
    until_done(scene, lambda: run_waiter("rollout_complete", scene.clients, arguments), every=LOOK)
    assert runs(scene) != before
    with pytest.raises(RolloutFailedError, match=rf"runs image {runs(scene)} in app, not {before} as before"):
        steps.verify_restart(scene.step(), part, since)


def test_image_that_nobody_here_can_ask_about_is_told(scene):
    revision = with_agent(scene, "public.ecr.aws/tools/agent:latest")
    plan, _ = steps.make_plan(scene, None)
    assert plan.services[0].task_definition.endswith(revision)
    (note,) = [each for each in plan.notes if each.startswith("Not checked")]
    assert "public.ecr.aws/tools/agent:latest of container agent (public.ecr.aws is not asked)" in note


def test_image_named_by_its_digest_cannot_be_another_one(scene):
    made = Deploying(scene)
    made.deploy(made.register())
    scene.inject("tag_moved", tag=RUNNING)
    plan, _ = steps.make_plan(scene, None)
    assert len(plan.services) == 2
    assert not [note for note in plan.notes if "Not checked" in note]


def test_release_that_could_not_go_back_is_refused_and_does_not_go_back_to_another_image(scene):
    made = Deploying(scene)
    wanted = made.register()
    made.wait(wanted, *made.advance(wanted))
    fault = scene.inject("tag_moved", tag=RUNNING)
    with pytest.raises(PreconditionError, match=f"{APP} cannot go back to {APP}:1: .* stands for another image by now"):
        release_steps.find_rollback(scene, made.parts, wanted)
    live = read_live(scene)
    workers = plan_services(scene.target, live)[1:]
    with pytest.raises(
        PreconditionError, match=r"core-staging-sidekiq could not go back to core-staging-sidekiq:1: it runs"
    ):
        refuse_no_way_back(workers, live)
    scene.control.delete(f"/faults/{fault}")
    assert release_steps.find_rollback(scene, made.parts, wanted).returns


def test_container_that_a_release_renews_beside_its_own_is_told_and_one_that_is_gone_is_refused(scene):
    with_agent(scene, own(scene, RUNNING))
    before = runs(scene)
    fault = scene.inject("tag_moved", tag=RUNNING)
    live = read_live(scene)
    (note,) = renewed(scene.target, live)
    assert note.startswith(f"This renews container agent of {APP} as well: it runs {before}, and ")
    scene.control.delete(f"/faults/{fault}")
    scene.inject("image_expired", tag=RUNNING)
    with pytest.raises(
        PreconditionError, match=f"No new task of {APP} could start: .* the image of its container agent"
    ):
        plan_ready_services(scene.target, read_live(scene), None, None)


@pytest.fixture
def released(scene):
    """A release over a revision that has an agent, whose image a tag names."""
    with_agent(scene, own(scene, BUILT_ONLY))
    made = Deploying(scene)
    wanted = made.register()
    made.deploy(wanted)
    return made, wanted


def test_container_that_a_rollback_renews_beside_its_own_is_told_and_one_that_is_gone_is_refused(scene, released):
    made, _ = released
    agent, back = made.digest[:19], f"{APP}:2"
    assert not [note for note in preflight.make_plan(scene, RUNNING)[0].notes if "agent" in note]
    fault = scene.inject("tag_moved", tag=BUILT_ONLY)
    plan, _ = preflight.make_plan(scene, RUNNING)
    assert plan.to[APP].endswith(back)
    (note,) = [each for each in plan.notes if "agent" in each]
    moved = ecr.read_pulled(scene.clients.ecr, scene.target.registry, BUILT_ONLY).digest[:19]
    assert moved != agent
    assert note == (
        f"This renews container agent of {APP} as well: it runs {agent}, and {own(scene, BUILT_ONLY)}, which {back} names, stands for "
        f"{moved} by now. What it stood for when {back} ran is not on record."
    )
    scene.control.delete(f"/faults/{fault}")
    scene.inject("image_expired", tag=BUILT_ONLY)
    with pytest.raises(
        PreconditionError,
        match=f"No task of {back} could start: .*/core:{BUILT_ONLY}, the image of its container agent",
    ):
        preflight.make_plan(scene, RUNNING)


def test_container_that_only_the_earlier_revision_has_is_told_by_a_rollback(scene, released):
    _, wanted = released
    without = with_image(describe_definition(scene.clients.ecs, wanted[APP]), "none", "")
    without["containerDefinitions"] = [
        definition for definition in without["containerDefinitions"] if definition["name"] != "agent"
    ]
    arn = register_definition(scene.clients.ecs, without, "app").make()
    scene.clients.ecs.update_service(cluster=APP, service=APP, taskDefinition=arn)
    scene.cloud.advance(1500)
    (note,) = [each for each in preflight.make_plan(scene, RUNNING)[0].notes if "agent" in each]
    assert note.startswith(
        f"This starts container agent of {APP} as well, which no task of it runs: {own(scene, BUILT_ONLY)}, which "
    )


def test_way_back_of_a_release_tells_the_container_whose_tag_has_moved_meanwhile(scene, released):
    made, wanted = released
    assert "agent" not in release_steps.find_rollback(scene, made.parts, wanted).text
    scene.inject("tag_moved", tag=BUILT_ONLY)
    text = release_steps.find_rollback(scene, made.parts, wanted).text
    assert text.startswith(
        f"Going back: {WORKERS} from {WORKERS}:2 to {WORKERS}:1, then {APP} from {APP}:3 to {APP}:2. This renews "
    )
    assert f"This renews container agent of {APP} as well: it runs {made.digest[:19]}, and " in text


def test_way_back_of_a_release_to_a_container_whose_image_is_gone_is_refused(scene, released):
    made, wanted = released
    scene.inject("image_expired", tag=BUILT_ONLY)
    with pytest.raises(
        PreconditionError, match=f"{APP} cannot go back to {APP}:2: its task definition or an image of it is gone"
    ):
        release_steps.find_rollback(scene, made.parts, wanted)


def test_migration_tells_the_image_of_a_container_beside_its_own_and_refuses_one_that_is_gone(scene):
    definition = with_image(describe_definition(scene.clients.ecs, AD_HOC), "none", "")
    definition["containerDefinitions"].append(
        {"name": "agent", "image": own(scene, BUILT_ONLY), "essential": False, "memory": 64}
    )
    register_definition(scene.clients.ecs, definition, "app").make()
    request = MigrationRequest(command=("rails", "db:migrate"))
    before, _ = migration_steps.make_plan(scene, request)
    stands = ecr.read_pulled(scene.clients.ecr, scene.target.registry, BUILT_ONLY).digest[:19]
    (note,) = [each for each in before.notes if "agent" in each]
    assert note == f"Container agent beside it runs {own(scene, BUILT_ONLY)}, which stands for {stands} now."
    scene.inject("tag_moved", tag=BUILT_ONLY)
    assert migration_steps.make_plan(scene, request)[0].digest != before.digest, "what is approved is what runs"
    scene.inject("image_expired", tag=BUILT_ONLY)
    with pytest.raises(
        PreconditionError, match=f"No task of {AD_HOC}:2 could start: .* the image of its container agent"
    ):
        migration_steps.make_plan(scene, request)
