"""The gateway of EC2 subnets: its calls, and how it reads the answers."""

from collections.abc import Callable

import pytest

from include.aws import ec2
from include.errors import PreconditionError
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
FILTERS = [{"Name": "vpc-id", "Values": ["vpc-1"]}, {"Name": "tag:Name", "Values": ["private"]}]


def test_subnets_of_all_pages_are_found_by_vpc_and_name(script: Scripts):
    aws = script("ec2")
    aws.answer("describe_subnets", {"Filters": FILTERS}, {"Subnets": [{"SubnetId": "subnet-2"}], "NextToken": "more"})
    aws.answer("describe_subnets", {"Filters": FILTERS, "NextToken": "more"}, {"Subnets": [{"SubnetId": "subnet-1"}]})
    assert ec2.find_subnets(aws.client, "vpc-1", "private") == ("subnet-1", "subnet-2")


def test_network_without_such_subnets_is_refused(script: Scripts):
    aws = script("ec2")
    aws.answer("describe_subnets", {"Filters": FILTERS}, {"Subnets": []})
    with pytest.raises(PreconditionError) as caught:
        ec2.find_subnets(aws.client, "vpc-1", "private")
    assert str(caught.value) == (
        "VPC vpc-1 has no subnet named private in this account and region; correct one_off.network in the inventory."
    )
