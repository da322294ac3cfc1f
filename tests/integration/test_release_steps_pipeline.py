"""A release deployed by a pipeline: its image comes from staging's registry, and CodeDeploy deploys it and rolls it back."""

from datetime import UTC, datetime

import pytest
import yaml

from include.aws.sts import ask_who
from include.errors import DriftError, PreconditionError, RolloutFailedError
from include.inventory import load
from include.inventory.loader import SHIPPED
from include.releases.deployment import codedeploy, steps
from include.releases.deployment.codedeploy_steps import advance_codedeploy, pushed_definition
from include.releases.production import github_release, preflight
from include.releases.rollback import preflight as rollback_preflight
from include.waiter_registry import run_waiter
from sandbox.aws.sim import external_pipeline
from sandbox.commits import COMMITS, RELEASED, STAGED, commit_sha
from tests.support.release_scene import until_done

PRODUCTION, REPOSITORY = "planning-data/production", "example-planning/planning-data"
COMMIT, LAST = commit_sha(REPOSITORY, STAGED), commit_sha(REPOSITORY, RELEASED["v0.6.14"])
RUN = "production_release/one"
STAMP = datetime(2026, 11, 21, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """One system without its development environment: its production gets what its staging has proved."""
    folder = tmp_path_factory.mktemp("pipeline")
    content = yaml.safe_load((SHIPPED / "planning-data.yaml").read_text())
    del content["environments"]["development"]
    (folder / "planning-data.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.fixture
def web(release_scene_of):
    return release_scene_of(PRODUCTION)


@pytest.fixture
def staged(release_scene_of):
    return release_scene_of("planning-data/staging")


def make_plan(web, staged):
    return preflight.make_plan(web, staged.store, preflight.ReleaseRequest(), STAMP)


@pytest.fixture
def plan(web, staged):
    return make_plan(web, staged)[0]


@pytest.fixture
def since(web):
    return ask_who(web.clients.sts)[1]


def publish(web, plan):
    github_release.draft_release(web.step(RUN), plan)
    return datetime.fromisoformat(github_release.publish_release(web.step(RUN), plan))


def follow(web, plan, published):
    """Look at the pipeline until it has ended. Return what was seen."""
    seen = []

    def look():
        progress = github_release.poll_pipeline(web, plan, published)
        seen.append(progress.text)
        return progress

    until_done(web, look, every=60)
    return seen


def await_end(web, name, part, since, digest=None):
    """Look at a deployment until it is over."""
    pushed = steps.pushed_at(web, digest).isoformat() if digest else ""
    arguments = codedeploy.arguments_of(part, service_of(web).code_deploy, since.isoformat(), pushed)
    until_done(web, lambda: run_waiter(name, web.clients, arguments), every=60)


def service_of(web):
    return web.target.environment.service("production-web")


def go(web, part, wanted, since, run=RUN):
    """Have the service brought to a task definition, looking again and again."""
    for _ in range(20):
        if advance_codedeploy(web.step(run), service_of(web), part, wanted, since):
            return
        web.cloud.advance(60)
        await_end(web, "green_ended", part, since)
    pytest.fail(f"{part.service} was never brought to {wanted}")


@pytest.fixture
def released(web, plan, since):
    """The release at its end: the new tasks have the traffic."""
    follow(web, plan, publish(web, plan))
    (part,) = plan.services
    await_end(web, "green_complete", part, since, plan.image)
    return part


def test_image_that_staging_has_proved_is_planned_from_its_registry(web, plan):
    assert (plan.commit, plan.deployed_by, plan.workflow) == (COMMIT, "pipeline", "production_pipeline.yml")
    assert plan.proved_on == "planning-data/staging"
    assert "workflow production_pipeline.yml" in plan.changes[1].what
    assert preflight.ecr.describe_image(web.clients.ecr, web.target.registry, COMMIT) is None


def test_pipeline_that_publishing_starts_is_followed_and_its_image_is_deployed(web, plan, since, released):
    assert "3 tasks run image" in codedeploy.verify_blue_green(web, released, plan.image)
    seen = follow(web, plan, since)
    assert seen[-1].startswith("Production pipeline succeeded: http")
    assert pushed_definition(web, service_of(web), released, since).endswith("production-web:2")


def test_image_that_never_came_is_said(web, plan):
    with pytest.raises(PreconditionError, match=r"of planning-data/production has no image sha256:.*why it never came"):
        steps.pushed_at(web, plan.image)


def test_pipeline_that_fails_is_a_failure_that_names_its_page(web, plan):
    published = publish(web, plan)
    run = preflight.github.find_run(web.github, plan.workflow, "release", since=published)
    web.github.get_workflow_run(run.id).cancel()
    with pytest.raises(RolloutFailedError, match=r"Production pipeline ended with cancelled: http.*stays published"):
        follow(web, plan, published)


def test_pipeline_that_never_begins_is_said_after_a_quarter_of_an_hour(web, plan):
    web.github.get_workflow(plan.workflow).disable()
    published = publish(web, plan)
    with pytest.raises(RolloutFailedError, match=r"started no run of production_pipeline\.yml for 16 min; switch the"):
        follow(web, plan, published)


def test_release_goes_back_by_a_deployment_of_what_ran_before(web, plan, since, released):
    go(web, released, released.before, since)
    assert "3 tasks run image" in codedeploy.verify_blue_green(web, released, released.before_digest)
    assert web.called("codedeploy.CreateDeployment") == 2  # the push's, and this one
    go(web, released, released.before, since)
    assert web.called("codedeploy.CreateDeployment") == 2


def test_alarm_that_sends_it_back_does_not_stop_its_way_back(web, since, released):
    fault = web.inject("alarm", name="production-web-5xx")
    go(web, released, released.before, since)
    assert web.injected(fault) > 0
    assert "3 tasks run image" in codedeploy.verify_blue_green(web, released, released.before_digest)


def test_deployment_of_the_release_that_is_still_at_work_is_stopped_on_the_way_back(web, plan, since):
    follow(web, plan, publish(web, plan))
    (part,) = plan.services
    web.cloud.advance(100)
    pushed = steps.pushed_at(web, plan.image).isoformat()
    arguments = codedeploy.arguments_of(part, service_of(web).code_deploy, since.isoformat(), pushed)
    assert "is InProgress" in run_waiter("green_complete", web.clients, arguments).text
    go(web, part, part.before, since)
    assert web.called("codedeploy.StopDeployment") == 1
    assert web.called("codedeploy.CreateDeployment") == 1
    assert "3 tasks run image" in codedeploy.verify_blue_green(web, part, part.before_digest)


def test_deployment_that_the_push_may_still_start_is_waited_for_on_the_way_back(web, plan, since):
    follow(web, plan, publish(web, plan))
    (part,) = plan.services
    pushed = steps.find_push(web, plan.image, [part])
    assert pushed is not None
    assert not advance_codedeploy(web.step(RUN), service_of(web), part, part.before, since, pushed)
    arguments = codedeploy.arguments_of(part, service_of(web).code_deploy, since.isoformat(), pushed.isoformat())
    assert "may still start a deployment" in run_waiter("green_ended", web.clients, arguments).text
    web.cloud.advance(100)
    go(web, part, part.before, since)
    assert web.called("codedeploy.StopDeployment") == 1
    assert "3 tasks run image" in codedeploy.verify_blue_green(web, part, part.before_digest)


def test_push_that_starts_nothing_does_not_hold_up_the_way_back_for_ever(web, plan, since):
    (part,) = plan.services
    assert steps.find_push(web, plan.image, [part]) is None
    assert advance_codedeploy(web.step(RUN), service_of(web), part, part.before, since, since) is False
    web.cloud.advance(16 * 60)
    assert advance_codedeploy(web.step(RUN), service_of(web), part, part.before, since, since) is True


def test_service_without_a_task_proves_nothing(web, plan):
    (part,) = plan.services
    web.clients.ecs.update_service(cluster=part.cluster, service=part.service, desiredCount=0)
    web.cloud.advance(600)
    with pytest.raises(RolloutFailedError, match=r"has 0 running tasks with the traffic and 0 that ECS lists"):
        codedeploy.verify_blue_green(web, part, part.before_digest)


def test_answer_that_is_lost_is_found_and_no_second_deployment_is_asked_for(web, since, released):
    fault = web.inject("lost_answer", action="CreateDeployment", times=1)
    with pytest.raises(Exception, match=r"Connection was closed|CreateDeployment"):
        advance_codedeploy(web.step(RUN), service_of(web), released, released.before, since)
    assert web.injected(fault) == 1
    go(web, released, released.before, since)
    assert web.called("codedeploy.CreateDeployment") == 2
    assert any("AWS shows that it was made" in text for text in web.texts(RUN, "found"))


def test_way_back_that_fails_itself_is_said_and_is_not_begun_again(web, since, released):
    fault = web.inject("bluegreen_fails", how="hook")
    with pytest.raises(
        RolloutFailedError, match=r"production-web to production-web:1 is Failed .*production-web:2 has"
    ):
        go(web, released, released.before, since)
    assert web.injected(fault) == 1
    assert web.called("codedeploy.CreateDeployment") == 2


def test_deployment_of_somebody_else_is_not_stopped(web, since, released):
    web.cloud.advance(600)
    later = ask_who(web.clients.sts)[1]
    external_pipeline.push(web.cloud.world, web.target, commit_sha(REPOSITORY, COMMITS), "somebody's own push")
    web.cloud.advance(100)
    with pytest.raises(DriftError, match=r"CodeDeploy is at work on production-web .*which this run has not begun"):
        advance_codedeploy(web.step(RUN), service_of(web), released, released.before, since)
    assert web.called("codedeploy.StopDeployment") == 0
    assert later > since


def test_commit_whose_image_was_pushed_before_is_refused_and_the_way_to_it_named(web, staged, since, released):
    go(web, released, released.before, since)
    with pytest.raises(PreconditionError, match="if it ran here before, go back to it by release_rollback"):
        make_plan(web, staged)


def test_person_takes_it_to_any_release_that_ran_here(web, released, since):
    go(web, released, released.before, since)
    plan, asked = rollback_preflight.make_plan(web, COMMIT)
    (part,) = plan.services
    assert plan.changes[0].what == "production-web (CodeDeploy, blue-green)"
    go(web, part, plan.to[part.service], asked, "release_rollback/one")
    assert "3 tasks run image" in codedeploy.verify_blue_green(web, part, plan.image)
    with pytest.raises(PreconditionError, match=f"choose one that is still there: .*{COMMIT}"):
        rollback_preflight.make_plan(web, "v0.0.1")


def test_way_back_is_told_with_both_revisions(web, since, released):
    released_as = {released.service: pushed_definition(web, service_of(web), released, since)}
    back = steps.find_rollback(web, (released,), released_as)
    assert back.text == "Going back: production-web from production-web:2 to production-web:1."
