"""A write whose answer got lost was made, was not made, or could not be asked about; never guessed."""

from typing import Any

import pytest

from include.releases.findings import Facts, find

MADE = "AWS shows that it was made"
NOT_MADE = "AWS shows that it was not made, or that it was undone since"
NOT_READ = "it could not be asked whether it was made; the step looks again before it repeats it"


@pytest.mark.parametrize(
    ("call", "on", "values", "made", "not_made"),
    [
        ("ecs.UpdateService", ["app"], {"taskDefinition": "x:2"}, {"runs": {"app": "x:2"}}, {"runs": {"app": "x:1"}}),
        ("ecs.RegisterTaskDefinition", ["x"], {"image": "i@2"}, {"newest": {"x": "i@2"}}, {"newest": {"x": "i@1"}}),
        ("ecs.RunTask", [], {"startedBy": "migration/k"}, {"started": ["migration/k"]}, {"started": []}),
        ("ecr.PutImage", ["core"], {"imageTag": "t"}, {"tags": ["t"]}, {"tags": ["u"]}),
        ("github.PublishRelease", ["o/r"], {"tag_name": "v1"}, {"published": ["v1"]}, {"published": []}),
        ("github.CreateRelease", ["o/r"], {"tag_name": "v1"}, {"drafts": ["v1"], "published": []},
         {"drafts": [], "published": []}),
        ("github.CreateRelease", ["o/r"], {"tag_name": "v1"}, {"drafts": [], "published": ["v1"]},
         {"drafts": ["v2"], "published": []}),
        ("rds.CreateDBSnapshot", ["db"], {"DBSnapshotIdentifier": "s"}, {"snapshots": ["s"]}, {"snapshots": []}),
    ],
)  # fmt: skip
def test_write_is_found_where_it_shows(
    call: str, on: list[str], values: dict[str, str], made: dict[str, Any], not_made: dict[str, Any]
):
    intent = {"call": call, "on": on, "values": values}
    assert find(intent, Facts(**made)) == MADE
    assert find(intent, Facts(**not_made)) == NOT_MADE
    assert find(intent, Facts()) == NOT_READ


@pytest.mark.parametrize(
    "intent",
    [
        {"call": "slack.chat_postMessage"},
        {"call": "ecs.UpdateService", "on": ["app"], "values": {"desiredCount": 4}},
        {"call": "ecs.UpdateService", "on": ["other"], "values": {"taskDefinition": "x:2"}},
        {"call": "github.CreateRelease", "on": [], "values": {"tag_name": "v1"}},
    ],
)
def test_anything_else_is_not_guessed(intent: dict[str, Any]):
    assert find(intent, Facts(runs={"app": "x:2"}, drafts=["v1"])) == NOT_READ
