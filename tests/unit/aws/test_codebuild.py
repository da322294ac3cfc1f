"""The gateway of CodeBuild: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws import codebuild
from include.errors import PreconditionError
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NINE, TEN = datetime(2026, 11, 18, 9, 0, tzinfo=UTC), datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
BEGUN: dict[str, Any] = {
    "id": "app:1",
    "buildStatus": "IN_PROGRESS",
    "currentPhase": "QUEUED",
    "sourceVersion": "main",
    "startTime": NINE,
    "logs": {"deepLink": "https://logs/1"},
}
FAILED: dict[str, Any] = {
    **BEGUN,
    "id": "app:2",
    "buildStatus": "FAILED",
    "currentPhase": "COMPLETED",
    "resolvedSourceVersion": "a" * 40,
    "endTime": TEN,
    "phases": [
        {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED", "contexts": [{"statusCode": "", "message": ""}]},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "exit status 1 "}]},
    ],
}


def test_build_is_started_with_its_commit_and_a_token(script: Scripts):
    aws = script("codebuild")
    asked = {"projectName": "app", "sourceVersion": "main", "idempotencyToken": "run-1"}
    aws.answer("start_build", asked, {"build": BEGUN})
    assert codebuild.start_build(aws.client, "app", "main", "run-1").make() == codebuild.Build(
        "app:1", "IN_PROGRESS", "QUEUED", "main", "https://logs/1", NINE, None, ""
    )


def test_build_that_failed_says_what_its_commit_was_and_why(script: Scripts):
    aws = script("codebuild")
    aws.answer("batch_get_builds", {"ids": ["app:2"]}, {"builds": [FAILED]})
    assert codebuild.describe_build(aws.client, "app:2") == codebuild.Build(
        "app:2", "FAILED", "COMPLETED", "a" * 40, "https://logs/1", NINE, TEN, "exit status 1"
    )


def test_build_that_is_not_there_is_refused(script: Scripts):
    aws = script("codebuild")
    aws.answer("batch_get_builds", {"ids": ["app:9"]}, {"builds": [], "buildsNotFound": ["app:9"]})
    with pytest.raises(PreconditionError, match=r"^CodeBuild knows no build app:9 in this account"):
        codebuild.describe_build(aws.client, "app:9")


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("start_build", lambda client: codebuild.start_build(client, "app", "main", "t").make()),
        ("list_builds_for_project", lambda client: codebuild.find_build(client, "app", "main")),
    ],
)
def test_project_that_is_not_there_is_refused(script: Scripts, operation: str, ask: Callable[[Any], Any]):
    aws = script("codebuild")
    aws.fail(operation, "ResourceNotFoundException")
    with pytest.raises(PreconditionError) as caught:
        ask(aws.client)
    assert str(caught.value) == (
        "There is no CodeBuild project app in this account and region; correct builder.name in the inventory."
    )


def listed(script: Scripts, ids: list[str], builds: list[dict[str, Any]]) -> Script:
    aws = script("codebuild")
    aws.answer(
        "list_builds_for_project", {"projectName": "app", "sortOrder": "DESCENDING"}, {"ids": ids} if ids else {}
    )
    if ids:
        aws.answer("batch_get_builds", {"ids": ids}, {"builds": builds})
    return aws


def test_newest_build_of_a_commit_is_found_in_whatever_order_they_are_described(script: Scripts):
    newer = {**FAILED, "id": "app:3"}
    aws = listed(script, ["app:4", "app:3", "app:2", "app:1"], [FAILED, BEGUN, newer])
    found = codebuild.find_build(aws.client, "app", "a" * 40)
    assert found is not None
    assert found.id == "app:3"


@pytest.mark.parametrize(("ids", "builds"), [([], []), (["app:2"], [FAILED])])
def test_commit_without_a_build_is_none(script: Scripts, ids: list[str], builds: list[dict[str, Any]]):
    assert codebuild.find_build(listed(script, ids, builds).client, "app", "b" * 40) is None
