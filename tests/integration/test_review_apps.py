"""A review app from its pull request to nothing: made, kept fresh, proved, and taken away, with the faults between."""

import shutil
from datetime import UTC, datetime

import pytest

from include import github
from include.errors import DriftError
from include.review_apps import database
from include.review_apps.deployment import services, serving, steps
from include.review_apps.teardown import steps as teardown
from include.run import review_documents as documents
from opskit.connections.review_databases import connect_to_server
from sandbox.app_databases import AppDatabases
from sandbox.databases import Databases
from sandbox.external_services.github.people import act
from tests.regions.conftest import postgres  # noqa: F401  # a fixture
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep

CORE = "example-housing/core"
PULL = 2366  # it is open, and has the label
NAME = f"core/review-{PULL}"
RUN = "review_app_deployment/one"
STAMP = datetime(2026, 11, 21, 12, tzinfo=UTC)
BACKEND = 'terraform {\n  backend "s3" {}\n}\n'
CODE = BACKEND + 'resource "terraform_data" "app" { input = terraform.workspace }\n'
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")


class ReviewScene(InfrastructureScene):
    """A review app's target."""

    def database_server(self, database=""):
        return connect_to_server(self.target, database)

    def proof_base(self):
        return f"{self.neighbours}/review-apps/core"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))


@pytest.fixture
def databases(cloud, postgres, small_inventory, monkeypatch):  # noqa: F811
    made = AppDatabases(Databases(postgres.settings.ports["postgres"], "airflow", postgres.password))
    made.begin_anew(small_inventory)
    for name, value in made.connections(small_inventory).items():
        monkeypatch.setenv(name, value)
    cloud.world.app_databases = made
    yield made
    cloud.world.app_databases = None


@pytest.fixture
def scene(cloud, control, small_inventory, settled, neighbourhood, databases, monkeypatch):
    from opskit.connections.external_services import _connection

    made = ReviewScene(cloud, control, small_inventory.target(NAME), RUN)
    made.neighbours = _connection("github_example_housing").host.removesuffix("/github/api/v3")
    made.town = neighbourhood
    return made


@pytest.fixture
def do(scene):
    """Act as a person does on the pull request."""
    usual = {"repository": CORE, "number": PULL, "text": "Work", "label": "none", "actor": "amelia", "fork": "none"}
    return lambda does, **given: act(scene.town.github, {**usual, "does": does, **given})


def step_of(scene, run=RUN, name="a_step"):
    return InfrastructureStep(scene, scene.writer(run, name))


def plan_of(scene, commit="", *, reset=False):
    return steps.make_plan(step_of(scene), commit, STAMP, reset_database=reset)[0]


def until_done(scene, look, *, most=200):
    for _ in range(most):
        progress = look()
        if progress.done:
            return progress.text
        scene.cloud.advance(30)
    raise AssertionError(progress.text)


@pytest.fixture
def built(scene):
    """Have what the Terraform code makes, by somebody's hand: the real provider is tried in a test of its own."""
    aws, place = scene.somebody, scene.target.environment
    aws.ecs.create_cluster(clusterName=place.cluster)
    aws.logs.create_log_group(logGroupName=place.one_off.log_group)
    subnets = [each["SubnetId"] for each in aws.ec2.describe_subnets()["Subnets"]]
    network = {"awsvpcConfiguration": {"subnets": subnets[:1]}}
    for family, container in [
        *((each.family, each.container) for each in place.services),
        (place.one_off.family, "app"),
    ]:
        aws.ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="512",
            memory="4096" if family == place.one_off.family else "1024",
            containerDefinitions=[
                {
                    "name": container,
                    "image": "111111111110.dkr.ecr.eu-west-2.amazonaws.com/core:none-yet",
                    "essential": True,
                    "environment": [{"name": "DATABASE_NAME", "value": f"core-review-{PULL}"}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {"awslogs-group": place.one_off.log_group, "awslogs-stream-prefix": "app"},
                    },
                }
            ],
        )
    for each in place.services:
        aws.ecs.create_service(
            cluster=place.cluster,
            serviceName=each.name,
            taskDefinition=each.family,
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration=network,
        )


@pytest.fixture
def digest(scene):
    """Have the image of the pull request's commit in the registry."""
    from sandbox.aws.services.ecr.model import make_manifest

    commit = github.get_pull(scene.github, PULL).sha
    repository = scene.cloud.world.region("111111111110", "eu-west-2").repositories["core"]
    made = repository.push(make_manifest(CORE, commit, "built"), commit, scene.cloud.world.clock.now())
    return made.digest


def run_one_off(scene, preset, commit, digest, definition):
    ctx = step_of(scene)
    attempt = steps.start(ctx, preset, commit, digest, definition)
    scene.cloud.advance(240)
    return steps.verify(ctx, preset, digest, definition, attempt, None)


def test_commit_is_deployed_served_and_taken_away(scene, do, built, digest, databases):
    plan = plan_of(scene)
    assert (plan.image, plan.readable) == (digest, f"review-{PULL}-20261121120000")
    ctx = step_of(scene)
    assert steps.look_at_place(ctx, plan.commit).done
    steps.announce(ctx, plan.commit)
    assert database.look_at_server(ctx).done
    made = steps.register(ctx, plan.commit, digest)
    assert "db:prepare" in run_one_off(scene, "prepare", plan.commit, digest, made["one_off"])
    assert database.verify_seeded(ctx) == f"database core-review-{PULL} is seeded: users has rows"
    assert "db:migrate" in run_one_off(scene, "migrate", plan.commit, digest, made["one_off"])
    proof = until_done(scene, lambda: services.look(ctx, plan.commit, made["services"], digest))
    assert f"core-review-{PULL}-app runs 1 tasks of image {digest[:19]}" in proof
    served = serving.look(ctx, plan.commit)
    assert served.done
    assert served.text.endswith(f"answers 204, as commit {plan.commit[:12]}")
    steps.tell_end(ctx, plan, served.text, "")
    steps.tell_end(ctx, plan, served.text, "")
    (said,) = github.list_comments(scene.github, PULL)
    assert f"Created review app at https://review.submit-social-housing.example/{PULL}\n" in said.body
    (shown,) = github.list_deployments(scene.github, f"review-{PULL}")
    assert (shown.sha, shown.active) == (plan.commit, True)

    do("close")
    gone, _ = teardown.make_plan(step_of(scene), even_if_wanted=False)
    assert gone.pull_request == PULL
    ctx = step_of(scene)
    assert "core-review-2366-sidekiq" in teardown.stop_services(ctx)
    scene.cloud.advance(120)
    for each in scene.target.environment.services:
        scene.somebody.ecs.delete_service(cluster=scene.target.environment.cluster, service=each.name)
    scene.somebody.ecs.delete_cluster(cluster=scene.target.environment.cluster)
    with pytest.raises(
        DriftError, match=r"Left of core/review-2366: .*log group core-review-2366.*database core-review-2366"
    ):
        teardown.verify_gone(ctx)
    assert teardown.remove_leftovers(ctx) == "6 task definitions, 1 log groups, 0 tags of images"
    assert databases.names("core_review") == [f"core-review-{PULL}"]
    assert database.drop(ctx) == f"database core-review-{PULL} was dropped, and PostgreSQL lists it no more"
    assert databases.names("core_review") == []
    kept = scene.store.get(*documents.dropped(NAME, ctx.run))
    assert (kept["database"], kept["was_there"]) == (f"core-review-{PULL}", True)
    assert teardown.verify_gone(ctx).startswith(f"nothing is left of core-review-{PULL}")
    teardown.tell_end(ctx, "")
    (said,) = github.list_comments(scene.github, PULL)
    assert said.body.endswith("Review app: it was taken down, with its database.")
    assert [each.active for each in github.list_deployments(scene.github, f"review-{PULL}")] == [False]
