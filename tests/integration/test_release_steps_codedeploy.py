"""A service that CodeDeploy deploys when its image is pushed: followed to its end, and a rollback is not taken for a success."""

from datetime import UTC, datetime

import pytest

from include.aws.sts import ask_who
from include.errors import PreconditionError, RolloutFailedError
from include.releases.deployment import codedeploy
from include.releases.image import steps
from include.releases.staging import steps as staging_steps
from include.waiter_registry import run_waiter
from sandbox.commits import BUILT, COMMITS, STAGED, commit_sha
from tests.support.release_scene import until_done

WEB, REPOSITORY = "planning-data/staging", "example-planning/planning-data"
NEWEST = commit_sha(REPOSITORY, COMMITS)
STAMP = datetime(2026, 11, 21, 14, tzinfo=UTC)


@pytest.fixture
def web(release_scene_of):
    return release_scene_of(WEB)


@pytest.fixture
def plan(web):
    return staging_steps.make_plan(web, NEWEST, STAMP)[0]


@pytest.fixture
def arguments(web, plan):
    """The arguments of the wait before the image exists."""
    (part,) = plan.services
    deploys = web.target.environment.service(part.service).code_deploy
    now = ask_who(web.clients.sts)[1].isoformat()
    return codedeploy.arguments_of(part, deploys, now, now)


def push(web):
    """Have the commit's image built; its push starts the deployment."""
    build = steps.start_build(web.step(), NEWEST)
    until_done(web, lambda: steps.poll_build(web, build, NEWEST), every=60)
    return steps.find_image(web, NEWEST).digest


def watch(web, arguments):
    return run_waiter("green_complete", web.clients, arguments)


def watch_to_the_end(web, arguments):
    """Return what was seen until the end."""
    seen = []

    def look():
        progress = watch(web, arguments)
        seen.append(progress.text)
        return progress

    until_done(web, look, every=60)
    return seen


def test_deployment_that_a_push_starts_is_watched_until_its_tasks_have_the_traffic(web, plan, arguments):
    (part,) = plan.services
    assert (part.controller, part.before.rsplit(":", 1)[1], part.count) == ("CODE_DEPLOY", "1", 2)
    assert watch(web, arguments).text.startswith("staging-web: waiting for the push to start a deployment")
    digest = push(web)
    seen = watch_to_the_end(web, arguments)
    assert any("is InProgress" in each for each in seen)
    assert "2 of 2 tasks on staging-web:2 have the traffic" in seen[-1]
    assert codedeploy.verify_blue_green(web, part, digest) == (
        f"staging-web: 2 tasks run image {digest[:19]} and have the traffic"
    )
    with pytest.raises(RolloutFailedError, match=f"not {part.before_digest[:19]}"):
        codedeploy.verify_blue_green(web, part, part.before_digest)


def test_rollback_is_a_failure_that_names_both_revisions_and_what_was_before_is_proved(web, plan, arguments):
    (part,) = plan.services
    fault = web.inject("bluegreen_fails", how="hook")
    push(web)
    with pytest.raises(RolloutFailedError, match=r"rolled back from staging-web:2 to staging-web:1 .*hook failed"):
        watch_to_the_end(web, arguments)
    assert web.injected(fault) == 1
    assert "2 tasks run image" in codedeploy.verify_blue_green(web, part, part.before_digest)


def test_push_that_starts_nothing_is_said_after_a_quarter_of_an_hour(web, arguments):
    web.cloud.advance(14 * 60)
    assert not watch(web, arguments).done
    web.cloud.advance(2 * 60)
    with pytest.raises(
        RolloutFailedError, match=r"has started no deployment of staging-web for 16 min.*staging-web:1 has the"
    ):
        watch(web, arguments)


def test_image_whose_push_is_over_is_refused_unless_it_runs(web):
    with pytest.raises(PreconditionError, match="only the push of an image starts its deployment"):
        staging_steps.make_plan(web, commit_sha(REPOSITORY, BUILT[0]), STAMP)


def test_service_that_is_being_deployed_is_not_deployed_beside(web, arguments):
    push(web)
    web.cloud.advance(90)
    assert not watch(web, arguments).done
    with pytest.raises(PreconditionError, match=r"staging-web is being deployed \(deployment d-"):
        staging_steps.make_plan(web, commit_sha(REPOSITORY, COMMITS - 1), STAMP)


def test_alarm_of_the_group_that_fires_already_is_refused_by_the_plan_and_not_where_nothing_is_pushed(web):
    fault = web.inject("alarm", name="staging-web-5xx")
    with pytest.raises(PreconditionError) as error:
        staging_steps.make_plan(web, NEWEST, STAMP)
    assert str(error.value).startswith(
        "staging-web-5xx fires already, and CodeDeploy stops a deployment of staging-web"
    )
    running, _ = staging_steps.make_plan(web, commit_sha(REPOSITORY, STAGED), STAMP)
    assert not any("fires already" in note for note in running.notes)
    web.control.delete(f"/faults/{fault}")
    assert staging_steps.make_plan(web, NEWEST, STAMP)[0].changes
