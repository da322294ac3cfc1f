"""A write is a value: rendered as one line, kept in the journal, and read back from journals of every version."""

import json

import pytest

from include.aws import autoscaling, ecs
from include.write import Action, RecordedWrite, Write, read_write

UNKNOWN = "it could not be asked whether it was made; the step looks again before it repeats it"


def test_sentence_is_rendered_from_the_value():
    write = ecs.set_desired_count(None, "apps", "app", 4)  # type: ignore[arg-type] # the write is not made
    assert write.sentence == "ecs.UpdateService app: desiredCount 4"


def test_nothing_is_written_until_the_write_is_made():
    made: list[str] = []
    write = Write(Action("ecs", "StopTask"), "a", lambda: made.append("made"))
    assert made == []
    write.make()
    assert made == ["made"]


def test_journal_keeps_the_value_and_gives_it_back():
    write = autoscaling.protect_instances(None, "asg", ["i-1", "i-2"], protected=True)  # type: ignore[arg-type] # not made
    kept = json.loads(json.dumps({"text": write.sentence, "write": write.document()}))
    assert read_write(kept) == RecordedWrite(
        "autoscaling",
        "SetInstanceProtection",
        {"AutoScalingGroupName": ("asg",), "InstanceIds": ("i-1", "i-2")},
        {"ProtectedFromScaleIn": True},
    )


def test_recorded_write_names_everything_it_is_about():
    write = RecordedWrite("ecs", "StopTask", {"service": ("app",), "task": ("arn:a",)}, {})
    assert write.names == {"app", "arn:a"}
    assert (write.resource("service"), write.resource("cluster")) == ("app", "")


@pytest.mark.parametrize(
    ("event", "write"),
    [
        (
            {
                "call": "ecs.UpdateService",
                "on": ["app"],
                "values": {"desiredCount": 4},
                "text": "ecs.UpdateService app",
            },
            RecordedWrite("ecs", "UpdateService", {"": ("app",)}, {"desiredCount": 4}, UNKNOWN),
        ),
        (
            {"text": "ecs.StopTask a of app (started 2026-11-18 09:00:00)"},
            RecordedWrite("ecs", "StopTask", {"": ()}, {}, UNKNOWN),
        ),
    ],
    ids=["operation, names and values", "sentence only"],
)
def test_intent_from_before_writes_were_values_is_still_read(event: dict[str, object], write: RecordedWrite):
    assert read_write(event) == write
