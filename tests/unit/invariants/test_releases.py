"""Releases that kept every promise pass. One with a broken promise is caught, by that promise's name."""

from typing import Any

import pytest

from tests.unit.invariants.release_story import (
    COMMIT,
    DEPLOYMENT,
    DIGEST,
    PRODUCTION,
    RELEASE,
    STAGING,
    ReleaseStory,
    key_of,
)

OTHER, LATER = "production_release/two", "staging_deployment/ci-2"


@pytest.fixture
def story() -> ReleaseStory:
    return ReleaseStory()


def sentences(story: ReleaseStory) -> list[str]:
    return [str(violation) for violation in story.violations()]


def test_release_of_what_staging_proved_passes(story: ReleaseStory):
    assert sentences(story.staged().released()) == []


def test_the_same_story_passes_where_the_log_does_not_hold_the_tables_calls(story: ReleaseStory):
    story.staged().released()
    story.calls = [call for call in story.calls if call["service"] != "dynamodb"]
    assert sentences(story) == []


# I9: nobody at work on staging


def test_release_that_begins_while_staging_is_deployed_is_found(story: ReleaseStory):
    story.staged()
    story.stage(LATER, migration=None)
    story.released()
    assert sentences(story) == [
        f"I9: {RELEASE} began to change core/production while {LATER} was at work on core/staging, or waited to be."
    ]


def test_deployment_that_waits_for_staging_is_found_and_one_that_came_later_is_not(story: ReleaseStory):
    story.staged()
    story.swap(STAGING, waiting={LATER: story.now})
    story.release()
    story.publish()
    assert story.broken() == {"I9"}
    late = ReleaseStory().staged()
    late.release()
    late.publish()
    late.swap(STAGING, waiting={LATER: late.now})
    assert sentences(late) == []


def test_other_runbooks_on_staging_do_not_count(story: ReleaseStory):
    story.staged()
    story.swap(STAGING, owner="service_restart/x", fencing=story.leases[STAGING.name].fencing + 1)
    story.released()
    assert story.broken() == set()


def test_journals_alone_show_a_deployment_at_work_as_well(story: ReleaseStory):
    story.staged()
    story.stage(LATER, migration=None)
    story.event("note", "checks are green")
    story.released()
    story.calls = [call for call in story.calls if call["service"] != "dynamodb"]
    assert story.broken() == {"I9"}


# I10: proved on staging


def test_image_without_a_proof_is_found(story: ReleaseStory):
    story.stage()
    story.migrate()
    story.deploy()
    story.end()
    assert sentences(story.released()) == [
        f"I10: {RELEASE} released image sha256:111111111111 of commit cccccccccccc, which core/staging had not proved."
    ]


@pytest.mark.parametrize("different", [{"digest": f"sha256:{'2' * 64}"}, {"commit": "e" * 40}])
def test_proof_of_another_image_or_commit_is_none(story: ReleaseStory, different: dict[str, str]):
    story.stage()
    story.migrate()
    story.deploy()
    story.prove(**different)
    story.end()
    assert story.released().broken() == {"I10"}


def test_proof_that_came_after_the_release_began_is_none(story: ReleaseStory):
    story.released()
    assert story.staged().broken() == {"I10"}


@pytest.mark.parametrize("outcome", ["failed", "stopped"])
def test_proof_by_a_run_that_did_not_end_well_is_found(story: ReleaseStory, outcome: str):
    story.stage()
    story.migrate()
    story.deploy()
    story.prove()
    story.end(outcome)
    assert "is no success on core/staging" in sentences(story.released())[0]


@pytest.mark.parametrize(
    ("image", "broken"),
    [
        (f"core@{DIGEST}", set()),
        ("111111111110.dkr.ecr.eu-west-2.amazonaws.com/core:production-v0.6.15-2026", set()),
        (f"core:{COMMIT}", set()),
        (f"core@sha256:{'2' * 64}", {"I10"}),
        ("core:latest", {"I10"}),
        ("core", {"I10"}),
    ],
)
def test_only_the_released_image_is_deployed(story: ReleaseStory, image: str, broken: set[str]):
    story.staged()
    story.release()
    story.migrate()
    story.deploy(image)
    story.end()
    assert story.broken() == broken


def test_template_that_differs_must_have_been_shown(story: ReleaseStory):
    services = [{**service, "template": "other"} for service in story.services()]
    assert story.staged().released(services=services).broken() == {"I10"}
    shown = ReleaseStory().staged().released(services=services, template_differences=["app has no variable X"])
    assert shown.broken() == set()


# I11: a new version of a green commit


@pytest.mark.parametrize(
    "plan",
    [
        {"previous": "v0.6.15"},
        {"previous": "v0.6.15.1"},
        {"version": "v0.6.9"},
        {"version": ""},
        {"version": "v0.6.15-rc1"},
        {"on_branch": False},
        {"checks": "red"},
    ],
)
def test_version_or_commit_that_may_not_be_released_is_found(story: ReleaseStory, plan: dict[str, Any]):
    story.staged()
    story.release(**plan)
    story.publish(tag=str(plan.get("version", "v0.6.15")))
    story.migrate()
    story.deploy()
    story.end()
    assert story.broken() == {"I11"}


@pytest.mark.parametrize("published", [{"tag": "v0.6.16"}, {"commit": "e" * 40}])
def test_what_is_published_is_what_was_approved(story: ReleaseStory, published: dict[str, str]):
    story.staged()
    story.release()
    story.publish(**published)
    assert story.broken() == {"I11"}


@pytest.mark.parametrize(("version", "previous", "broken"), [
    ("v0.6.16", "v0.6.15", set()), ("v0.6.15", "v0.6.14", {"I11"}), ("v0.6.14.1", "v0.6.14", {"I11"}),
])  # fmt: skip
def test_versions_are_published_once_and_upwards(story: ReleaseStory, version: str, previous: str, broken: set[str]):
    story.staged().released()
    story.release(OTHER, version=version, previous=previous, readable=f"production-{version}-2026", migration=None)
    story.publish(version)
    story.deploy()
    story.end()
    assert story.broken() == broken


# I17: a migration once


def test_second_start_by_a_retry_that_uses_the_same_token_is_no_second_migration(story: ReleaseStory):
    story.stage()
    story.begin_attempt()
    story.run_task()
    values = {"startedBy": f"migration/{key_of(STAGING)}", "clientToken": f"{key_of(STAGING)}-1"}
    story.write("ecs.RunTask", [], {"group": "migrations", **values}, **values)
    story.end_attempt()
    assert sentences(story) == []


@pytest.mark.parametrize("different", [{"clientToken": "mine"}, {"startedBy": "me"}])
def test_migration_that_was_not_noted_before_is_found(story: ReleaseStory, different: dict[str, str]):
    story.stage()
    story.begin_attempt()
    story.run_task(**different)
    story.end_attempt()
    assert "I17" in story.broken()
    unnoted = ReleaseStory()
    unnoted.stage()
    unnoted.run_task()
    assert unnoted.broken() == {"I17"}


def test_second_attempt_by_the_same_run_is_found(story: ReleaseStory):
    story.stage()
    story.migrate(1, "failed")
    story.migrate(2)
    assert sentences(story) == [
        f"I17: {DEPLOYMENT} began both attempt 1 of migration {key_of(STAGING)[:8]} on core/staging and attempt 2."
    ]


def second(story: ReleaseStory, **plan: Any) -> set[str]:
    story.end("failed")
    story.stage(LATER, **plan)
    story.migrate(2)
    return story.broken()


def test_attempt_of_another_run_after_a_failure_was_approved_anew(story: ReleaseStory):
    story.stage()
    story.migrate(1, "failed")
    assert second(story) == set()


def test_attempt_after_a_success_or_an_open_one_is_found_unless_asked_for(story: ReleaseStory):
    story.stage()
    story.migrate()
    assert second(story) == {"I17"}
    opened = ReleaseStory()
    opened.stage()
    opened.begin_attempt()
    opened.run_task()
    assert second(opened) == {"I17"}
    asked = ReleaseStory()
    asked.stage()
    asked.migrate()
    assert second(asked, migration=asked.migration(STAGING, again=True)) == set()
    of_app = ReleaseStory()
    of_app.stage()
    of_app.migrate()
    assert second(of_app, runbook="review_app_deployment") == set()


def test_attempt_that_began_before_the_end_of_the_one_before_was_known_is_found(story: ReleaseStory):
    story.stage()
    story.begin_attempt()
    story.run_task()
    story.end("failed")
    story.stage(LATER)
    story.begin_attempt(2)
    story.end_attempt(1, "failed")
    assert story.broken() == {"I17"}


def test_exit_code_is_kept(story: ReleaseStory):
    story.stage()
    story.begin_attempt()
    story.run_task()
    story.end_attempt(outcome="failed", exit_code=None)
    assert story.broken() == {"I17"}


def test_success_is_an_exit_code_of_0(story: ReleaseStory):
    story.stage()
    story.begin_attempt()
    story.run_task()
    story.end_attempt(exit_code=1)
    assert story.broken() == {"I17"}


def test_run_that_says_success_has_a_migration_that_did(story: ReleaseStory):
    story.stage()
    story.begin_attempt()
    story.run_task()
    story.end()
    assert sentences(story) == [
        f"I17: {DEPLOYMENT} is a success though its migration {key_of(STAGING)[:8]} is not known to be one."
    ]


def test_run_whose_migration_another_made_before_is_a_success(story: ReleaseStory):
    story.staged()
    story.stage(LATER)
    story.deploy()
    story.end()
    assert story.broken() == set()


def test_proof_that_is_changed_afterwards_is_found(story: ReleaseStory):
    story.staged().prove(run="somebody")
    assert "I20" in story.broken()


def test_migrations_on_staging_and_production_are_two(story: ReleaseStory):
    assert key_of(STAGING) != key_of(PRODUCTION)
