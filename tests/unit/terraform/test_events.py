"""The reader of machine-readable lines: real ones, broken ones, and those of newer versions."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from include.terraform.events import (
    ChangeSummary,
    Diagnostic,
    Event,
    Operation,
    Output,
    Outputs,
    PlainText,
    PlannedChange,
    Provision,
    Version,
    errors,
    read_event,
    read_events,
)

START = '{"@level":"info","@message":"a","@timestamp":"2026-11-27T11:53:06.541716Z"'
PANIC = "panic: runtime error: invalid memory address or nil pointer dereference\n\ngoroutine 12 [running]:\n"


def line(kind, **more):
    return json.dumps(
        {"@level": "info", "@timestamp": "2026-11-27T11:53:06.5Z", "type": kind, **more}, separators=(",", ":")
    )


def hook(address="aws_lb.a", kind="aws_lb", action="create", **more):
    return {"hook": {"resource": {"addr": address, "resource_type": kind}, "action": action, **more}}


def test_every_line_of_a_real_apply_is_understood(captured):
    found = read_events(captured("apply_that_fails.jsonl"))
    assert Counter(each.type for each in found) == {
        "version": 1, "planned_change": 4, "change_summary": 1, "apply_start": 3, "apply_progress": 1, "apply_complete": 2,
        "apply_errored": 1, "provision_start": 3, "provision_progress": 6, "provision_complete": 2, "provision_errored": 1,
        "diagnostic": 1,
    }  # fmt: skip
    assert [each for each in found if type(each) in (Event, PlainText)] == []
    assert found[0] == Version("version", datetime(2026, 11, 27, 11, 53, 6, 503240, UTC), "1.11.4", "1.2")


def test_completion_carries_the_id_that_the_resource_got(captured):
    found = [event for event in read_events(captured("apply_with_canaries.jsonl")) if event.type == "apply_complete"]
    function = next(each for each in found if each.address == "aws_lambda_function.tidy")
    assert (function.action, function.id_key, function.id_value, function.elapsed) == ("create", "id", "tidy", 7)


def test_removal_import_and_move_of_a_real_plan_have_actions_of_their_own(captured):
    found = [event for event in read_events(captured("plan_that_forgets.jsonl")) if isinstance(event, PlannedChange)]
    assert {(each.address, each.action, each.previous_address) for each in found} == {
        ("terraform_data.adopted", "import", ""),
        ("terraform_data.replaced", "remove", ""),
        ("terraform_data.renamed", "move", "terraform_data.changed"),
        ("terraform_data.fresh", "create", ""),
        ("data.terraform_remote_state.x", "read", ""),
    }


def test_summary_of_a_real_plan_and_of_a_real_apply_are_told_apart(captured):
    found = [event for event in read_events(captured("apply_with_canaries.jsonl")) if isinstance(event, ChangeSummary)]
    assert [(each.operation, each.add, each.change, each.remove, each.total) for each in found] == [
        ("plan", 10, 0, 0, 10), ("apply", 10, 0, 0, 10),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["apply_that_fails.jsonl", "apply_with_canaries.jsonl"])
def test_values_of_outputs_and_what_provisioners_print_are_in_no_event(captured, name):
    text = captured(name)
    assert "CANARY" in text
    assert "CANARY" not in repr(read_events(text))


def test_outputs_are_named(captured):
    (found,) = [event for event in read_events(captured("apply_of_a_saved_plan.jsonl")) if isinstance(event, Outputs)]
    assert found.outputs == (Output("secret", sensitive=True, action=""), Output("size", sensitive=False, action=""))


def test_error_of_a_real_apply_has_its_address_and_keeps_its_detail_out_of_sight(captured):
    (found,) = errors(read_events(captured("apply_that_fails.jsonl")))
    assert (found.summary, found.address) == ("local-exec provisioner error", "terraform_data.fails")
    assert "CANARY" in found.detail
    assert "CANARY" not in repr(found)


def test_warnings_are_no_errors(captured):
    found = read_events(captured("plan_that_forgets.jsonl"))
    assert [each.severity for each in found if isinstance(each, Diagnostic)] == ["warning"]
    assert errors(found) == ()


def test_panic_between_the_lines_is_plain_text_and_hides_no_event():
    found = read_events(f"{line('refresh_start', **hook())}\n{PANIC}{line('apply_start', **hook())}\n")
    assert [type(each).__name__ for each in found] == ["Refresh", "PlainText", "PlainText", "PlainText", "Operation"]
    assert "nil pointer" not in repr(found)


def test_event_behind_text_of_another_stream_on_its_line_is_found():
    event = read_event(f"panic: x{line('apply_start', **hook())}")
    assert isinstance(event, Operation)


def test_half_an_event_at_the_end_is_left_out():
    whole, half = line("apply_start", **hook()), line("apply_complete", **hook())[:60]
    assert [event.type for event in read_events(f"{whole}\n{half}")] == ["apply_start"]
    assert [event.type for event in read_events(f"{whole}\n" + '{"@l')] == ["apply_start"]


def test_whole_event_without_its_end_of_line_counts():
    assert [event.type for event in read_events(line("apply_start", **hook()))] == ["apply_start"]


def test_text_at_the_end_without_its_end_of_line_counts():
    assert [type(event) for event in read_events("fatal error: out of memory")] == [PlainText]


@pytest.mark.parametrize(
    "broken",
    ['{"@level":"info","type":"apply_start"}', '{"@level":"info","type":"apply_start","hook":null}', '{"type":"diagnostic"}', "[1]",
     '{"@level":"info","type":"change_summary","changes":{"add":"many","operation":"plan"}}', '"text"', "{}", "\x00\x00", "NaN"],
)  # fmt: skip
def test_line_that_is_no_event_as_it_should_be_is_no_reason_to_stop(broken):
    found = read_events(f"{broken}\n{line('apply_start', **hook())}\n")
    assert found[-1].type == "apply_start"
    assert [each for each in found[:-1] if not isinstance(each, PlainText)] == []


def test_type_that_is_not_known_is_an_event_without_a_meaning():
    assert type(read_event(line("action_start", hook={}))) is Event
    assert read_event(line("test_run")).type == "test_run"


def test_time_that_cannot_be_read_is_no_time():
    assert read_event('{"@level":"info","@timestamp":"soon","type":"x"}').at is None


def test_id_of_a_type_whose_id_may_be_its_value_is_dropped():
    done = line("apply_complete", **hook("random_string.a", "random_string", id_key="id", id_value="CANARY"))
    assert read_event(done).id_value == ""


def test_opentofu_names_its_version_otherwise():
    assert read_event(line("version", tofu="1.10.0", ui="1.2")).terraform == "1.10.0"


def test_provisioner_is_named():
    event = read_event(line("provision_progress", **hook(provisioner="local-exec", output="CANARY")))
    assert isinstance(event, Provision)
    assert (event.address, event.provisioner) == ("aws_lb.a", "local-exec")
