"""Real boto3 clients with scripted answers, which check every parameter against AWS's own model."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

DATE = {"ResponseMetadata": {"HTTPHeaders": {"date": "Wed, 18 Nov 2026 12:00:00 GMT"}, "HTTPStatusCode": 200}}


@cache
def _client(service: str) -> Any:
    return boto3.client(service, region_name="eu-west-2", aws_access_key_id="none", aws_secret_access_key="none")


class Script:
    """A client and its expected calls, in order. At the end all calls must have been made."""

    def __init__(self, service: str):
        self.client = _client(service)
        self._stubber = Stubber(self.client)
        self._stubber.activate()

    def answer(self, method: str, expected: dict[str, Any], response: dict[str, Any] | None = None) -> None:
        self._stubber.add_response(method, {**(response or {}), **DATE}, expected)

    def fail(self, method: str, code: str, message: str = "no") -> None:
        self._stubber.add_client_error(method, service_error_code=code, service_message=message)

    def close(self) -> None:
        self._stubber.deactivate()
        self._stubber.assert_no_pending_responses()


@pytest.fixture
def script() -> Iterator[Callable[[str], Script]]:
    scripts: list[Script] = []

    def make(service: str) -> Script:
        scripts.append(Script(service))
        return scripts[-1]

    yield make
    for each in scripts:
        each.close()
