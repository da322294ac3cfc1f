"""The progress of an apply, from its lines."""

from datetime import UTC, datetime, timedelta

from include.terraform.events import Operation, read_events
from include.terraform.plan import read_plan
from include.terraform.progress import Progress, operations

NINE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def begun(address, kind="aws_lb", action="create", at=NINE, **more):
    return Operation("apply_start", at, address, kind, action, **more)


def ended(address, kind="aws_lb", action="create", how="apply_complete"):
    return Operation(how, NINE, address, kind, action)


def test_apply_that_failed_is_told_as_it_went(captured):
    events = read_events(captured("apply_that_fails.jsonl"))
    progress = Progress()
    progress.add(events)
    assert progress.text() == "2 of 4 done; failed: terraform_data.fails"
    assert (progress.finished, progress.running) == (False, ())


def test_apply_of_a_saved_plan_counts_what_it_plans(captured):
    progress = Progress()
    progress.add(read_events(captured("apply_of_a_saved_plan.jsonl")))
    assert (progress.text(), progress.total, progress.finished) == ("6 of 6 done", 6, True)
    assert operations(read_plan(captured("plan_of_data.json"))) == 6


def test_what_is_in_progress_is_told_with_its_time_and_how_long_it_usually_takes():
    progress = Progress(total=41)
    progress.add([begun("aws_db_instance.main", "aws_db_instance")])
    assert progress.text(NINE + timedelta(minutes=6)) == (
        "0 of 41 done; creating aws_db_instance.main for 6 minutes, usually 10 minutes"
    )


def test_time_without_a_clock_is_what_terraform_said_last():
    progress = Progress(total=1)
    progress.add(
        [
            begun("aws_route.a", "aws_route"),
            Operation("apply_progress", NINE, "aws_route.a", "aws_route", "create", elapsed=30),
        ]
    )
    assert progress.text() == "0 of 1 done; creating aws_route.a for 30 seconds"


def test_destruction_and_creation_of_a_replacement_are_two():
    progress = Progress()
    progress.add([begun("aws_lb.a", action="delete"), ended("aws_lb.a", action="delete"), begun("aws_lb.a")])
    assert [(each.address, each.action) for each in progress.running] == [("aws_lb.a", "create")]
    assert len(progress.done) == 1


def test_what_was_begun_and_not_ended_stays_in_progress_with_the_id_it_had():
    progress = Progress()
    progress.add([begun("aws_lb.a", action="delete", id_value="arn:lb"), begun("aws_lb.b"), ended("aws_lb.b")])
    assert [(each.address, each.id_value) for each in progress.running] == [("aws_lb.a", "arn:lb")]
    assert not progress.finished


def test_many_in_progress_are_counted_and_the_first_named():
    progress = Progress(total=9)
    progress.add([begun(f"aws_route.r{number}", "aws_route") for number in range(5)])
    assert progress.text(NINE + timedelta(seconds=20)) == (
        "0 of 9 done; creating aws_route.r0 for 20 seconds; creating aws_route.r1 for 20 seconds; creating aws_route.r2 for 20 seconds; "
        "2 more in progress"
    )


def test_reading_is_no_operation():
    progress = Progress(total=1)
    progress.add([begun("data.aws_vpc.a", "aws_vpc", action="read"), ended("data.aws_vpc.a", "aws_vpc", action="read")])
    assert progress.text() == "0 of 1 done"


def test_more_done_than_was_said_raises_the_total():
    progress = Progress(total=1)
    progress.add([ended("aws_lb.a"), ended("aws_lb.b", how="apply_errored")])
    assert progress.text() == "1 of 2 done; failed: aws_lb.b"
