"""Services whose traffic ECS itself shifts: the service deployment's own state decides, forward, back and in a restart."""

import pytest
import yaml

from include.aws import ecr, ecs
from include.aws.sts import ask_who
from include.errors import DriftError, PreconditionError, RolloutFailedError
from include.inventory import load
from include.inventory.loader import SHIPPED
from include.releases.deployment import steps
from include.releases.deployment.plan import plan_services, weak
from include.releases.staging import steps as staging_steps
from include.restart import steps as restart_steps
from include.waiter_registry import run_waiter
from sandbox.commits import COMMITS, commit_sha
from tests.support.release_scene import dying_after

VISITS, REPOSITORY = "visits/staging", "example-clinics/visits"
WEB, WORKER, CLUSTER, ALARM = "visits-staging-web", "visits-staging-worker", "visits-staging", "visits-staging-web-5xx"
NEWEST = commit_sha(REPOSITORY, COMMITS)
LOOK = 120.0  # simulated seconds between two looks


@pytest.fixture(scope="session")
def small_inventory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    content = yaml.safe_load((SHIPPED / "visits.yaml").read_text())
    (folder / "visits.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


class Deploying:
    """A release of a built image to the website and its workers."""

    def __init__(self, scene):
        self.scene, self.clients, self.target = scene, scene.clients, scene.target
        pushed = scene.control.post("/images", json={"target": scene.target.name, "commit": NEWEST}).get_json()
        self.digest = pushed["digest"]
        assert ecr.describe_image(self.clients.ecr, self.target.registry, NEWEST).digest == self.digest
        self.read()

    def read(self):
        self.parts = plan_services(self.target, staging_steps.read_live(self.scene))
        self.web = self.parts[0]

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
        return run_waiter("release_complete", self.clients, arguments)

    def wait(self, wanted, part, rollout, most=90):
        """Look until the rollout is over. Return what was said."""
        said = []
        for _ in range(most):
            progress = self.watch(wanted, part, rollout)
            said.append(progress.text)
            if progress.done:
                return said
            self.scene.cloud.advance(LOOK)
        raise AssertionError(f"{part.service} does not get to {wanted[part.service]}: {said[-1]}")

    def deploy(self, wanted, kind="out", parts=None):
        """Advance until every service is verified. Return what was said while it was waited for each."""
        said = {}
        while found := self.advance(wanted, kind, parts):
            said[found[0].service] = self.wait(wanted, *found)
        return said

    def back(self, released):
        """Return the parts and what they go back to, as after a failed release."""
        found = steps.find_rollback(self.scene.step(), self.parts, released)
        parts = tuple(each.part.model_copy(update={"before": each.runs}) for each in found.returns)
        return parts, {each.part.service: each.to for each in found.returns}

    def configure(self, **configuration):
        self.clients.ecs.update_service(cluster=CLUSTER, service=WEB, deploymentConfiguration=configuration)
        self.read()

    def newest(self):
        found = self.clients.ecs.list_service_deployments(cluster=CLUSTER, service=WEB)["serviceDeployments"][0]
        arn = found["serviceDeploymentArn"]
        return self.clients.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]


@pytest.fixture
def scene(scene_of):
    return scene_of(VISITS)


@pytest.fixture
def made(scene):
    return Deploying(scene)


def test_good_release_bakes_and_is_proved_after_its_timeout_would_have_been_over(scene, made):
    made.configure(bakeTimeInMinutes=60)  # three times the release's time-out
    assert (made.web.strategy.kind, made.web.strategy.bake, made.web.timeout_seconds) == ("BLUE_GREEN", 3600, 1200)
    wanted = made.register()
    said = made.deploy(wanted)
    assert any("IN_PROGRESS at BAKE_TIME with 100 % of the traffic" in each for each in said[WEB])
    assert len(said[WEB]) > 30
    assert made.newest()["status"] == "SUCCESSFUL"
    proof = steps.verify_services(scene.step(), made.parts, wanted, made.digest)
    assert proof.startswith(f"{WEB}: 2 tasks of 2 healthy on {WEB}:2, image {made.digest[:19]}")


def test_nothing_is_proved_while_it_still_bakes(scene, made):
    wanted = made.register()
    part, rollout = made.advance(wanted)
    for _ in range(3):
        scene.cloud.advance(LOOK)
        assert not made.watch(wanted, part, rollout).done
    with pytest.raises(RolloutFailedError, match=r"is IN_PROGRESS at BAKE_TIME with 100 % of the traffic"):
        steps.verify_services(scene.step(), [part], wanted, made.digest)
    with pytest.raises(PreconditionError, match=rf"{WEB} is being deployed \(service deployment .* at BAKE_TIME"):
        made.read()


def test_alarm_in_ecs_own_bake_is_a_failure_that_names_it_and_the_way_back_waits_for_ecs(scene, made):
    made.configure(alarms={"alarmNames": [ALARM], "enable": True, "rollback": True})
    wanted = made.register()
    fault = scene.inject("alarm", name=ALARM, when="deployment", after_seconds=330)
    scene.cloud.advance(1)
    part, rollout = made.advance(wanted)
    with pytest.raises(RolloutFailedError, match=rf"rolled back: .*of the alarms {ALARM}; alarm {ALARM}"):
        made.wait(wanted, part, rollout)
    assert scene.injected(fault) == 1
    parts, to = made.back(wanted)
    made.deploy(to, "return", parts)
    assert made.newest()["status"] == "ROLLBACK_SUCCESSFUL"
    assert scene.called("ecs.StopServiceDeployment") == 0
    proof = steps.verify_rolled_back(scene.step(), made.parts)
    assert proof.startswith(f"{WEB}: 2 tasks of 2 healthy on {WEB}:1")
    with pytest.raises(RolloutFailedError, match="was rolled back"):
        made.advance(wanted)  # a retry of the step starts nothing


def test_breaker_is_named_with_its_count_and_its_threshold(scene, made):
    scene.inject("crash", service=WEB, after_seconds=5)
    wanted = made.register()
    part, rollout = made.advance(wanted)
    with pytest.raises(
        RolloutFailedError, match=r"circuit breaker threshold was exceeded; 4 failed tasks of 3 allowed"
    ):
        made.wait(wanted, part, rollout)


def test_stuck_hook_ends_the_wait_and_the_way_back_gives_the_traffic_back_at_once(scene, made):
    wanted = made.register()
    fault = scene.inject("lifecycle_hook", service=WEB, how="hangs")
    part, rollout = made.advance(wanted)
    with pytest.raises(
        RolloutFailedError, match=r"allowed: 20 min.*at POST_SCALE_UP .*waiting for its hook arn:aws:lambda"
    ):
        made.wait(wanted, part, rollout)
    assert scene.injected(fault) == 1
    parts, to = made.back(wanted)
    said = made.deploy(to, "return", parts)
    assert (scene.called("ecs.StopServiceDeployment"), scene.called("ecs.UpdateService")) == (1, 1)
    assert any("ROLLBACK_IN_PROGRESS" in each for each in said[WEB])
    assert steps.verify_rolled_back(scene.step(), made.parts).startswith(f"{WEB}: 2 tasks of 2 healthy on {WEB}:1")


def test_way_back_from_a_finished_release_is_a_deployment_of_its_own(scene, made):
    wanted = made.register()
    made.deploy(wanted)
    parts, to = made.back(wanted)
    made.deploy(to, "return", parts)
    assert scene.called("ecs.StopServiceDeployment") == 0
    assert (made.newest()["status"], len(made.parts)) == ("SUCCESSFUL", 2)
    assert steps.verify_rolled_back(scene.step(), made.parts).count(":1, image") == 2


def test_pause_waits_for_a_person_longer_than_the_timeout_and_says_how_to_go_on(scene, made):
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
        "timeoutConfiguration": {"timeoutInMinutes": 120, "action": "ROLLBACK"},
    }
    made.configure(lifecycleHooks=[hook])
    wanted = made.register()
    part, rollout = made.advance(wanted)
    scene.cloud.advance(3600)
    said = made.watch(wanted, part, rollout)
    assert not said.done
    assert (
        "aws ecs continue-service-deployment --service-deployment-arn arn:aws:ecs:eu-west-1:555555555551" in said.text
    )
    assert "then ROLLBACK" in said.milestone
    waiting = made.newest()
    scene.somebody.ecs.continue_service_deployment(
        serviceDeploymentArn=waiting["serviceDeploymentArn"],
        hookId=waiting["lifecycleHookDetails"][0]["hookId"],
        action="CONTINUE",
    )
    made.wait(wanted, part, rollout)


def test_pause_that_nobody_answers_is_a_failure_by_ecs_own_timeout(scene, made):
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
        "timeoutConfiguration": {"timeoutInMinutes": 30, "action": "ROLLBACK"},
    }
    made.configure(lifecycleHooks=[hook])
    wanted = made.register()
    part, rollout = made.advance(wanted)
    with pytest.raises(RolloutFailedError, match=r"a lifecycle hook at POST_TEST_TRAFFIC_SHIFT timed out"):
        made.wait(wanted, part, rollout)


def test_rollback_that_failed_is_no_way_back(scene, made):
    wanted = made.register()
    scene.inject("rollback_fails", service=WEB)
    scene.inject("deployment_rolls_back", service=WEB, after_seconds=120)
    part, rollout = made.advance(wanted)
    scene.cloud.advance(600)
    with pytest.raises(RolloutFailedError, match="failed, and its rollback failed as well"):
        made.watch(wanted, part, rollout)
    parts, to = made.back(wanted)
    with pytest.raises(
        RolloutFailedError, match=r"is not proved back on visits-staging-web:1: .*rollback failed as well"
    ):
        made.advance(to, "return", parts)
    with pytest.raises(RolloutFailedError, match="rollback failed as well"):
        steps.verify_rolled_back(scene.step(), made.parts)


def test_deployment_of_others_is_neither_stopped_nor_superseded(scene, made):
    wanted = made.register()
    made.clients.ecs.update_service(cluster=CLUSTER, service=WEB, forceNewDeployment=True)
    scene.cloud.advance(60)
    with pytest.raises(DriftError, match=rf"{WEB} is being deployed .*which this run has not begun"):
        made.advance(wanted)
    assert (scene.called("ecs.StopServiceDeployment"), scene.called("ecs.UpdateService")) == (0, 1)


def test_release_that_somebody_replaced_is_drift(scene, made):
    wanted = made.register()
    part, rollout = made.advance(wanted)
    scene.cloud.advance(60)
    made.clients.ecs.update_service(cluster=CLUSTER, service=WEB, forceNewDeployment=True)
    scene.cloud.advance(60)
    with pytest.raises(DriftError, match="was replaced by"):
        made.watch(wanted, part, rollout)


def test_rolling_worker_rests_on_its_service_deployment_as_well(scene, made):
    made.clients.ecs.update_service(cluster=CLUSTER, service=WORKER, deploymentConfiguration={"bakeTimeInMinutes": 40})
    made.read()
    wanted = made.register()
    said = made.deploy(wanted)
    assert len(said[WORKER]) > 20
    assert scene.called("ecs.DescribeServiceDeployments") > 0


def test_canary_of_production_takes_its_steps_and_the_plan_says_so(scene_of):
    scene = scene_of("visits/production")
    made = Deploying(scene)
    assert str(made.web.strategy) == "canary, 2 steps of 5 min, 10 min of bake"
    wanted = made.register()
    said = made.deploy(wanted)["visits-web"]
    assert any("with 10 % of the traffic" in each for each in said)
    assert steps.verify_services(scene.step(), made.parts, wanted, made.digest).startswith("visits-web: 3 tasks of 3")


class Restarting:
    """A restart of the website and its worker."""

    def __init__(self, scene):
        self.scene = scene
        self.plan, self.since = restart_steps.make_plan(scene, None)

    def wait(self, service, rollout):
        arguments = {
            "plan": service.model_dump(mode="json"),
            "since": rollout.since.isoformat(),
            "deployment": rollout.deployment,
        }
        said = []
        for _ in range(60):
            progress = run_waiter("rollout_complete", self.scene.clients, arguments)
            said.append(progress.text)
            if progress.done:
                return said
            self.scene.cloud.advance(LOOK)
        raise AssertionError(said[-1])

    def restart(self):
        said = {}
        while found := restart_steps.advance_rollouts(self.scene.step(), self.plan.services, self.since):
            said[found[0].service] = self.wait(*found)
        return said


def test_restart_of_a_blue_green_service_waits_for_its_bake_and_is_proved(scene):
    restarting = Restarting(scene)
    assert restarting.plan.changes[0].what.startswith(f"new deployment of {WEB} (blue/green, 5 min of bake), same task")
    said = restarting.restart()
    assert any("at BAKE_TIME" in each for each in said[WEB])
    for service in restarting.plan.services:
        proof = restart_steps.verify_restart(scene.step(), service, restarting.since)
        assert "all healthy, all started after" in proof


def test_restart_that_ecs_rolls_back_is_a_failure_although_all_is_steady_again(scene):
    restarting = Restarting(scene)
    scene.inject("deployment_rolls_back", service=WEB, after_seconds=120)
    service, rollout = restart_steps.advance_rollouts(scene.step(), restarting.plan.services, restarting.since)
    scene.cloud.advance(3600)
    with pytest.raises(RolloutFailedError, match=r"was rolled back: .*circuit breaker threshold was exceeded"):
        restarting.wait(service, rollout)
    with pytest.raises(RolloutFailedError, match="was rolled back"):
        restart_steps.verify_restart(scene.step(), service, restarting.since)
    with pytest.raises(RolloutFailedError, match="was rolled back"):  # a retry starts no second one
        restart_steps.advance_rollouts(scene.step(), restarting.plan.services, restarting.since)


def test_rolling_restart_that_an_alarm_rolls_back_is_a_failure_not_somebodys_change(scene):
    alarms = {"alarmNames": [ALARM], "enable": True, "rollback": True}
    scene.clients.ecs.update_service(
        cluster=CLUSTER, service=WEB, deploymentConfiguration={"strategy": "ROLLING", "alarms": alarms}
    )
    restarting = Restarting(scene)
    service, rollout = restart_steps.advance_rollouts(scene.step(), restarting.plan.services, restarting.since)
    scene.cloud.advance(30)
    scene.inject("alarm", name=ALARM)
    scene.cloud.advance(30)
    with pytest.raises(RolloutFailedError, match=rf"being rolled back: .*of the alarms {ALARM}"):
        restarting.wait(service, rollout)


def test_restart_is_not_planned_while_ecs_still_shifts_or_after_a_rollback_that_failed(scene):
    restarting = Restarting(scene)
    restart_steps.advance_rollouts(scene.step(), restarting.plan.services, restarting.since)
    scene.cloud.advance(480)
    with pytest.raises(PreconditionError, match="has a deployment in progress"):
        Restarting(scene)
    assert ask_who(scene.clients.sts)[1] > restarting.since


def test_restart_whose_process_died_is_found_although_ecs_has_put_back_what_ran_before(scene, monkeypatch):
    restarting = Restarting(scene)
    scene.inject("deployment_rolls_back", service=WEB, after_seconds=120)
    with monkeypatch.context() as patch:
        patch.setattr(ecs, "force_new_deployment", dying_after(ecs.force_new_deployment))
        with pytest.raises(KeyboardInterrupt):
            restart_steps.advance_rollouts(scene.step(), restarting.plan.services, restarting.since)
    scene.cloud.advance(3600)
    found = restart_steps.advance_rollouts(scene.step(), restarting.plan.services, restarting.since)
    with pytest.raises(RolloutFailedError, match="was rolled back"):
        restarting.wait(*found)
    assert scene.called("ecs.UpdateService") == 1


def test_alarm_that_fires_already_is_told_by_the_plans_since_ecs_watches_none_then(scene, made):
    made.configure(alarms={"alarmNames": [ALARM], "enable": True, "rollback": True})
    assert staging_steps.read_live(scene)[WEB].firing == ()
    scene.inject("alarm", name=ALARM)
    live = staging_steps.read_live(scene)
    assert live[WEB].firing == (ALARM,)
    told = f"{ALARM} fires already, so ECS watches none of the alarms of {WEB} in this deployment"
    assert [note for note in weak(live) if told in note]
    restart, _ = restart_steps.make_plan(scene, None)
    assert [note for note in restart.notes if told in note]
    wanted = made.register()
    made.deploy(wanted)
    assert made.newest()["status"] == "SUCCESSFUL", "nothing was watched"
