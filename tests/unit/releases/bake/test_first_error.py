"""The first error line of a bake decorates its verdict: without it the verdict is the same."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from include.inventory.releases import Bake
from include.releases.bake.steps import _first
from tests.unit.conftest import Script

SINCE = datetime(2026, 11, 18, 12, tzinfo=UTC)
BAKE = Bake(duration="35m")  # type: ignore[arg-type] # as YAML has it
ASKED = {"logGroupName": "core", "filterPattern": "ERROR", "startTime": int(SINCE.timestamp() * 1000)}


@pytest.fixture
def logs(script: Callable[[str], Script]) -> Script:
    return script("logs")


def first(logs: Script) -> str:
    ctx: Any = SimpleNamespace(clients=SimpleNamespace(logs=logs.client))
    return _first(ctx, {"other": 0, "core": 3}, BAKE, SINCE)


def test_first_error_line_is_told(logs: Script):
    event = {"logStreamName": "a", "timestamp": ASKED["startTime"], "message": "ERROR: no maps"}
    logs.answer("filter_log_events", ASKED, {"events": [event]})
    assert first(logs) == "ERROR: no maps"


def test_line_that_is_counted_and_not_found_is_no_mistake_of_the_code(logs: Script):
    logs.answer("filter_log_events", ASKED, {"events": []})
    assert first(logs) == ""


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_log_that_cannot_be_read_does_not_stand_in_the_way(logs: Script, code: str):
    logs.fail("filter_log_events", code)
    assert first(logs) == ""
