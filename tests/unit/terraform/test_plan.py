"""The reader of plans: what each resource comes to, what is refused, and the fingerprint."""

import json
from dataclasses import replace

import pytest

from include.errors import PreconditionError
from include.terraform.plan import FailedCheck, OutputChange, fingerprint, read_plan


def by_address(plan):
    return {change.address: change for change in plan.changes}


def test_each_change_of_a_real_plan_has_its_action_its_order_and_its_reason(captured):
    plan = read_plan(captured("plan_of_data.json"))
    assert {
        (change.address, change.action, change.create_before_destroy, change.action_reason) for change in plan.changes
    } == {
        ("terraform_data.cbd", "replace", True, "replace_because_cannot_update"),
        ("terraform_data.changed", "change", False, ""),
        ("terraform_data.gone[0]", "destroy", False, "delete_because_count_index"),
        ("terraform_data.hidden", "none", False, ""),
        ("terraform_data.replaced", "replace", False, "replace_because_cannot_update"),
    }
    assert by_address(plan)["terraform_data.replaced"].replace_paths == ("triggers_replace",)
    assert (plan.terraform_version, plan.errored, plan.complete, plan.applyable) == ("1.11.4", False, True, True)


def test_removal_from_the_state_move_import_and_read_of_a_real_plan_are_told_apart(captured):
    found = by_address(read_plan(captured("plan_that_forgets.json")))
    assert found["terraform_data.replaced"].action == "forget"
    moved = found["terraform_data.renamed"]
    assert (moved.action, moved.previous_address, moved.is_change) == ("none", "terraform_data.changed", True)
    adopted = found["terraform_data.adopted"]
    assert (adopted.action, adopted.importing) == ("import", "11111111-2222-3333-4444-555555555555")
    read = found["data.terraform_remote_state.x"]
    assert (read.action, read.mode, read.is_change) == ("read", "data", False)


def test_check_that_fails_is_told_with_its_message_and_one_that_holds_is_not(captured):
    assert read_plan(captured("plan_of_data.json")).failed_checks == (
        FailedCheck("check.small", "fail", ("The size is 2, which is not small.",)),
    )
    assert read_plan(captured("plan_that_forgets.json")).failed_checks == ()


def test_outputs_are_named_without_their_values(captured):
    plan = read_plan(captured("plan_of_data.json"))
    assert [replace(output, digest="") for output in plan.outputs] == [
        OutputChange("secret", "none", sensitive=True),
        OutputChange("size", "change", sensitive=False),
    ]


def test_drift_is_told_of_resources_that_change_only(plan_of, change_of):
    drifted = [
        change_of("aws_lb.a", "update", before={"idle_timeout": 60}, after={"idle_timeout": 30}),
        change_of("aws_lb.b", "update", before={"idle_timeout": 60}, after={"idle_timeout": 30}),
        change_of("aws_lb.c", "update", before={"subnets": None}, after={"subnets": []}),
    ]
    changes = [
        change_of("aws_lb.a", "update", before={"idle_timeout": 30}, after={"idle_timeout": 60}),
        change_of("aws_lb.b", "no-op", before={"idle_timeout": 30}, after={"idle_timeout": 30}),
        change_of("aws_lb.c", "update", before={"idle_timeout": 30}, after={"idle_timeout": 60}),
    ]
    plan = read_plan(plan_of(*changes, resource_drift=drifted))
    assert [each.address for each in plan.drift] == ["aws_lb.a"]
    assert [(attribute.before, attribute.after) for attribute in plan.drift[0].attributes] == [("60", "30")]


def test_drift_of_an_attribute_that_a_change_was_computed_from_is_told(plan_of, change_of):
    drifted = change_of(
        "aws_lb.b", "update", before={"dns_name": "old", "name": "b"}, after={"dns_name": "new", "name": "b"}
    )
    for attribute, found in (("dns_name", ["aws_lb.b"]), ("name", [])):
        relevant = [{"resource": "aws_lb.b", "attribute": [attribute]}]
        plan = read_plan(plan_of(resource_drift=[drifted], relevant_attributes=relevant))
        assert [each.address for each in plan.drift] == found


def test_what_was_deleted_outside_is_told_where_it_is_created_again(plan_of, change_of):
    gone = change_of("aws_lb.a", "delete", before={"name": "a"})
    plan = read_plan(plan_of(change_of("aws_lb.a", "create", after={"name": "a"}), resource_drift=[gone]))
    assert [(each.address, each.action) for each in plan.drift] == [("aws_lb.a", "destroy")]


def test_deposed_object_is_a_destruction_of_its_own(plan_of, change_of):
    plan = read_plan(plan_of(change_of("aws_lb.a", "delete", before={"name": "a"}, deposed="ab12cd34")))
    assert [(change.address, change.action, change.deposed) for change in plan.changes] == [
        ("aws_lb.a", "destroy", "ab12cd34")
    ]


def test_import_that_replaces_is_a_replacement(plan_of, change_of):
    entry = change_of("aws_lb.a", "delete", "create", before={}, after={}, importing={"id": "arn:lb"})
    (change,) = read_plan(plan_of(entry)).changes
    assert (change.action, change.importing) == ("replace", "arn:lb")


def test_import_by_identity_names_all_its_parts(plan_of, change_of):
    entry = change_of("aws_s3_bucket.a", "no-op", importing={"identity": {"bucket": "b", "region": "eu-west-2"}})
    (change,) = read_plan(plan_of(entry)).changes
    assert (change.action, change.importing) == ("import", '{"bucket":"b","region":"eu-west-2"}')


def test_replacement_that_leaves_the_old_one_behind_says_so(plan_of, change_of):
    (change,) = read_plan(plan_of(change_of("aws_lb.a", "create", "forget", before={}, after={}))).changes
    assert (change.action, change.forgets_old, change.create_before_destroy) == ("replace", True, True)


def test_what_is_put_off_and_what_providers_are_asked_to_do_is_named(plan_of, change_of):
    plan = read_plan(
        plan_of(
            deferred_changes=[{"reason": "unknown", "resource_change": change_of("aws_lb.a", "create", after={})}],
            action_invocations=[{"address": "action.aws_lambda_invoke.tidy"}],
            complete=False,
        )
    )
    assert (plan.deferred, plan.invocations, plan.complete) == (
        ("aws_lb.a",),
        ("action.aws_lambda_invoke.tidy",),
        False,
    )


def test_what_opentofu_does_not_say_is_not_taken_for_said(plan_of):
    plan = read_plan(plan_of(errored=False))
    assert (plan.complete, plan.applyable) == (None, None)


def test_id_is_known_of_aws_types_and_not_of_others_whose_id_may_be_their_value(plan_of, change_of):
    plan = read_plan(
        plan_of(
            change_of("aws_vpc.a", "delete", before={"id": "vpc-1"}),
            change_of("random_string.a", "delete", before={"id": "CANARY"}),
            change_of("aws_vpc.b", "delete", before={"id": "CANARY"}, before_sensitive={"id": True}),
        )
    )
    assert [change.id for change in plan.changes] == ["vpc-1", "", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The plan is no JSON"),
        ('{"format_version":"1.2","resource_chan', "The plan is no JSON"),
        ("[]", "The JSON is no plan"),
        ('{"values":{}}', "The JSON is no plan"),
        ('{"format_version":"2.0"}', "The plan is in format 2.0, and only 1.x can be read"),
        ('{"format_version":"0.1"}', "The plan is in format 0.1, and only 1.x can be read"),
    ],
)
def test_what_is_no_plan_of_a_known_format_is_refused_in_one_sentence(text, said):
    with pytest.raises(PreconditionError, match=f"^{said}") as refused:
        read_plan(text)
    assert str(refused.value).endswith("nothing was changed.")


def test_newer_minor_format_is_read():
    assert read_plan('{"format_version":"1.9"}').changes == ()


def test_action_that_is_not_known_is_refused_by_name(plan_of, change_of):
    with pytest.raises(PreconditionError, match=r"^The plan does explode to aws_lb\.a, which"):
        read_plan(plan_of(change_of("aws_lb.a", "explode")))


def test_fingerprint_is_the_same_for_the_same_plan_whatever_its_time_and_order(captured):
    text = captured("plan_with_canaries.json")
    document = json.loads(text)
    document["timestamp"] = "2031-01-01T00:00:00Z"
    document["resource_changes"].reverse()
    assert fingerprint(read_plan(text)) == fingerprint(read_plan(json.dumps(document)))
    assert len(fingerprint(read_plan(text))) == 64


def test_fingerprint_changes_with_a_value_that_is_not_shown(captured):
    text = captured("plan_with_canaries.json")
    assert fingerprint(read_plan(text)) != fingerprint(read_plan(text.replace("CANARY-two", "CANARY-2")))
    other = json.loads(text)
    other["output_changes"]["plain"]["after"] = "another"
    assert fingerprint(read_plan(text)) != fingerprint(read_plan(json.dumps(other)))


def test_fingerprint_tells_a_number_from_its_text_and_from_true(plan_of, change_of):
    def of(value):
        return fingerprint(read_plan(plan_of(change_of("aws_lb.a", "create", after={"secret": value}))))

    assert len({of(1), of("1"), of(True)}) == 3


def test_fingerprint_leaves_out_what_stays_as_it_is(plan_of, change_of):
    def of(running):
        idle = change_of("aws_ecs_service.a", "no-op", before={"running": running}, after={"running": running})
        return fingerprint(read_plan(plan_of(idle, change_of("aws_lb.a", "create", after={"name": "a"}))))

    assert of(1) == of(2)


@pytest.mark.parametrize("actions", [("delete",), ("update",), ("delete", "create")])
def test_fingerprint_leaves_out_what_aws_moves_by_itself(plan_of, change_of, actions):
    def of(time, size=20):
        before = {"identifier": "core", "latest_restorable_time": time, "allocated_storage": size, "port": 5432}
        after = None if actions == ("delete",) else {**before, "port": 5433}
        return fingerprint(read_plan(plan_of(change_of("aws_db_instance.a", *actions, before=before, after=after))))

    assert of("2026-11-28T02:30:00Z") == of("2026-11-28T02:35:00Z")
    assert of("2026-11-28T02:30:00Z") != of("2026-11-28T02:30:00Z", size=40)


def test_fingerprint_counts_a_move_and_an_import_of_what_stays_as_it_is(plan_of, change_of):
    plain = change_of("aws_lb.a", "no-op", before={}, after={})
    moved = {**plain, "previous_address": "aws_lb.b"}
    imported = change_of("aws_lb.a", "no-op", before={}, after={}, importing={"id": "x"})
    assert len({fingerprint(read_plan(plan_of(each))) for each in (plain, moved, imported)}) == 3
