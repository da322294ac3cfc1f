"""What a process of its own is told of where to call AWS."""

import socket

import pytest

from include.aws.credentials import Credentials, ProcessAccess


@pytest.fixture(autouse=True)
def names(monkeypatch):
    monkeypatch.setattr(socket, "gethostbyname", {"world": "10.1.2.3", "127.0.0.1": "127.0.0.1"}.__getitem__)


@pytest.mark.parametrize(
    ("endpoint", "called"),
    [
        ("http://world:4566", "http://10.1.2.3:4566"),
        ("http://world", "http://10.1.2.3"),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("http://[::1]:4566", "http://[::1]:4566"),
        ("https://proxy.example:8443/aws", "https://proxy.example:8443/aws"),
    ],
)
def test_host_of_a_pretend_cloud_is_told_by_its_address_so_that_buckets_are_called_by_path(tmp_path, endpoint, called):
    access = ProcessAccess(lambda: Credentials("key", "secret", "", None), "eu-west-2", endpoint)
    assert access.environment(tmp_path)["AWS_ENDPOINT_URL"] == called


def test_aws_itself_is_called_where_the_sdk_says(tmp_path):
    access = ProcessAccess(lambda: Credentials("key", "secret", "", None), "eu-west-2")
    assert "AWS_ENDPOINT_URL" not in access.environment(tmp_path)
