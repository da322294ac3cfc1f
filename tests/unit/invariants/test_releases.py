"""Releases that kept every promise pass. One with a broken promise is caught, by that promise's name."""

from typing import Any

import pytest

from tests.unit.invariants.release_history_builder import (
    COMMIT,
    DEPLOYMENT,
    DIGEST,
    PRODUCTION,
    RELEASE,
    STAGING,
    ReleaseHistoryBuilder,
    key_of,
)

OTHER, LATER = "production_release/two", "staging_deployment/ci-2"


@pytest.fixture
def builder() -> ReleaseHistoryBuilder:
    return ReleaseHistoryBuilder()


def sentences(builder: ReleaseHistoryBuilder) -> list[str]:
    return [str(violation) for violation in builder.violations()]


def test_release_of_what_staging_proved_passes(builder: ReleaseHistoryBuilder):
    assert sentences(builder.staged().released()) == []


def test_the_same_story_passes_where_the_log_does_not_hold_the_tables_calls(builder: ReleaseHistoryBuilder):
    builder.staged().released()
    builder.calls = [call for call in builder.calls if call["service"] != "dynamodb"]
    assert sentences(builder) == []


# I9: nobody at work on staging


def test_release_that_begins_while_staging_is_deployed_is_found(builder: ReleaseHistoryBuilder):
    builder.staged()
    builder.stage(LATER, migration=None)
    builder.released()
    assert sentences(builder) == [
        f"I9: {RELEASE} began to change core/production while {LATER} was at work on core/staging, or waited to be."
    ]


def test_deployment_that_waits_for_staging_is_found_and_one_that_came_later_is_not(builder: ReleaseHistoryBuilder):
    builder.staged()
    builder.swap(STAGING, waiting={LATER: builder.now})
    builder.release()
    builder.publish()
    assert builder.broken() == {"I9"}
    late = ReleaseHistoryBuilder().staged()
    late.release()
    late.publish()
    late.swap(STAGING, waiting={LATER: late.now})
    assert sentences(late) == []


def test_other_runbooks_on_staging_do_not_count(builder: ReleaseHistoryBuilder):
    builder.staged()
    builder.swap(STAGING, owner="service_restart/x", fencing=builder.leases[STAGING.name].fencing + 1)
    builder.released()
    assert builder.broken() == set()


def test_journals_alone_show_a_deployment_at_work_as_well(builder: ReleaseHistoryBuilder):
    builder.staged()
    builder.stage(LATER, migration=None)
    builder.event("note", "checks are green")
    builder.released()
    builder.calls = [call for call in builder.calls if call["service"] != "dynamodb"]
    assert builder.broken() == {"I9"}


# I10: proved on staging


def test_image_without_a_proof_is_found(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.migrate()
    builder.deploy()
    builder.end()
    assert sentences(builder.released()) == [
        f"I10: {RELEASE} released image sha256:111111111111 of commit cccccccccccc, which core/staging had not proved."
    ]


@pytest.mark.parametrize("different", [{"digest": f"sha256:{'2' * 64}"}, {"commit": "e" * 40}])
def test_proof_of_another_image_or_commit_is_none(builder: ReleaseHistoryBuilder, different: dict[str, str]):
    builder.stage()
    builder.migrate()
    builder.deploy()
    builder.prove(**different)
    builder.end()
    assert builder.released().broken() == {"I10"}


def test_proof_that_came_after_the_release_began_is_none(builder: ReleaseHistoryBuilder):
    builder.released()
    assert builder.staged().broken() == {"I10"}


@pytest.mark.parametrize("outcome", ["failed", "stopped"])
def test_proof_by_a_run_that_did_not_end_well_is_found(builder: ReleaseHistoryBuilder, outcome: str):
    builder.stage()
    builder.migrate()
    builder.deploy()
    builder.prove()
    builder.end(outcome)
    assert "is no success on core/staging" in sentences(builder.released())[0]


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
def test_only_the_released_image_is_deployed(builder: ReleaseHistoryBuilder, image: str, broken: set[str]):
    builder.staged()
    builder.release()
    builder.migrate()
    builder.deploy(image)
    builder.end()
    assert builder.broken() == broken


def test_template_that_differs_must_have_been_shown(builder: ReleaseHistoryBuilder):
    services = [{**service, "template": "other"} for service in builder.services()]
    assert builder.staged().released(services=services).broken() == {"I10"}
    shown = ReleaseHistoryBuilder().staged().released(services=services, template_differences=["app has no variable X"])
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
def test_version_or_commit_that_may_not_be_released_is_found(builder: ReleaseHistoryBuilder, plan: dict[str, Any]):
    builder.staged()
    builder.release(**plan)
    builder.publish(tag=str(plan.get("version", "v0.6.15")))
    builder.migrate()
    builder.deploy()
    builder.end()
    assert builder.broken() == {"I11"}


@pytest.mark.parametrize("published", [{"tag": "v0.6.16"}, {"commit": "e" * 40}])
def test_what_is_published_is_what_was_approved(builder: ReleaseHistoryBuilder, published: dict[str, str]):
    builder.staged()
    builder.release()
    builder.publish(**published)
    assert builder.broken() == {"I11"}


@pytest.mark.parametrize(("version", "previous", "broken"), [
    ("v0.6.16", "v0.6.15", set()), ("v0.6.15", "v0.6.14", {"I11"}), ("v0.6.14.1", "v0.6.14", {"I11"}),
])  # fmt: skip
def test_versions_are_published_once_and_upwards(
    builder: ReleaseHistoryBuilder, version: str, previous: str, broken: set[str]
):
    builder.staged().released()
    builder.release(OTHER, version=version, previous=previous, readable=f"production-{version}-2026", migration=None)
    builder.publish(version)
    builder.deploy()
    builder.end()
    assert builder.broken() == broken


# I17: a migration once


def test_second_start_by_a_retry_that_uses_the_same_token_is_no_second_migration(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.begin_attempt()
    builder.run_task()
    values = {"startedBy": f"migration/{key_of(STAGING)}", "clientToken": f"{key_of(STAGING)}-1"}
    builder.write("ecs.RunTask", [], {"group": "migrations", **values}, **values)
    builder.end_attempt()
    assert sentences(builder) == []


@pytest.mark.parametrize("different", [{"clientToken": "mine"}, {"startedBy": "me"}])
def test_migration_that_was_not_noted_before_is_found(builder: ReleaseHistoryBuilder, different: dict[str, str]):
    builder.stage()
    builder.begin_attempt()
    builder.run_task(**different)
    builder.end_attempt()
    assert "I17" in builder.broken()
    unnoted = ReleaseHistoryBuilder()
    unnoted.stage()
    unnoted.run_task()
    assert unnoted.broken() == {"I17"}


def test_second_attempt_by_the_same_run_is_found(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.migrate(1, "failed")
    builder.migrate(2)
    assert sentences(builder) == [
        f"I17: {DEPLOYMENT} began both attempt 1 of migration {key_of(STAGING)[:8]} on core/staging and attempt 2."
    ]


def second(builder: ReleaseHistoryBuilder, **plan: Any) -> set[str]:
    builder.end("failed")
    builder.stage(LATER, **plan)
    builder.migrate(2)
    return builder.broken()


def test_attempt_of_another_run_after_a_failure_was_approved_anew(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.migrate(1, "failed")
    assert second(builder) == set()


def test_attempt_after_a_success_or_an_open_one_is_found_unless_asked_for(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.migrate()
    assert second(builder) == {"I17"}
    opened = ReleaseHistoryBuilder()
    opened.stage()
    opened.begin_attempt()
    opened.run_task()
    assert second(opened) == {"I17"}
    asked = ReleaseHistoryBuilder()
    asked.stage()
    asked.migrate()
    assert second(asked, migration=asked.migration(STAGING, again=True)) == set()
    of_app = ReleaseHistoryBuilder()
    of_app.stage()
    of_app.migrate()
    assert second(of_app, runbook="review_app_deployment") == set()


def test_attempt_that_began_before_the_end_of_the_one_before_was_known_is_found(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.begin_attempt()
    builder.run_task()
    builder.end("failed")
    builder.stage(LATER)
    builder.begin_attempt(2)
    builder.end_attempt(1, "failed")
    assert builder.broken() == {"I17"}


def test_exit_code_is_kept(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.begin_attempt()
    builder.run_task()
    builder.end_attempt(outcome="failed", exit_code=None)
    assert builder.broken() == {"I17"}


def test_success_is_an_exit_code_of_0(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.begin_attempt()
    builder.run_task()
    builder.end_attempt(exit_code=1)
    assert builder.broken() == {"I17"}


def test_run_that_says_success_has_a_migration_that_did(builder: ReleaseHistoryBuilder):
    builder.stage()
    builder.begin_attempt()
    builder.run_task()
    builder.end()
    assert sentences(builder) == [
        f"I17: {DEPLOYMENT} is a success though its migration {key_of(STAGING)[:8]} is not known to be one."
    ]


def test_run_whose_migration_another_made_before_is_a_success(builder: ReleaseHistoryBuilder):
    builder.staged()
    builder.stage(LATER)
    builder.deploy()
    builder.end()
    assert builder.broken() == set()


def test_proof_that_is_changed_afterwards_is_found(builder: ReleaseHistoryBuilder):
    builder.staged().prove(run="somebody")
    assert "I20" in builder.broken()


def test_migrations_on_staging_and_production_are_two(builder: ReleaseHistoryBuilder):
    assert key_of(STAGING) != key_of(PRODUCTION)
