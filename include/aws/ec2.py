"""Amazon EC2: the subnets that tasks run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import PreconditionError

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client


def find_subnets(client: EC2Client, vpc: str, name: str) -> tuple[str, ...]:
    """Return the ids of a VPC's subnets with this Name tag. Raises: PreconditionError if there is none."""
    pages = client.get_paginator("describe_subnets").paginate(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag:Name", "Values": [name]}]
    )
    found = sorted(subnet["SubnetId"] for page in pages for subnet in page["Subnets"])
    if not found:
        raise PreconditionError(
            f"VPC {vpc} has no subnet named {name} in this account and region; correct one_off.network in the inventory."
        )
    return tuple(found)
