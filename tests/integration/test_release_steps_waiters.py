"""The waits of a release, one look each, against the simulated AWS."""

import pytest

from include.errors import DriftError, MigrationFailedError, RolloutFailedError
from include.releases.deployment import steps
from include.releases.deployment.plan import plan_services
from include.releases.migration import steps as migration_steps
from include.releases.migration.request import MigrationRequest
from include.releases.staging import steps as staging_steps
from include.releases.waiters import WAITERS

CORE, APP = "core/staging", "core-staging-app"


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


@pytest.fixture
def task(scene):
    """What the wait for a migration that has just been started is given."""
    plan, _ = migration_steps.make_plan(scene, MigrationRequest(preset="migrate"))
    started = migration_steps.start(scene.step(), plan.migration, plan.definition, plan.image)
    return {"cluster": APP, "arn": started["arn"], "container": "app"}


def look(scene, name, arguments):
    return WAITERS[name](scene.clients, arguments, None)


def rollout(scene):
    """Begin to deploy what runs under another revision. Return what its wait is given."""
    part = plan_services(scene.target, staging_steps.read_live(scene))[0]
    described = scene.clients.ecs.describe_task_definition(taskDefinition=APP)["taskDefinition"]
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    made = scene.clients.ecs.register_task_definition(**{key: described[key] for key in taken})["taskDefinition"]
    wanted = dict.fromkeys(scene.target.release.services, made["taskDefinitionArn"])
    _, begun = steps.advance_services(scene.step(), [part], wanted, "out")
    return {
        "plan": part.model_dump(mode="json"),
        "wanted": wanted[APP],
        "deployment": begun.deployment,
        "since": begun.since.isoformat(),
    }


def follow(scene, arguments):
    """Look every half minute until the rollout has ended. Return the milestones."""
    milestones = []
    for _ in range(120):
        found = look(scene, "release_complete", arguments)
        milestones.append(found.milestone)
        if found.done:
            return milestones
        scene.cloud.advance(30)
    raise AssertionError(f"It does not end: {milestones[-1]}")


def test_migration_of_hours_is_followed_and_people_hear_that_it_takes_long(scene, task):
    fault = scene.inject("one_off_slow", seconds=3 * 3600)
    plan, _ = migration_steps.make_plan(scene, MigrationRequest(command=("rake", "slow")))
    started = migration_steps.start(scene.step(), plan.migration, plan.definition, plan.image)
    slow = {**task, "arn": started["arn"]}
    scene.cloud.advance(540)
    assert "longer than usual" not in look(scene, "task_stopped", slow).milestone
    scene.cloud.advance(2 * 3600)
    found = look(scene, "task_stopped", slow)
    assert (found.done, found.milestone.endswith("longer than usual, still followed")) == (False, True)
    assert scene.injected(fault) == 1
    scene.cloud.advance(3600)
    assert look(scene, "task_stopped", slow).done


@pytest.mark.parametrize("code", ["SpotInterruption", "TaskFailedToStart"])
def test_task_that_aws_stopped_ends_the_wait_for_the_next_step_to_judge(scene, code):
    fault = scene.inject("one_off_stopped_by_aws", code=code)
    plan, _ = migration_steps.make_plan(scene, MigrationRequest(preset="migrate"))
    started = migration_steps.start(scene.step(), plan.migration, plan.definition, plan.image)
    scene.cloud.advance(135)
    assert look(scene, "task_stopped", {"cluster": APP, "arn": started["arn"], "container": "app"}).done
    with pytest.raises(MigrationFailedError, match=code):
        migration_steps.verify(scene.step(), plan.migration, plan.definition, started)
    assert scene.injected(fault) == 1


def test_task_that_aws_has_forgotten_is_not_waited_for_forever(scene, task):
    scene.cloud.advance(2 * 3600)
    with pytest.raises(MigrationFailedError, match="so nobody knows how it ended"):
        look(scene, "task_stopped", task)


def test_snapshot_is_waited_for_with_its_percentage(scene):
    scene.clients.rds.create_db_snapshot(DBInstanceIdentifier="core-staging", DBSnapshotIdentifier="before")
    scene.cloud.advance(180)
    found = look(scene, "snapshot_available", {"snapshot": "before"})
    assert (found.done, found.text) == (False, "snapshot before is creating, 50%")
    scene.cloud.advance(300)
    assert look(scene, "snapshot_available", {"snapshot": "before"}).done


def test_rollout_is_over_when_every_task_is_healthy_on_the_wanted_revision_alone(scene):
    arguments = rollout(scene)
    texts = follow(scene, arguments)
    assert texts[0] == f"{APP}: 0 of 4 tasks healthy on {APP}:2"
    assert texts[-1] == f"{APP}: 4 of 4 tasks healthy on {APP}:2"


def test_rollout_that_never_gets_healthy_ends_with_both_revisions(scene):
    fault = scene.inject("never_healthy", service=APP)
    arguments = rollout(scene)
    with pytest.raises(RolloutFailedError) as error:
        follow(scene, arguments)
    assert scene.injected(fault) >= 1
    assert f"{APP}:1" in str(error.value)
    assert f"{APP}:2" in str(error.value)


def test_rollout_that_somebody_replaced_is_drift(scene):
    arguments = rollout(scene)
    scene.clients.ecs.update_service(cluster=APP, service=APP, taskDefinition=f"{APP}:2", forceNewDeployment=True)
    with pytest.raises(DriftError, match=r"was replaced by .* find out who started it"):
        look(scene, "release_complete", arguments)
