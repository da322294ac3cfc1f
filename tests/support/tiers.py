"""The tests of `make test`, and those of `make test-all` only.

A journey on real Airflow costs some fifteen processor seconds, so `make test` runs those that are listed here: each runbook
from end to end once, once refused, and once failing and rolled back; and one example of each behaviour that only real processes
can show. Every other journey proves one more fault of the same steps. `make test-part` runs a quarter of those, chosen
by a commit. All of them run before a release.
"""

from __future__ import annotations

import hashlib
import time

import pytest

PARTS = 4  # `make test-part` runs one of these

# tests of folders that `make test` excludes, except those named here, each with the reason; with its parameters, or all of them
KEPT = {
    "tests/journey/test_service_restart.py": {
        "test_guard_marked_as_success_by_hand_lets_no_step_through": "only Airflow lets a person mark a task",
        "test_run_marked_as_failed_by_hand_gives_the_lease_back_and_stays_failed": "only Airflow runs teardowns so",
    },
    "tests/journey/test_approval.py": {
        "test_expired": "only Airflow's triggerer times a question out",
        "test_by_someone_not_listed_or_by_one_person_twice": "service_restart refused by a person; only Airflow's API "
        "refuses an answer by its user",
        "test_answered_twice_at_once_leaves_one_decision_that_the_run_obeys[2]": "the race of two answers",
    },
    "tests/journey/test_faults.py": {
        "test_repeated_failed_loads_and_back_to_the_count_before": "service_restart failing and going back",
        "test_code_of_the_runbook_changes_on_disk_between_plan_and_approval": "only a DAG processor reads files again",
        "test_a_second_run_waits_and_names_who_holds_the_target": "the race of two runs for one target; service_restart "
        "from end to end, one service after the other",
    },
    "tests/journey/test_releases.py": {
        "test_commit_goes_from_its_build_to_staging_to_production": "staging_deployment, production_release and "
        "release_rollback from end to end; the last one refused, too",
        "test_pages_that_are_too_slow_send_staging_back": "staging_deployment failing and going back",
        "test_commit_with_a_red_check_is_refused": "staging_deployment refused",
        "test_alarm_in_the_bake_sends_production_back_and_keeps_it_until_a_person_has_looked": "production_release "
        "failing and going back",
        "test_image_with_a_critical_finding_is_refused": "production_release refused",
        "test_migration_by_itself_is_made_once": "database_migration from end to end",
        "test_image_is_published_once": "image_publication from end to end",
    },
    "tests/journey/test_region_data.py": {
        "test_map_that_does_not_work_sends_everything_back_at_once": "region_data_update failing and going back, with "
        "every kind of answer about its maps",
        "test_update_that_could_not_be_made_or_undone_is_refused_by_its_plan": "region_data_update refused",
        "test_run_that_is_killed_at_every_turn_does_nothing_twice": "region_data_update from end to end, "
        "with tasks that are killed",
    },
    "tests/journey/test_infrastructure.py": {
        "test_code_is_planned_applied_and_proved_and_then_changed": "infrastructure_change from end to end",
    },
    "tests/journey/test_promotion.py": {
        "test_commit_goes_through_the_account_before_and_to_its_target": "account_promotion from end to end",
    },
    "tests/journey/test_review_apps.py": {
        "test_app_is_made_for_a_pull_request_and_taken_away_with_its_database": "review_app_deployment and review_app_teardown from "
        "end to end",
    },
    "tests/journey/test_slack.py": {
        "test_thread_tells_the_run_in_order_and_its_parent_shows_the_end": "service_restart from end to end, by surge; only "
        "real processes tell Slack side by side",
    },
    "tests/journey/test_bad_input.py": {
        "test_wrong_conf_is_refused_in_one_sentence_before_there_is_a_run": "Airflow's API, and no run",
        "test_run_id_of_odd_characters_is_refused_by_its_name": "as above",
        "test_note_that_no_database_takes_is_refused": "as above",
        "test_stranger_learns_nothing_and_viewer_may_not_even_ask": "as above",
        "test_refused_attempt_is_in_the_audit_log": "as above",
    },
    "tests/journey/test_ci.py": {
        "test_job_follows_the_run_names_the_approver_and_ends_with_the_records_sentence": "a CI job from end to end",
        "test_a_hundred_requests_with_one_key_at_once_are_one_run": "the race of requests with one key",
        "test_wrong_input_is_refused_before_there_is_a_run": "a CI job refused",
    },
    "tests/inprocess/test_faults.py": {
        f"test_one_fault_at_any_call_breaks_no_promise_and_the_run_ends_well[{fault}]": "a death, a lost answer and a "
        "failure that lasts, each on one kind of service"
        for fault in ("killed-rolling", "an answer lost-rolling", "AWS failed for long-rolling")
    },
    "tests/integration/test_infrastructure_recreation.py": {
        "test_all_is_destroyed_although_the_code_prevents_it_and_built_again": "infrastructure_recreation from end to end",
        "test_a_destruction_that_fails_half_way_says_what_is_left_and_the_next_run_goes_on": "it fails and goes on",
        "test_a_build_that_would_replace_something_is_not_applied": "it is refused",
        "test_production_waits_for_the_environment_before_it": "as above",
    },
    "tests/sandbox/test_terraform.py": {
        "test_every_repeated_run_is_told_who_holds_the_lock": "Terraform refused; journeys have it make, change and destroy",
    },
    "tests/sandbox/stack/test_tree.py": {
        "test_what_is_killed_is_started_again_and_without_the_world_everything_ends": "the scheduler and the database "
        "killed",
    },
}
# the folders, files and tests that `make test` leaves out, but for those above: journeys on real Airflow, and campaigns
OTHERWISE_FULL = (
    "tests/journey/",
    "tests/mutants/",
    "tests/compose/test_fleet.py",
    "tests/compose/test_fleet_without_patches.py",
    "tests/inprocess/test_any_history.py",
    "tests/inprocess/test_faults.py",
    "tests/integration/test_account_promotion.py::test_commit_goes_through_three_accounts",  # a journey does
    "tests/integration/test_account_promotion.py::test_second_promotion",
    "tests/integration/test_account_promotion.py::test_step_killed_right_after_a_write_repeats_none[execute",
    "tests/integration/test_command_lines.py",
    "tests/integration/test_database_recreation.py",
    "tests/integration/test_expired_credentials.py",
    "tests/integration/test_infrastructure_access_logs.py::test_refusal_that_stays",
    "tests/integration/test_infrastructure_access_logs.py::test_worker_killed",
    "tests/integration/test_infrastructure_balancer.py",
    "tests/integration/test_infrastructure_recreation.py",
    "tests/integration/test_killed_apply.py",
    "tests/integration/test_recreation_again.py::test_next_run",
    "tests/integration/test_recreation_blockers.py",
    "tests/plugins/door/test_fab.py",
    "tests/sandbox/stack/test_tree.py",
    "tests/sandbox/test_terraform.py",
)


def add_options(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part-for",
        metavar="COMMIT",
        help=f"only the one of {PARTS} parts of what `make test` leaves out that is a commit's turn",
    )
    parser.addoption(
        "--end-by", metavar="SECONDS", type=float, help="skip what has not begun at this moment, in seconds since 1970"
    )


def is_full(nodeid: str) -> bool:
    """Tell whether only `make test-all` runs a test."""
    file, _, name = nodeid.partition("::")
    return nodeid.startswith(OTHERWISE_FULL) and KEPT.get(file, {}).keys().isdisjoint({name, name.split("[")[0]})


def number_of(text: str) -> int:
    """Return a number from 0 to PARTS - 1 that depends only on a text."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % PARTS


def mark_full(items: list[pytest.Item]) -> None:
    """Mark each test of `make test-all` alone, so that `-m "not full"` leaves it out."""
    for item in items:
        if is_full(item.nodeid):
            item.add_marker("full")


def select_part(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the commit's part of the tests, if one is requested."""
    commit = config.getoption("--part-for")
    if commit is None:
        return
    kept = [item for item in items if item.get_closest_marker("full") and number_of(item.nodeid) == number_of(commit)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def header(config: pytest.Config) -> str | None:
    """Return pytest's header line about the part that it runs."""
    commit = config.getoption("--part-for")
    if commit is None:
        return None
    return f"part {number_of(commit) + 1} of {PARTS} of what only make test-all runs: the turn of commit {commit}"


def skip_if_late(config: pytest.Config) -> None:
    """Skip a test that would begin after the time limit for all of them."""
    end = config.getoption("--end-by")
    if end is not None and time.time() > end:
        pytest.skip("the time for all tests was over before it began")
