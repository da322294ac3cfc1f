"""AWS STS: who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sts.client import STSClient


def get_account(client: STSClient) -> str:
    """Return the account id our credentials belong to."""
    return client.get_caller_identity()["Account"]
