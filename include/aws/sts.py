"""AWS STS: the identity behind our credentials."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from include.aws.clock import answered_at

if TYPE_CHECKING:
    from mypy_boto3_sts.client import STSClient


def get_account(client: STSClient) -> str:
    """Return the account id our credentials belong to."""
    return client.get_caller_identity()["Account"]


def ask_who(client: STSClient) -> tuple[str, datetime]:
    """Return the account id our credentials belong to, and the time by AWS's clock."""
    response = client.get_caller_identity()
    return response["Account"], answered_at(response)
