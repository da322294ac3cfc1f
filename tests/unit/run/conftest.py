"""A run store in moto's DynamoDB, inside this process."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from include.run.store import RunStore


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The requested pauses between attempts, in seconds."""
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "none")
        yield boto3.client("dynamodb", region_name="eu-west-2")


@pytest.fixture
def client(dynamodb: Any) -> Iterator[Any]:
    """Return a client of an account whose run store is empty."""
    dynamodb.create_table(
        TableName="runbook-operations",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield dynamodb
    dynamodb.delete_table(TableName="runbook-operations")


@pytest.fixture
def store(client: Any) -> RunStore:
    return RunStore(client, "runbook-operations")


class Interrupted(RunStore):
    """A table in which something happens between a read and its write, so many times."""

    def __init__(self, client: Any, happens: Callable[[], object], times: int = 1):
        super().__init__(client, "runbook-operations")
        self.happens, self.times = happens, times

    def swap(self, *args: Any, **kwargs: Any) -> bool:
        if self.times:
            self.times -= 1
            self.happens()
        return super().swap(*args, **kwargs)


class AnswerLost(RunStore):
    """A table whose first write is made but whose answer is lost: the client's retry then finds its own write."""

    lost = False

    def _put(self, *args: Any, **kwargs: Any) -> bool:
        made = super()._put(*args, **kwargs)
        if self.lost:
            return made
        self.lost = True
        return super()._put(*args, **kwargs)
