"""Calls are retried for the errors that their policy names, with its pauses, and not for ever."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from include.errors import ServiceUnavailableError
from include.retry import (
    AWS_WRITE_ONCE,
    CONDITIONAL_WRITE,
    EXTERNAL_SERVICE,
    PERSONS_ANSWER,
    S3_REQUEST,
    Policy,
)

THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "UpdateService")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "UpdateService")
LOST = ReadTimeoutError(endpoint_url="http://aws")
AWAY = ServiceUnavailableError("GitHub did not answer")


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


@pytest.mark.parametrize(
    ("policy", "error", "times"),
    [
        (AWS_WRITE_ONCE, THROTTLED, 8),
        (AWS_WRITE_ONCE, LOST, 1),
        (AWS_WRITE_ONCE, DENIED, 1),
        (PERSONS_ANSWER, DENIED, 8),
        (PERSONS_ANSWER, LOST, 8),
        (PERSONS_ANSWER, ValueError("ours"), 1),
        (EXTERNAL_SERVICE, AWAY, 5),
        (EXTERNAL_SERVICE, DENIED, 1),
        (S3_REQUEST, LOST, 1),
    ],
)
def test_call_is_made_again_for_what_its_policy_names_and_for_nothing_else(
    policy: Policy, error: Exception, times: int
):
    made: list[int] = []

    def call() -> None:
        made.append(1)
        raise error

    with pytest.raises(type(error)):
        policy.run(call)
    assert len(made) == times


def test_call_that_is_answered_is_the_last(slept: list[float]):
    errors: list[Exception] = [AWAY, AWAY]

    def call() -> str:
        if errors:
            raise errors.pop()
        return "there"

    told: list[BaseException] = []
    assert EXTERNAL_SERVICE.run(call, before_again=told.append) == "there"
    assert (told, len(slept)) == ([AWAY, AWAY], 2)


def test_pauses_double_up_to_the_longest():
    assert [PERSONS_ANSWER.pause(number) for number in range(1, 8)] == [1, 2, 4, 8, 16, 20, 20]


@pytest.mark.parametrize(("policy", "least"), [(CONDITIONAL_WRITE, 0.0), (EXTERNAL_SERVICE, 0.5)])
def test_pauses_are_spread_but_never_longer_than_the_longest(policy: Policy, least: float):
    pauses = [policy.pause(number) for number in range(1, 40) for _ in range(20)]
    assert min(pauses) >= least
    assert max(pauses) <= policy.longest
    assert len(set(pauses)) > 1


def test_service_that_asks_for_a_pause_gets_it_but_nobody_waits_longer_than_the_policy_allows(slept: list[float]):
    asked = [ServiceUnavailableError("limited", wait=12.0), ServiceUnavailableError("limited", wait=31.0)]

    def call() -> None:
        raise asked.pop(0)

    with pytest.raises(ServiceUnavailableError) as caught:
        EXTERNAL_SERVICE.run(call)
    assert caught.value.wait == 31.0
    assert slept == [12.0]


def test_conditional_write_is_tried_fifty_times_with_pauses_between(slept: list[float]):
    assert list(CONDITIONAL_WRITE.tries()) == list(range(50))
    assert len(slept) == 49
