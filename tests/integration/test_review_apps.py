"""A review app from its pull request to nothing: made, kept fresh, proved, and taken away, with the faults between."""

import shutil
from datetime import UTC, datetime

import pytest

from include import github
from include.errors import ApplyFailedError, DriftError, MigrationFailedError, PreconditionError
from include.releases.deployment.steps import tag_image
from include.review_apps import comment, database, infrastructure, queue
from include.review_apps.deployment import services, serving, steps
from include.review_apps.teardown import steps as teardown
from include.run import review_documents as documents
from opskit.connections.review_databases import connect_to_server
from sandbox.app_databases import AppDatabases
from sandbox.databases import Databases
from sandbox.external_services.github.people import act
from tests.regions.conftest import postgres  # noqa: F401  # a fixture
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep
from tests.support.release_scene import until_done

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
        return f"{self.external_url}/review-apps/core"


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
def scene(cloud, control, small_inventory, settled, external_services, databases, monkeypatch):
    from opskit.connections.external_services import _connection

    made = ReviewScene(cloud, control, small_inventory.target(NAME), RUN)
    made.external_url = _connection("github_example_housing").host.removesuffix("/github/api/v3")
    made.external_services = external_services
    return made


@pytest.fixture
def do(scene):
    """Act as a person does on the pull request."""
    usual = {"repository": CORE, "number": PULL, "text": "Work", "label": "none", "actor": "amelia", "fork": "none"}
    return lambda does, **given: act(scene.external_services.github, {**usual, "does": does, **given})


def step_of(scene, run=RUN, name="a_step"):
    return InfrastructureStep(scene, scene.writer(run, name))


def alive(run):
    return "running"


def plan_of(scene, commit="", *, reset=False):
    return steps.make_plan(step_of(scene), commit, STAMP, reset_database=reset)[0]


@pytest.fixture
def built(scene):
    """Have what the Terraform code makes, by somebody's hand: the real provider is tried in a test of its own."""
    aws, place = scene.somebody, scene.target.environment
    aws.ecs.create_cluster(clusterName=place.cluster)
    aws.logs.create_log_group(logGroupName=place.one_off.log_group)
    subnets = [subnet["SubnetId"] for subnet in aws.ec2.describe_subnets()["Subnets"]]
    network = {"awsvpcConfiguration": {"subnets": subnets[:1]}}
    for family, container in [
        *((service.family, service.container) for service in place.services),
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
    for service in place.services:
        aws.ecs.create_service(
            cluster=place.cluster,
            serviceName=service.name,
            taskDefinition=service.family,
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
    assert steps.look_at_place(ctx, plan.commit, lambda run: "running").done
    steps.announce(ctx, plan.commit)
    assert database.look_at_server(ctx).done
    assert tag_image(ctx, digest, plan.readable) == plan.readable
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
    for service in scene.target.environment.services:
        scene.somebody.ecs.delete_service(cluster=scene.target.environment.cluster, service=service.name)
    scene.somebody.ecs.delete_cluster(cluster=scene.target.environment.cluster)
    with pytest.raises(
        DriftError,
        match=r"Left of core/review-2366: .*log group core.*image tag review-2366-20261121120000.*database core",
    ):
        teardown.verify_gone(ctx)
    assert teardown.remove_leftovers(ctx) == "6 task definitions, 1 log groups, 1 tags of images"
    assert databases.names("core_review") == [f"core-review-{PULL}"]
    assert database.drop(ctx) == f"database core-review-{PULL} was dropped, and PostgreSQL lists it no more"
    assert databases.names("core_review") == []
    kept = scene.store.get(*documents.dropped(NAME, ctx.run))
    assert (kept["database"], kept["was_there"]) == (f"core-review-{PULL}", True)
    assert teardown.verify_gone(ctx).startswith(f"nothing is left of core-review-{PULL}")
    teardown.tell_end(ctx, "")
    (said,) = github.list_comments(scene.github, PULL)
    assert said.body.endswith("Review app: it was taken down, with its database.")
    assert [deployment.active for deployment in github.list_deployments(scene.github, f"review-{PULL}")] == [False]


def test_workspace_is_made_changed_destroyed_and_deleted(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, {"main.tf": CODE})
    ctx = step_of(scene)
    ctx.part = infrastructure.BUILD
    assert "1 added" in infrastructure.build(ctx, commit)
    assert queue.look(step_of(scene), alive).living == 1
    again = step_of(scene, "review_app_deployment/two")
    assert infrastructure.build(again, commit) == infrastructure.NOTHING
    last = step_of(scene, "review_app_teardown/three")
    with pytest.raises(
        ApplyFailedError, match=r"Workspace 2366 still knows 1 resources, so it is not deleted: terraform_data\.app"
    ):
        infrastructure.delete_workspace(last, commit)
    last.part = infrastructure.DESTROY
    assert "1 destroyed" in infrastructure.destroy(last, commit)
    assert infrastructure.delete_workspace(last, commit) == "workspace 2366 is deleted"
    assert queue.look(step_of(scene), alive).living == 0
    assert infrastructure.delete_workspace(last, commit) == "workspace 2366 is gone"
    gone = step_of(scene, "review_app_teardown/four")
    assert infrastructure.destroy(gone, commit) == infrastructure.NO_STATE


def test_locked_state_is_named_and_keeps_the_rest_of_a_teardown_from_nothing(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, {"main.tf": CODE})
    ctx = step_of(scene)
    terraform = scene.target.environment.terraform
    info = '{"ID": "5f0c", "Operation": "OperationTypeApply", "Who": "dana@laptop", "Created": "2026-11-21T11:00:00Z"}'
    key = f"{terraform.state_bucket}/env:/{PULL}/{terraform.state_key}"
    scene.somebody.dynamodb.put_item(TableName=terraform.lock_table, Item={"LockID": {"S": key}, "Info": {"S": info}})
    with pytest.raises(PreconditionError, match=f"env:/{PULL}/core-review-app.tfstate is locked by .*dana@laptop"):
        infrastructure.build(ctx, commit)
    said = teardown.attempt(ctx, lambda: infrastructure.build(ctx, commit))
    assert said.startswith("left for now: The state")
    assert "dana@laptop" in scene.texts(RUN, "note")[0]


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ({"does": "unlabel", "label": "review-app"}, "pull request 2366 has no label review-app"),
        ({"does": "close"}, "pull request 2366 is closed"),
        ({"does": "push", "text": "Another"}, "pull request 2366 was pushed to, and is at commit "),
        ({"does": "transfer"}, "GitHub does not show its pull request any more"),
    ],
)
def test_deployment_ends_between_two_steps_when_its_pull_request_changes(scene, do, digest, built, does, why):
    plan = plan_of(scene)
    do(**does)
    with pytest.raises(DriftError, match=f"ends here, between two steps: {why}"):
        steps.register(step_of(scene), plan.commit, digest)


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ({"does": "push", "text": "Another"}, "pull request 2366 was pushed to, and is at commit "),
        ({"does": "close"}, "pull request 2366 is closed."),
    ],
)
def test_overtaken_deployment_is_no_failed_one_to_those_who_read_of_it(scene, do, digest, does, why):
    plan, ctx = plan_of(scene), step_of(scene)
    steps.announce(ctx, plan.commit)
    do(**does)
    steps.tell_end(ctx, plan, "", "ends here, between two steps")
    (said,) = github.list_comments(scene.github, PULL)
    assert f"Review app: the deployment of commit {plan.commit[:12]} has ended: {why}" in said.body
    assert [deployment.active for deployment in github.list_deployments(scene.github, f"review-{PULL}")] == [False]


def test_suspended_author_ends_a_deployment_and_keeps_the_teardown_from_nothing(scene, do, digest, databases):
    databases.prepare("core_review", f"core-review-{PULL}", "users", seeds=True)
    plan, ctx = plan_of(scene), step_of(scene)
    steps.announce(ctx, plan.commit)
    do("suspend")
    with pytest.raises(DriftError, match="between two steps: GitHub does not show its pull request any more"):
        steps.register(ctx, plan.commit, digest)
    assert steps.tell_end(ctx, plan, "", "why").startswith("GitHub does not show its pull request any more")
    gone, _ = teardown.make_plan(step_of(scene), even_if_wanted=False)
    assert gone.notes == (f"Pull request {PULL} is not known to GitHub.",)
    last = step_of(scene, "review_app_teardown/one")
    assert "was dropped" in database.drop(last)
    assert teardown.verify_gone(last).startswith(f"nothing is left of core-review-{PULL}")
    assert teardown.tell_end(last, "").endswith("so nobody is told there")
    assert [deployment.active for deployment in github.list_deployments(scene.github, f"review-{PULL}")] == [False]
    do("reinstate")
    (said,) = github.list_comments(scene.github, PULL)
    assert "is being deployed" in said.body


def test_app_is_taken_down_although_its_image_has_expired(scene, do, built, digest, databases):
    databases.prepare("core_review", f"core-review-{PULL}", "users", seeds=True)
    plan, ctx = plan_of(scene), step_of(scene)
    assert tag_image(ctx, digest, plan.readable) == plan.readable
    registry = scene.target.registry
    done = scene.somebody.ecr.batch_delete_image(
        registryId=registry.account, repositoryName=registry.repository, imageIds=[{"imageDigest": digest}]
    )
    assert {each["imageDigest"] for each in done["imageIds"]} == {digest}
    do("close")
    last = step_of(scene, "review_app_teardown/one")
    teardown.stop_services(last)
    for service in scene.target.environment.services:
        scene.somebody.ecs.delete_service(cluster=scene.target.environment.cluster, service=service.name)
    scene.somebody.ecs.delete_cluster(cluster=scene.target.environment.cluster)
    assert teardown.remove_leftovers(last) == "3 task definitions, 1 log groups, 0 tags of images"
    assert "was dropped" in database.drop(last)
    assert teardown.verify_gone(last).startswith(f"nothing is left of core-review-{PULL}")


def test_nobody_is_told_of_the_end_of_an_app_that_never_was(scene, do):
    do("close")
    last = step_of(scene, "review_app_teardown/one")
    assert teardown.tell_end(last, "") == "nobody was told of an app there, so nobody is told of its end"
    assert github.list_comments(scene.github, PULL) == ()
    teardown.tell_end(last, "database core-review-2366")
    (said,) = github.list_comments(scene.github, PULL)
    assert said.body.endswith("this is left and looked for again: database core-review-2366")


def test_newest_commit_wins(scene, do, digest):
    old = plan_of(scene).commit
    new = do("push", text="Another")["commit"]
    with pytest.raises(
        PreconditionError, match=f"is at commit {new[:12]} by now, not at {old[:12]}; the newest commit wins"
    ):
        plan_of(scene, old)
    assert plan_of(scene).commit == plan_of(scene, new).commit == new
    assert plan_of(scene).image == ""  # it has to be built


def test_pull_request_without_its_label_or_closed_is_refused_and_a_wanted_app_is_not_taken_away(scene, do):
    with pytest.raises(PreconditionError, match="pull request 2366 is open and asks for its app"):
        teardown.make_plan(step_of(scene), even_if_wanted=False)
    assert teardown.make_plan(step_of(scene), even_if_wanted=True)[0].pull_request == PULL
    do("unlabel", label="review-app")
    with pytest.raises(PreconditionError, match="is not deployed: pull request 2366 has no label review-app"):
        plan_of(scene)
    before, _ = teardown.make_plan(step_of(scene), even_if_wanted=False)
    do("push", text="Pushed while it is taken down")
    assert teardown.make_plan(step_of(scene), even_if_wanted=False)[0].digest == before.digest
    do("transfer")
    assert teardown.make_plan(step_of(scene), even_if_wanted=False)[0].notes == (
        "Pull request 2366 is not known to GitHub.",
    )


def test_fork_is_deployed_only_at_a_commit_that_somebody_with_write_access_has_labelled(scene, do):
    opened = do("open", actor="stranger", fork="stranger")
    number, commit = opened["number"], opened["commit"]
    scene.target = load_target(scene, number)
    do("label", number=number, label="review-app")
    with pytest.raises(
        PreconditionError, match=f"comes from a fork; somebody with write access .* the label deploy:{commit}"
    ):
        plan_of(scene)
    do("label", number=number, label=f"deploy:{commit}", actor="stranger")
    with pytest.raises(PreconditionError, match="was given by stranger, who has no write access"):
        plan_of(scene)
    do("unlabel", number=number, label=f"deploy:{commit}")
    do("label", number=number, label=f"deploy:{commit}", actor="bayo")
    plan = plan_of(scene)
    assert (plan.fork, plan.commit) == (True, commit)
    assert "Somebody with write access has read it" in plan.notes[0]
    pushed = do("push", number=number, text="Something else", actor="stranger")["commit"]
    with pytest.raises(PreconditionError, match=f"deploy:{pushed}"):
        plan_of(scene)
    do("delete_fork", number=number)
    with pytest.raises(PreconditionError, match="comes from a fork"):
        plan_of(scene)
    do("close", number=number)
    assert teardown.make_plan(step_of(scene), even_if_wanted=False)[0].pull_request == number


def load_target(scene, number):
    return scene.cloud.inventory.target(f"core/review-{number}")


def test_server_that_is_stopped_for_the_night_is_started_and_the_database_dropped(scene, databases):
    databases.prepare("core_review", f"core-review-{PULL}", "users", seeds=True)
    scene.somebody.rds.stop_db_instance(DBInstanceIdentifier="core-development")
    ctx = step_of(scene)
    assert database.look_at_server(ctx).text == "database server core-development was stopped, and is being started"
    assert database.look_at_server(ctx).text == "database server core-development is starting"
    until_done(scene, lambda: database.look_at_server(ctx))
    assert "was dropped" in database.drop(ctx)
    assert databases.names("core_review") == []
    assert database.drop(step_of(scene, "review_app_teardown/two")).startswith(
        "database core-review-2366 was gone before"
    )


def test_server_that_must_not_be_started_is_waited_for(scene, monkeypatch):
    wanted = scene.target.review_app.database.model_copy(update={"may_start": False})
    section = scene.target.review_app.model_copy(update={"database": wanted})
    monkeypatch.setattr(type(scene.target), "review_app", property(lambda target: section))
    scene.somebody.rds.stop_db_instance(DBInstanceIdentifier="core-development")
    assert database.look_at_server(step_of(scene)).text == "database server core-development is stopped"
    assert scene.called("rds.StartDBInstance") == 0


def test_seed_that_does_nothing_and_ends_with_0_is_noticed(scene, built, digest):
    fault = scene.inject("seed_empty")
    commit = plan_of(scene).commit
    made = steps.register(step_of(scene), commit, digest)
    run_one_off(scene, "prepare", commit, digest, made["one_off"])
    assert scene.injected(fault) == 1
    with pytest.raises(DriftError, match="table users of database core-review-2366 has no rows: it was not seeded"):
        database.verify_seeded(step_of(scene))


def test_task_that_made_no_database_is_noticed(scene):
    with pytest.raises(DriftError, match="ended with exit code 0, and there is no database core-review-2366"):
        database.verify_seeded(step_of(scene))


@pytest.mark.parametrize("preset", ["prepare", "migrate"])  # the first one migrates a database that is there
def test_migration_that_conflicts_with_the_data_offers_another_database(scene, built, digest, databases, preset):
    databases.prepare("core_review", f"core-review-{PULL}", "users", seeds=True)
    scene.inject("migration_conflict")
    before = plan_of(scene)
    made = steps.register(step_of(scene), before.commit, digest)
    with pytest.raises(
        MigrationFailedError, match="comment /reset-db on the pull request, or start again with reset_database"
    ) as failed:
        run_one_off(scene, preset, before.commit, digest, made["one_off"])
    steps.tell_end(step_of(scene), before, "", str(failed.value))
    (said,) = github.list_comments(scene.github, PULL)
    assert "comment /reset-db on the pull request" in said.body
    plan = plan_of(scene, reset=True)
    assert any("drop database core-review-2366, as asked for" in change.what for change in plan.changes)
    assert "was dropped" in steps.reset(step_of(scene), plan)
    assert databases.names("core_review") == []


def test_command_fails_while_the_server_is_stopped(scene, built, digest):
    scene.somebody.rds.stop_db_instance(DBInstanceIdentifier="core-development")
    commit = plan_of(scene).commit
    made = steps.register(step_of(scene), commit, digest)
    with pytest.raises(MigrationFailedError, match="PG::ConnectionBad"):
        run_one_off(scene, "prepare", commit, digest, made["one_off"])


def test_app_waits_for_a_place_and_says_so_in_its_comment(scene, monkeypatch):
    terraform = scene.target.environment.terraform
    section = scene.target.review_app.model_copy(update={"living": 2})
    monkeypatch.setattr(type(scene.target), "review_app", property(lambda target: section))
    for number in (1, 7):
        scene.somebody.s3.put_object(
            Bucket=terraform.state_bucket, Key=f"env:/{number}/{terraform.state_key}", Body=b"{}"
        )
    commit, ctx = plan_of(scene).commit, step_of(scene)
    assert steps.look_at_place(ctx, commit, alive).text == "place 1 in the queue: 2 of 2 apps live"
    steps.look_at_place(ctx, commit, alive)
    (said,) = github.list_comments(scene.github, PULL)
    assert "place 1 in the queue" in said.body
    scene.somebody.s3.delete_object(Bucket=terraform.state_bucket, Key=f"env:/7/{terraform.state_key}")
    assert steps.look_at_place(ctx, commit, alive).done


def test_place_of_a_run_that_was_lost_goes_to_the_next(scene, monkeypatch):
    section = scene.target.review_app.model_copy(update={"living": 1})
    monkeypatch.setattr(type(scene.target), "review_app", property(lambda target: section))
    ctx = step_of(scene)
    found = documents.QueueDocument(version=1, waiting=[(7, "review_app_deployment/lost")])
    assert ctx.store.swap(*documents.queue(scene.target.pattern), found, version=1, expected=0)
    assert queue.look(ctx, alive).place == 1
    states = {"review_app_deployment/lost": "failed", RUN: "running"}
    assert queue.look(ctx, states.get).place == 0
    queue.leave(ctx)
    assert ctx.store.get(*documents.queue(scene.target.pattern))["waiting"] == []


def test_run_that_ends_late_leaves_the_place_of_a_later_one(scene):
    earlier, later = step_of(scene, "review_app_deployment/earlier"), step_of(scene, "review_app_deployment/later")
    queue.look(earlier, alive)
    queue.look(later, alive)
    queue.leave(earlier)
    (waiting,) = scene.store.get(*documents.queue(scene.target.pattern))["waiting"]
    assert waiting[1] == "review_app_deployment/later"
    queue.clear(earlier)  # as a teardown does
    assert scene.store.get(*documents.queue(scene.target.pattern))["waiting"] == []


def test_forged_comment_is_left_alone(scene, do):
    do("comment", text=f"{comment.MARK} Click here", actor="stranger")
    comment.put_comment(step_of(scene), "first")
    comment.put_comment(step_of(scene), "second")
    assert [each.body for each in github.list_comments(scene.github, PULL)] == [
        f"{comment.MARK} Click here",
        f"{comment.MARK}\nsecond",
    ]
