"""A service with one task on each instance (DAEMON): restarted in place, and judged by the instances there are at the end."""

import pytest
import yaml

from include.errors import PreconditionError
from include.inventory import load
from include.inventory.loader import SHIPPED
from include.restart import steps
from include.waiter_registry import run_waiter
from tests.support.release_scene import until_done

MAPS, CLUSTER, SERVICE = "districtbuilder/staging", "ecsStagingCluster", "StagingApp_EC2LaunchType"
LOOK = 60.0  # simulated seconds between two looks


@pytest.fixture(scope="session")
def small_inventory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("daemon")
    content = yaml.safe_load((SHIPPED / "districtbuilder.yaml").read_text())
    staging = content["environments"]["staging"]
    staging["restart"]["strategy"] = "rolling"
    content["environments"] = {"staging": staging}
    (folder / "districtbuilder.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.fixture
def scene(scene_of):
    return scene_of(MAPS)


def as_daemon(scene, least):
    """Replace the service by a daemon of the same name. Return its tasks."""
    ecs = scene.somebody.ecs
    (before,) = ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    ecs.delete_service(cluster=CLUSTER, service=SERVICE, force=True)
    scene.cloud.advance(1200)
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        taskDefinition=before["taskDefinition"],
        launchType="EC2",
        schedulingStrategy="DAEMON",
        loadBalancers=before["loadBalancers"],
        healthCheckGracePeriodSeconds=3600,
        deploymentConfiguration={"minimumHealthyPercent": least},
    )
    scene.cloud.advance(1200)
    return tasks(scene)


def tasks(scene):
    return set(scene.clients.ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"])


def test_daemon_is_restarted_on_one_instance_after_the_other_and_proved(scene):
    old = as_daemon(scene, 50)
    plan, since = steps.make_plan(scene, None)
    (service,) = plan.services
    assert (service.daemon, service.count, service.turns, service.group) == (True, 2, 2, None)
    part, rollout = steps.advance_rollouts(scene.step(), plan.services, since)
    arguments = {
        "plan": part.model_dump(mode="json"),
        "since": rollout.since.isoformat(),
        "deployment": rollout.deployment,
    }
    healthy = []

    def look():
        healthy.append(len(steps.look(scene.clients, part).healthy))
        return run_waiter("rollout_complete", scene.clients, arguments)

    until_done(scene, look, every=LOOK)
    assert min(healthy) == 1, "the other instance has served meanwhile"
    assert steps.advance_rollouts(scene.step(), plan.services, since) is None
    assert "2 tasks of 2, all healthy" in steps.verify_restart(scene.step(), part, since)
    assert tasks(scene).isdisjoint(old)
    assert scene.called("ecs.UpdateService") == 1
    assert scene.called("autoscaling.SetDesiredCapacity") == 0


def test_daemon_of_which_ecs_would_stop_every_task_at_once_is_refused(scene):
    as_daemon(scene, 0)
    with pytest.raises(PreconditionError, match=r"may stop all 2 at once \(minimumHealthyPercent 0\)"):
        steps.make_plan(scene, None)
