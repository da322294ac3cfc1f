"""The steps that deploy services: in order, each verified before the next, and back again."""

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from include.aws import ecr
from include.aws.task_definitions import describe_definition, set_task_definition
from include.errors import DriftError, PreconditionError, RolloutFailedError
from include.releases.deployment import steps
from include.releases.deployment.plan import plan_services
from include.releases.staging import steps as staging_steps
from include.releases.waiters import WAITERS
from opskit.groups import deployment, github_release, migration
from sandbox.commits import BUILT, STAGED, commit_sha
from tests.support.release_scene import RUN, dying_after

CORE, REPOSITORY = "core/staging", "example-housing/core"
APP, WORKERS, AD_HOC = "core-staging-app", "core-staging-sidekiq", "core-staging-ad-hoc"
RUNNING, BUILT_ONLY = commit_sha(REPOSITORY, STAGED), commit_sha(REPOSITORY, BUILT[0])
LOOK = 60.0  # simulated seconds between two looks


class Deploying:
    """A release of an image that is built but not deployed anywhere."""

    def __init__(self, scene):
        self.scene, self.clients, self.target = scene, scene.clients, scene.target
        self.parts = plan_services(self.target, staging_steps.read_live(scene))
        self.app, self.workers = self.parts
        self.digest = ecr.describe_image(self.clients.ecr, self.target.registry, BUILT_ONLY).digest

    def register(self):
        return steps.register_definitions(self.scene.step(), self.parts, self.digest)

    def advance(self, wanted, kind="out", parts=None):
        return steps.advance_services(self.scene.step(), parts or self.parts, wanted, kind)

    def watch(self, wanted, part, rollout):
        arguments = {
            "plan": part.model_dump(mode="json"),
            "wanted": wanted[part.service],
            "deployment": rollout.deployment,
            "since": rollout.since.isoformat(),
        }
        return WAITERS["release_complete"](self.clients, arguments, None)

    def wait(self, wanted, part, rollout):
        """Look until the rollout is over."""
        for _ in range(60):
            if self.watch(wanted, part, rollout).done:
                return
            self.scene.cloud.advance(LOOK)
        raise AssertionError(f"{part.service} does not get to {wanted[part.service]}")

    def deploy(self, wanted, kind="out", parts=None):
        """Advance until every service is verified. Return the services in the order in which they were waited for."""
        waited = []
        while found := self.advance(wanted, kind, parts):
            waited.append(found[0].service)
            self.wait(wanted, *found)
        return waited

    def runs(self):
        return {part.service: steps.look(self.clients, part).service.primary.task_definition for part in self.parts}


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


@pytest.fixture
def made(scene):
    return Deploying(scene)


def last(definition):
    return definition.rsplit("/", 1)[-1]


# Task definitions


def test_definitions_are_registered_once_with_the_digest_in_their_own_container(scene, made):
    wanted = made.register()
    assert made.register() == wanted
    assert scene.called("ecs.RegisterTaskDefinition") == 2
    assert {name: last(arn) for name, arn in wanted.items()} == {APP: f"{APP}:2", WORKERS: f"{WORKERS}:2"}
    for part in made.parts:
        before = describe_definition(made.clients.ecs, part.before)["containerDefinitions"]
        after = describe_definition(made.clients.ecs, wanted[part.service])["containerDefinitions"]
        changed = [each["name"] for each, old in zip(after, before, strict=True) if each != old]
        assert changed == [part.container]
        assert after[0]["image"].endswith(f"/core@{made.digest}")


def test_definition_whose_answer_was_lost_is_not_registered_again(scene, made):
    fault = scene.inject("lost_answer", times=1, api="ecs", action="RegisterTaskDefinition")
    with pytest.raises(BotoCoreError):
        made.register()
    assert scene.injected(fault) == 1
    wanted = made.register()
    assert scene.called("ecs.RegisterTaskDefinition") == 2, "one of each service"
    assert {last(each) for each in wanted.values()} == {f"{APP}:2", f"{WORKERS}:2"}
    assert scene.texts(RUN, "found")[0].endswith("AWS shows that it was made")


def test_definition_of_one_off_tasks_is_registered_once(scene, made):
    register = lambda: steps.register_one_off(  # noqa: E731
        scene.step(), AD_HOC, "app", made.digest
    )
    first = register()
    assert register() == first
    assert (last(first), scene.called("ecs.RegisterTaskDefinition")) == (f"{AD_HOC}:2", 1)


# Forward


def test_workers_follow_the_application_only_when_it_is_proved(scene, made):
    wanted = made.register()
    first = made.advance(wanted)
    assert first[0].service == APP
    assert made.advance(wanted) == first, "a retry waits for the same deployment"
    assert scene.called("ecs.UpdateService") == 1
    scene.cloud.advance(LOOK)
    assert not made.watch(wanted, *first).done
    assert made.advance(wanted)[0].service == APP
    assert made.runs()[WORKERS] == made.workers.before
    made.wait(wanted, *first)
    assert made.advance(wanted)[0].service == WORKERS
    assert made.deploy(wanted) == [WORKERS]
    assert made.advance(wanted) is None
    assert scene.called("ecs.UpdateService") == 2
    proof = steps.verify_services(scene, made.parts, wanted, made.digest)
    assert f"{WORKERS}: 2 tasks of 2 healthy on {WORKERS}:2, image {made.digest[:19]}" in proof
    with pytest.raises(RolloutFailedError, match=f"{APP} is not proved to run {APP}:2 .*runs image"):
        steps.verify_services(scene, made.parts, wanted, f"sha256:{'0' * 64}")
    scene.cloud.client("ecs", CORE).update_service(cluster=APP, service=WORKERS, healthCheckGracePeriodSeconds=86400)
    scene.inject("container_unhealthy", service=WORKERS)
    scene.cloud.advance(95)
    with pytest.raises(
        RolloutFailedError, match=r"0 healthy and 2 running .*container health check: sidekiq UNHEALTHY"
    ):
        steps.verify_services(scene, made.parts, wanted, made.digest)


def test_service_whose_process_died_right_after_the_write_is_not_deployed_twice(scene, made, monkeypatch):
    wanted = made.register()
    with monkeypatch.context() as patch:
        patch.setattr(steps, "set_task_definition", dying_after(set_task_definition))
        with pytest.raises(KeyboardInterrupt):
            made.advance(wanted)
    found = made.advance(wanted)
    assert found[0].service == APP
    assert scene.called("ecs.UpdateService") == 1
    (text,) = scene.texts(RUN, "found")
    assert text.endswith("AWS shows that it was made")


def test_service_that_ecs_rolled_back_is_named_with_both_revisions_and_the_next_never_begins(scene, made):
    wanted = made.register()
    part, rollout = made.advance(wanted)
    fault = scene.inject("deployment_rolls_back", service=APP, after_seconds=30)
    with pytest.raises(RolloutFailedError) as error:
        made.wait(wanted, part, rollout)
    assert scene.injected(fault) == 1
    assert f"it is on {APP}:1 again, not on {APP}:2" in str(error.value)
    scene.cloud.advance(1200)
    with pytest.raises(RolloutFailedError, match=f"{APP}:1 again, not on {APP}:2"):
        made.advance(wanted)
    assert scene.called("ecs.UpdateService") == 1
    with pytest.raises(RolloutFailedError, match="is not proved to run"):
        steps.verify_services(scene, made.parts, wanted, made.digest)
    assert "4 tasks of 4 healthy" in steps.verify_rolled_back(scene, made.parts)


@pytest.mark.parametrize("answered", [True, False])
def test_service_that_ecs_took_back_before_its_dead_process_noted_it_is_not_deployed_again(
    scene, made, monkeypatch, answered
):
    wanted = made.register()
    scene.inject("deployment_rolls_back", service=APP, after_seconds=30)
    with monkeypatch.context() as patch:
        if answered:  # it dies before its own note
            patch.setattr(steps.documents, "DeploymentDocument", killed)
        else:
            patch.setattr(steps, "set_task_definition", dying_after(set_task_definition))
        with pytest.raises(KeyboardInterrupt):
            made.advance(wanted)
    scene.cloud.advance(1200)
    assert made.runs()[APP] == made.app.before
    with pytest.raises(RolloutFailedError, match=f"{APP}:1 again, not on {APP}:2"):
        made.advance(wanted)
    assert scene.called("ecs.UpdateService") == 1


def test_write_that_ecs_never_took_is_made_by_the_next_try(scene, made):
    wanted = made.register()
    fault = scene.inject("server_error", api="ecs", action="UpdateService")
    with pytest.raises(ClientError):
        made.advance(wanted)
    scene.control.delete(f"/faults/{fault}")
    part, _ = made.advance(wanted)
    assert part.service == APP
    assert made.runs()[APP] == wanted[APP]


def test_run_that_has_gone_back_never_goes_forward_again(scene):
    ctx = scene.step()
    steps.note_return(ctx)
    forward = (
        deployment._forward,
        deployment.raise_group_capacity.function,
        migration.start_migration.function,
        github_release.publish_release.function,
    )
    for go in forward:
        with pytest.raises(PreconditionError, match=r"^This run has begun to go back at .* start a new run"):
            go(ctx)
    steps.refuse_after_return(scene.step("staging_deployment/two"))


def killed(*_, **__):
    raise KeyboardInterrupt("the process is killed here")


def test_image_that_crashes_is_told_from_the_task_before_anything_is_proved(scene, made):
    wanted = made.register()
    fault = scene.inject("bad_image", service=APP)
    part, rollout = made.advance(wanted)
    with pytest.raises(RolloutFailedError) as error:
        made.wait(wanted, part, rollout)
    assert scene.injected(fault) >= 1
    assert f"{APP}:2" in str(error.value)
    assert f"{APP}:1" in str(error.value)
    assert "app exited with 1" in str(error.value)
    assert made.runs()[WORKERS] == made.workers.before


def test_service_that_somebody_deployed_meanwhile_is_left_alone(scene, made):
    wanted = made.register()
    others = dict(describe_definition(made.clients.ecs, made.app.before))
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    made.clients.ecs.register_task_definition(**{key: others[key] for key in taken})
    made.clients.ecs.update_service(cluster=APP, service=APP, taskDefinition=f"{APP}:3")
    asked = scene.called("ecs.UpdateService")
    with pytest.raises(DriftError, match=f"{APP}:3, neither {APP}:1 .* nor {APP}:2"):
        made.advance(wanted)
    with pytest.raises(PreconditionError, match=f"{APP} runs {APP}:3, which is neither this release nor {APP}:1"):
        steps.find_rollback(scene, made.parts, wanted)
    assert scene.called("ecs.UpdateService") == asked


def test_workers_that_somebody_deployed_before_their_turn_keep_the_application_where_it_is(scene, made):
    wanted = made.register()
    made.clients.ecs.update_service(cluster=APP, service=WORKERS, taskDefinition=wanted[WORKERS])
    with pytest.raises(DriftError, match=f"{WORKERS} runs {WORKERS}:2, not {WORKERS}:1, before its turn"):
        made.advance(wanted)
    assert made.runs()[APP] == made.app.before


# Back


def test_release_goes_back_newest_first_and_is_proved_to_be_as_before(scene, made):
    wanted = made.register()
    made.deploy(wanted)
    with pytest.raises(RolloutFailedError, match=f"{APP} is not proved to run {APP}:1"):
        steps.verify_rolled_back(scene, made.parts)
    way = steps.find_rollback(scene, made.parts, wanted)
    assert [(each.part.service, last(each.runs), last(each.to)) for each in way.returns] == [
        (WORKERS, f"{WORKERS}:2", f"{WORKERS}:1"),
        (APP, f"{APP}:2", f"{APP}:1"),
    ]
    assert way.mixed is None
    back = [part.model_copy(update={"before": wanted[part.service]}) for part in reversed(made.parts)]
    old = {part.service: part.before for part in made.parts}
    assert made.deploy(old, "back", back) == [WORKERS, APP]
    assert made.runs() == old
    proof = steps.verify_rolled_back(scene, made.parts)
    assert f"{APP}: 4 tasks of 4 healthy on {APP}:1" in proof


def test_release_that_stopped_between_its_services_is_mixed_and_only_the_application_goes_back(scene, made):
    wanted = made.register()
    made.wait(wanted, *made.advance(wanted))
    way = steps.find_rollback(scene, made.parts, wanted)
    assert ([each.part.service for each in way.returns], way.untouched) == ([APP], (WORKERS,))
    assert way.mixed == f"The release is mixed: {APP} on {APP}:2 (the release), {WORKERS} on {WORKERS}:1"


def test_release_that_changed_nothing_has_nowhere_to_go_back_from(scene, made):
    way = steps.find_rollback(scene, made.parts, {})
    assert (way.returns, way.untouched, way.mixed) == ((), (WORKERS, APP), None)


def test_way_back_to_an_image_that_is_gone_is_refused(scene, made):
    wanted = made.register()
    made.wait(wanted, *made.advance(wanted))
    fault = scene.inject("image_expired", tag=RUNNING)
    with pytest.raises(
        PreconditionError, match=f"{APP} cannot go back to {APP}:1: its task definition or an image of it"
    ):
        steps.find_rollback(scene, made.parts, wanted)
    assert scene.injected(fault) == 1


def test_service_that_ecs_is_still_rolling_back_is_waited_for_before_it_is_proved(scene, made):
    wanted = made.register()
    fault = scene.inject("deployment_rolls_back", service=APP, after_seconds=400)
    with pytest.raises(RolloutFailedError, match=f"{APP}:1 again, not on {APP}:2"):
        made.wait(wanted, *made.advance(wanted))
    assert scene.injected(fault) == 1
    with pytest.raises(RolloutFailedError, match=f"{APP} is not proved to run {APP}:1"):
        steps.verify_rolled_back(scene, made.parts)
    way = steps.find_rollback(scene, made.parts, wanted)
    assert way.text == f"Going back: {APP} to {APP}:1, as ECS has begun by itself."
    back = [each.part.model_copy(update={"before": each.runs}) for each in way.returns]
    assert made.deploy({APP: made.app.before}, "return", back) == [APP]
    assert scene.called("ecs.UpdateService") == 1
    assert "4 tasks of 4 healthy" in steps.verify_rolled_back(scene, made.parts)


# The tag of the image


def test_image_gets_its_readable_tag_once_and_a_tag_is_never_moved(scene, made):
    tag = lambda digest: steps.tag_image(scene.step(), digest, "staging-1")  # noqa: E731
    assert [tag(made.digest), tag(made.digest)] == ["staging-1", "staging-1"]
    assert scene.called("ecr.PutImage") == 1
    image = ecr.describe_image(made.clients.ecr, made.target.registry, "staging-1")
    assert image.digest == made.digest
    assert {BUILT_ONLY, "staging-1"} <= set(image.tags)
    with pytest.raises(PreconditionError, match="Tag staging-1 is on image"):
        tag(made.app.before_digest)
    assert scene.called("ecr.PutImage") == 1


def test_tag_whose_process_died_after_the_write_is_found(scene, made, monkeypatch):
    put = ecr.tag_image
    with monkeypatch.context() as patch:
        patch.setattr(steps.ecr, "tag_image", dying_after(put))
        with pytest.raises(KeyboardInterrupt):
            steps.tag_image(scene.step(), made.digest, "staging-1")
    steps.tag_image(scene.step(), made.digest, "staging-1")
    assert scene.called("ecr.PutImage") == 1
    assert scene.texts(RUN, "found")[0].endswith("AWS shows that it was made")


def test_image_that_is_gone_is_refused_and_nothing_is_tagged(scene, made):
    fault = scene.inject("image_expired", tag=BUILT_ONLY)
    with pytest.raises(
        PreconditionError, match=f"^Repository core of core/staging has no image {made.digest[:19]}; find out who"
    ):
        steps.tag_image(scene.step(), made.digest, "staging-1")
    assert (scene.injected(fault), scene.called("ecr.PutImage")) == (1, 0)


def test_service_without_tasks_is_renewed_and_goes_back_with_the_others(scene):
    ecs = scene.cloud.client("ecs", CORE)
    ecs.update_service(cluster=APP, service=WORKERS, desiredCount=0)
    scene.cloud.advance(120)
    made = Deploying(scene)
    running = ecr.describe_image(made.clients.ecr, made.target.registry, RUNNING).digest
    assert (made.workers.count, made.workers.before_digest) == (0, running)
    wanted = made.register()
    assert made.deploy(wanted) == [APP, WORKERS]
    proof = steps.verify_services(scene, made.parts, wanted, made.digest)
    assert (
        f"{WORKERS}: {WORKERS}:2 with image {made.digest[:19]} is its definition, and no task of it is wanted" in proof
    )
    back = steps.find_rollback(scene.step(), made.parts, wanted)
    assert [found.part.service for found in back.returns] == [WORKERS, APP]
    staging_steps.attest_image(scene, made.digest, BUILT_ONLY, made.parts)
    document = next(scene.store.list(f"target#{CORE}", f"proof#{made.digest}"))
    assert list(document["templates"]) == ["app"], "what no task ran is not proved"
