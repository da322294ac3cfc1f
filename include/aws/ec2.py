"""Amazon EC2: the subnets that tasks run in, and the network interfaces in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
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


@dataclass(frozen=True)
class NetworkInterface:
    """An interface that keeps its subnet and its security groups from being deleted for as long as it is there."""

    id: str
    description: str
    status: str  # in-use, available, ...
    subnet: str
    groups: frozenset[str]
    requester: str  # the service that made it, such as amazon-elb; empty for one made by hand


def list_interfaces(client: EC2Client, subnets: Collection[str]) -> tuple[NetworkInterface, ...]:
    """Return the interfaces in these subnets."""
    if not subnets:
        return ()
    pages = client.get_paginator("describe_network_interfaces").paginate(
        Filters=[{"Name": "subnet-id", "Values": sorted(subnets)}]
    )
    return tuple(
        NetworkInterface(
            id=interface["NetworkInterfaceId"],
            description=interface.get("Description", ""),
            status=interface.get("Status", ""),
            subnet=interface.get("SubnetId", ""),
            groups=frozenset(group["GroupId"] for group in interface.get("Groups", ()) if "GroupId" in group),
            requester=interface.get("RequesterId", ""),
        )
        for page in pages
        for interface in page["NetworkInterfaces"]
    )
