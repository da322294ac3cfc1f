"""The seed of databases that a recreation makes empty: what it needs is known before, it runs once, and its end is proved."""

import pytest

from include.aws import one_off_tasks
from include.errors import MigrationFailedError, PreconditionError
from include.infrastructure.recreation import seed, steps
from include.infrastructure.recreation.plan import Choices, InfrastructureRecreationPlan
from include.releases.waiters import WAITERS
from include.run import terraform_documents as documents
from include.terraform.plan import ResourceChange
from include.terraform.shown import Attribute
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep
from tests.support.release_scene import dying_after, until_done

TARGET, RUN, CLUSTER, FAMILY = (
    "core/staging",
    "infrastructure_recreation/one",
    "core-staging-app",
    "core-staging-ad-hoc",
)
SEEDED = Choices(databases="seed")


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


@pytest.fixture
def plan(scene):
    task = seed.find_seed(scene, SEEDED)
    return InfrastructureRecreationPlan.model_construct(choices=SEEDED, seed=task, doomed=())


def step(scene, run=RUN):
    return InfrastructureStep(scene, scene.writer(run, "start_seed"))


def change(kind, action="destroy", **attributes):
    shown = tuple(Attribute(name, value, value) for name, value in attributes.items())
    return ResourceChange(f"{kind}.this", kind, "managed", action, attributes=shown)


def unseedable(scene, plan, *doomed, missing=()):
    return list(seed.find_unseedable(scene, plan.seed, doomed, missing))


DATABASE = change("aws_db_instance", identifier="core-staging")


def seeded(scene, plan):
    """Start the seed, and follow it to its end."""
    attempt = seed.start(step(scene), plan)
    arguments = {"cluster": CLUSTER, "arn": attempt["arn"], "container": plan.seed.container}
    until_done(scene, lambda: WAITERS["task_stopped"](scene.clients, arguments, None))
    return attempt


def test_seed_runs_once_although_its_first_attempt_died_and_its_end_is_proved(scene, plan, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(one_off_tasks, "run_task", dying_after(one_off_tasks.run_task))
        with pytest.raises(KeyboardInterrupt):
            seed.start(step(scene), plan)
    attempt = seeded(scene, plan)
    assert seed.verify(step(scene), plan, attempt, None).startswith("`bundle exec rake db:setup`: ")
    assert seed.what_is_unseeded(scene, plan) == ""
    assert seed.start(step(scene), plan) == {**attempt, "over": True}
    assert scene.called("ecs.RunTask") == 1


def test_seed_of_an_earlier_recreation_does_not_count_for_this_one(scene, plan):
    seed.verify(step(scene), plan, seeded(scene, plan), None)
    scene.run = "infrastructure_recreation/two"
    later = plan.model_copy(update={"seed": seed.find_seed(scene, SEEDED)})
    assert seed.what_is_unseeded(scene, later).startswith("the seed was not started, so the databases may be empty")
    assert not seed.start(step(scene, scene.run), later)["over"]
    assert scene.called("ecs.RunTask") == 2


def test_seed_that_fails_is_told_with_what_to_do(scene, plan):
    scene.inject("one_off_exits", exit_code=1)
    attempt = seeded(scene, plan)
    with pytest.raises(MigrationFailedError, match="exited with 1"):
        seed.verify(step(scene), plan, attempt, None)
    end = {"changed": True, "summary": "", "at": "2026-11-27T12:00:00+00:00"}
    scene.store.add(*documents.apply_end(f"{RUN}#destroy"), end)
    assert steps.what_is_left(step(scene), plan, "").startswith(
        "the seed did not end well, so the databases may be empty; once they are built, run `bundle exec rake db:setup` by "
        "database_migration"
    )


def test_seed_that_nobody_asked_for_is_not_made(scene, plan):
    other = plan.model_copy(update={"seed": seed.find_seed(scene, Choices(databases="empty"))})
    assert (other.seed, seed.start(step(scene), other), seed.verify(step(scene), other, {}, None)) == (
        None,
        {},
        "no seed was asked for",
    )
    assert seed.what_is_unseeded(scene, other) == ""


def test_seed_is_refused_where_the_inventory_names_none(cloud, control, small_inventory, settled, external_services):
    scene = InfrastructureScene(cloud, control, small_inventory.target("districtbuilder/staging"), RUN)
    with pytest.raises(PreconditionError, match=r"names no seed in the inventory \(terraform.recreation.seed\)"):
        seed.find_seed(scene, SEEDED)


def test_seed_without_a_database_that_is_built_would_meet_data(scene, plan):
    assert unseedable(scene, plan) == [
        "no database is built, and a seed is for an empty one; choose 'restore' for databases"
    ]
    assert unseedable(scene, plan, DATABASE) == []
    assert unseedable(scene, plan, missing=[change("aws_db_instance", "create", identifier="core-staging")]) == []


def test_seed_whose_image_goes_with_its_repository_is_in_the_way(scene, plan):
    (told,) = unseedable(scene, plan, DATABASE, change("aws_ecr_repository", name="core"))
    assert "whose repository goes with all its images" in told
    assert unseedable(scene, plan, DATABASE, change("aws_ecr_repository", name="another")) == []


def test_seed_without_a_task_definition_waits_for_the_build_to_make_it(scene, plan):
    for arn in scene.clients.ecs.list_task_definitions(familyPrefix=FAMILY)["taskDefinitionArns"]:
        scene.clients.ecs.deregister_task_definition(taskDefinition=arn)
    (told,) = unseedable(scene, plan, DATABASE)
    assert told.startswith("the seed could not be started: ")
    assert unseedable(scene, plan, DATABASE, missing=[change("aws_ecs_task_definition", "create", family=FAMILY)]) == []
