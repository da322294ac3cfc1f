"""AWS Resource Groups Tagging: what in an account and region has certain tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi.client import ResourceGroupsTaggingAPIClient


def list_tagged(client: ResourceGroupsTaggingAPIClient, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ARNs of all that has every one of these tags. AWS lists also what was tagged once and is gone since a short time."""
    filters = [{"Key": key, "Values": [value]} for key, value in sorted(tags.items())]
    pages = client.get_paginator("get_resources").paginate(TagFilters=filters)  # type: ignore[arg-type]  # of this shape
    return tuple(sorted(each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]))
