"""The record of a run: nothing that only decorates it keeps it from being written."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from include.errors import PreconditionError
from opskit import record
from opskit.context import StepContext
from opskit.step_definition import StepDefinition


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EndpointConnectionError(endpoint_url="https://ecs"), "Could not connect to the endpoint URL"),
        (PreconditionError("Cluster c has no service s."), "Cluster c has no service s."),
    ],
)
def test_state_that_cannot_be_read_is_said_so_and_stops_nothing(error: Exception, said: str):
    def left(ctx: StepContext) -> str:
        raise error

    ctx: Any = object()
    told = record._left(ctx, record.Proof((), left=left))
    assert told.startswith("in what state things are left could not be read (")
    assert said in told


def test_plan_that_no_worker_took_is_told_with_its_queue():
    step = StepDefinition("plan_change")
    assert record._unserved(step) == ""
    step.last = SimpleNamespace(queue="default")
    assert record._unserved(step) == ""
    step.last = SimpleNamespace(queue="terraform")
    assert "no worker serves the queue terraform" in record._unserved(step)
