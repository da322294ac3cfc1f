"""What moto keeps in memory and the sandbox never asks for: some eighty megabytes while it does nothing."""

from typing import Any

import boto3
from moto.core.base_backend import AccountSpecificBackend
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS


def save() -> None:
    """Drop what no honoured call reads, and have moto read boto3's models where it would load its own."""
    for (
        by_region
    ) in INSTANCE_TYPE_OFFERINGS.values():  # which types thirty regions offer, for calls that are refused here
        by_region.clear()
    setattr(AccountSpecificBackend, "get_session", _session)  # noqa: B010  # moto's own, replaced


def _session() -> Any:
    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    return boto3.DEFAULT_SESSION
