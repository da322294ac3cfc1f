"""A plan for people: its order, its warnings, its honesty about undoing, and its limits."""

from dataclasses import dataclass

import pytest

from include.errors import PreconditionError
from include.terraform.plan import read_plan
from include.terraform.summary import Counts, Flags, count, refuse_beyond, summarize
from include.terraform.summary import second_approver_reasons as reasons


@dataclass(frozen=True)
class Limits:
    destroys: int
    replacements: int


@pytest.fixture
def plan(plan_of, change_of):
    def make(*changes, **more):
        return read_plan(plan_of(*(change_of(*each, **values) for *each, values in changes), **more))

    return make


def destroyed(**before):
    return {"before": before}


def test_real_plan_is_counted_as_terraform_counts_it_but_replacements_once(captured):
    assert count(read_plan(captured("plan_of_data.json"))) == Counts(change=1, replace=2, destroy=1)
    assert count(read_plan(captured("plan_that_forgets.json"))) == Counts(create=1, forget=1, imported=1, move=1)
    assert str(count(read_plan(captured("plan_of_data.json")))) == "1 to change, 2 to replace, 1 to destroy"
    assert str(Counts()) == "nothing to do"


def test_no_canary_of_a_real_plan_is_in_its_summary(captured):
    found = summarize(read_plan(captured("plan_with_canaries.json")))
    assert len(found.changes) == 10
    assert "CANARY" not in repr(found)


def test_change_of_a_real_plan_shows_its_values_and_the_names_of_the_rest(captured):
    found = {change.what: change for change in summarize(read_plan(captured("plan_with_canaries.json"))).changes}
    function = found["Change aws_lambda_function.tidy"]
    assert (function.before, function.after) == ("memory_size 128", "memory_size 256; not shown: environment")


def test_what_takes_data_away_comes_first_and_what_is_created_last(plan):
    found = summarize(
        plan(
            ("aws_route.e", "create", {"after": {}}),
            ("aws_lb.c", "delete", "create", {"before": {}, "after": {}}),
            ("aws_route.d", "update", {"before": {"gateway_id": "a"}, "after": {"gateway_id": "b"}}),
            ("aws_route.f", "delete", destroyed()),
            ("aws_db_instance.b", "delete", destroyed()),
            ("aws_efs_file_system.a", "delete", "create", {"before": {}, "after": {}}),
            ("aws_timestreamwrite_table.g", "delete", destroyed()),
            ("aws_route.h", "forget", destroyed()),
        )
    )
    assert [change.what.split(" (")[0] for change in found.changes] == [
        "Destroy aws_db_instance.b",
        "Replace aws_efs_file_system.a",
        "Destroy aws_timestreamwrite_table.g",
        "Replace aws_lb.c",
        "Destroy aws_route.f",
        "Forget aws_route.h",
        "Change aws_route.d",
        "Create aws_route.e",
    ]


def test_destruction_says_what_it_takes_and_flags_it(plan):
    found = summarize(plan(("aws_db_instance.main", "delete", destroyed(identifier="core", engine="postgres"))))
    (change,) = found.changes
    assert change.what == "Destroy aws_db_instance.main (holds data: the database, names lead to it, protected)"
    assert (change.before, change.after) == ("engine postgres; identifier core", "gone")
    assert found.flags == (Flags("aws_db_instance.main", "the database", dns=True, protected=True),)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"skip_final_snapshot": True}, "is lost for good, no final snapshot is made (skip_final_snapshot is true)"),
        (
            {"skip_final_snapshot": False, "final_snapshot_identifier": "core-final"},
            "is lost but for a final snapshot core-final",
        ),
        ({"skip_final_snapshot": False}, "cannot be deleted, a final snapshot is asked for and has no name"),
    ],
)
def test_undoing_the_destruction_of_a_database_promises_only_what_its_snapshot_keeps(plan, settings, said):
    (change,) = summarize(plan(("aws_db_instance.main", "delete", destroyed(**settings)))).changes
    assert f"the database {said}" in change.undo
    assert change.undo.endswith("applying the commit before makes a new one without it")


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (
            "aws_secretsmanager_secret",
            {"recovery_window_in_days": 7},
            "can be restored for 7 days, and its name stays taken meanwhile",
        ),
        ("aws_secretsmanager_secret", {}, "can be restored for 30 days"),
        ("aws_secretsmanager_secret", {"recovery_window_in_days": 0}, "is lost for good, at once"),
        ("aws_s3_bucket", {"force_destroy": True}, "are deleted with all their versions"),
        ("aws_s3_bucket", {"force_destroy": False}, "it has to be emptied first, with old versions and delete markers"),
        ("aws_kms_key", {"deletion_window_in_days": 10}, "can be cancelled for 10 days"),
        ("aws_cloudwatch_log_group", {"skip_destroy": True}, "the logs stay"),
        ("aws_cloudwatch_log_group", {"skip_destroy": False}, "the logs are lost for good"),
        ("aws_dynamodb_table", {}, "the table's items are lost for good"),
    ],
)
def test_undo_says_what_becomes_of_the_data(plan, kind, settings, said):
    found = summarize(plan((f"{kind}.a", "delete", destroyed(**settings))))
    assert said in found.changes[0].undo


def test_replacement_of_a_database_reads_its_settings_although_they_do_not_change(plan):
    values = {"skip_final_snapshot": True, "deletion_protection": True}
    found = summarize(plan(("aws_db_instance.a", "delete", "create", {"before": values, "after": values})))
    assert found.notes[0].startswith("aws_db_instance.a: AWS refuses to delete it while deletion_protection is true")
    assert "no final snapshot is made" in found.notes[1]


def test_cognito_is_protected_by_its_own_word(plan):
    active = summarize(plan(("aws_cognito_user_pool.a", "delete", destroyed(deletion_protection="ACTIVE"))))
    inactive = summarize(plan(("aws_cognito_user_pool.a", "delete", destroyed(deletion_protection="INACTIVE"))))
    assert "AWS refuses to delete it while deletion_protection is ACTIVE" in active.notes[0]
    assert [note for note in inactive.notes if "refuses" in note] == []


@pytest.mark.parametrize(
    ("kind", "attribute", "before", "after", "lost"),
    [
        ("aws_cloudwatch_log_group", "retention_in_days", 30, 7, True),
        ("aws_cloudwatch_log_group", "retention_in_days", 0, 7, True),  # 0 is for ever
        ("aws_cloudwatch_log_group", "retention_in_days", 7, 0, False),
        ("aws_cloudwatch_log_group", "retention_in_days", 7, 30, False),
        ("aws_db_instance", "backup_retention_period", 7, 0, True),  # 0 is none
        ("aws_db_instance", "backup_retention_period", 0, 7, False),
    ],
)
def test_shorter_retention_is_told_as_a_loss(plan, kind, attribute, before, after, lost):
    found = summarize(plan((f"{kind}.a", "update", {"before": {attribute: before}, "after": {attribute: after}})))
    assert [f"deleted for good ({before} to {after})" in note for note in found.notes] == ([True] if lost else [])


def test_change_that_aws_does_not_take_back_says_so(plan):
    change = {"before": {"engine_version": "15.4"}, "after": {"engine_version": "16.1"}}
    (found,) = summarize(plan(("aws_db_instance.a", "update", change))).changes
    assert found.undo == "apply the commit before, but not all of it goes back: RDS does not downgrade an engine"


def test_what_is_left_behind_on_purpose_is_told(plan):
    found = summarize(plan(("aws_cloudfront_distribution.a", "delete", destroyed(retain_on_delete=True))))
    assert "aws_cloudfront_distribution.a: it stays in AWS on purpose, retain_on_delete is set." in found.notes


def test_kind_that_is_not_known_is_told_and_needs_a_second_approver(plan):
    made = plan(("aws_timestreamwrite_table.a", "delete", destroyed()))
    assert (
        "It is not known what is lost with aws_timestreamwrite_table.a; look at each before you approve."
        in summarize(made).notes
    )
    assert reasons(made) == ("destroys aws_timestreamwrite_table.a (a kind that is not known)",)


def test_notes_tell_of_checks_drift_and_what_is_put_off(plan, change_of):
    drift = [change_of("aws_route.a", "update", before={"gateway_id": "x"}, after={"gateway_id": "y"})]
    deferred = [{"resource_change": change_of("aws_lb.b", "create", after={})}]
    changes = ("aws_route.a", "update", {"before": {"gateway_id": "y"}, "after": {"gateway_id": "z"}})
    notes = summarize(plan(changes, resource_drift=drift, deferred_changes=deferred)).notes
    assert notes == (
        "Terraform puts off aws_lb.b to a later plan, so this one is not all that is needed.",
        "Somebody or something changed aws_route.a outside Terraform.",
    )


def test_plan_that_met_an_error_says_so_first(plan):
    assert summarize(plan(errored=True)).notes[0].startswith("The plan is not whole")


def test_expected_time_is_that_of_the_slowest_and_twice_for_a_replacement(plan):
    created = plan(("aws_db_instance.a", "create", {"after": {}}), ("aws_lb.b", "create", {"after": {}}))
    replaced = plan(("aws_db_instance.a", "delete", "create", {"before": {}, "after": {}}))
    assert (summarize(created).expected_seconds, summarize(replaced).expected_seconds) == (660, 1260)
    assert summarize(plan()).expected_seconds == 60


@pytest.mark.parametrize(
    ("kind", "actions", "needed"),
    [
        ("aws_db_instance", ["delete"], True),
        ("aws_db_instance", ["create", "delete"], True),
        ("aws_db_instance", ["update"], False),
        ("aws_db_instance", ["forget"], False),
        ("aws_db_instance", ["create", "forget"], False),
        ("aws_lb", ["delete"], True),
        ("aws_ecs_task_definition", ["delete", "create"], False),
        ("terraform_data", ["delete"], False),
    ],
)
def test_second_approver_is_needed_where_something_is_lost(plan, kind, actions, needed):
    made = plan((f"{kind}.a", *actions, {"before": {"x": 1}, "after": {"x": 2}}))
    assert bool(reasons(made)) is needed


def test_module_and_key_of_a_resource_do_not_hide_what_it_is(plan_of, change_of):
    entry = {
        **change_of("aws_db_instance.a", "delete", before={}),
        "address": 'module.x["a.b"].aws_db_instance.a["c.d"]',
    }
    assert reasons(read_plan(plan_of(entry)))


def test_deposed_database_counts_as_a_destruction(plan):
    made = plan(("aws_db_instance.a", "delete", {"before": {}, "deposed": "ab12cd34"}))
    assert (len(reasons(made)), count(made).destroy) == (1, 1)
    assert "what an earlier replacement left, ab12cd34" in summarize(made).changes[0].what


def test_plan_within_its_limits_is_not_refused(plan):
    made = plan(
        ("aws_route.a", "delete", destroyed()), ("aws_route.b", "delete", "create", {"before": {}, "after": {}})
    )
    refuse_beyond(Limits(destroys=1, replacements=1), made)


def test_plan_with_more_destructions_than_allowed_is_refused_with_both_numbers(plan):
    made = plan(*[(f"aws_route.r{number}", "delete", destroyed()) for number in range(8)])
    with pytest.raises(PreconditionError) as refused:
        refuse_beyond(Limits(destroys=3, replacements=0), made)
    assert str(refused.value) == (
        "The plan destroys 8 resources (aws_route.r0, aws_route.r1, aws_route.r2, aws_route.r3, aws_route.r4, aws_route.r5 and 2 more) "
        "and the target's limit is 3; find out why, then make the change in smaller parts, or raise the limit in the inventory. "
        "Nothing was changed."
    )


def test_replacements_have_a_limit_of_their_own(plan):
    made = plan(("aws_route.a", "delete", "create", {"before": {}, "after": {}}))
    with pytest.raises(
        PreconditionError, match=r"^The plan replaces 1 resource \(aws_route\.a\) and the target's limit is 0"
    ):
        refuse_beyond(Limits(destroys=9, replacements=0), made)
