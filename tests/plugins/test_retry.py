"""Retries of work that a retry of its task could not repeat."""

import pytest
import tenacity.nap
from botocore.exceptions import ClientError, ReadTimeoutError

from include.aws.clients import Clients
from include.retry import PERSONS_ANSWER
from opskit.retry import retry as retry_retry

EXPIRED = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "PutItem")


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    seconds = []
    monkeypatch.setattr(tenacity.nap.time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def sessions():
    return []


@pytest.fixture
def clients(sessions):
    return Clients(lambda service: None, lambda service: None, lambda: sessions.append("new"))


def failing(*errors):
    left = list(errors)

    def work():
        if left:
            raise left.pop(0)
        return "kept"

    return work


def test_work_is_done_again_with_new_credentials_until_aws_takes_it(clients, sessions, slept):
    assert retry_retry(clients, failing(EXPIRED, ReadTimeoutError(endpoint_url="here"))) == "kept"
    assert sessions == ["new", "new"]
    assert slept == [1, 2]


def test_work_that_aws_never_takes_fails_with_its_last_error_after_a_minute_and_a_half(clients, slept):
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        retry_retry(clients, failing(*[EXPIRED] * PERSONS_ANSWER.attempts))
    assert len(slept) == PERSONS_ANSWER.attempts - 1
    assert 70 <= sum(slept) <= 100


def test_another_failure_is_not_tried_again(clients, slept):
    with pytest.raises(ZeroDivisionError):
        retry_retry(clients, failing(ZeroDivisionError()))
    assert slept == []
