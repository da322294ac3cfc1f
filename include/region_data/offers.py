"""The folders that may become a region's data: those beside the one it runs on."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.region_data.region_config import RegionConfig
from include.s3copy.location import Location

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MOST = 3  # folders of a region, the last by their names: they are named by the time at which they were made


@dataclass(frozen=True)
class OfferedFolder:
    """A folder beside the one that a region runs on."""

    region: str
    uri: str
    runs_on: str  # the name of the folder that it runs on

    @property
    def entry(self) -> str:
        """The region's entry in the field Regions."""
        return json.dumps([{"region": self.region, "data": self.uri}])


def list_offered(client: S3Client, regions: Sequence[RegionConfig], buckets: Collection[str]) -> list[OfferedFolder]:
    """Return the last folders beside the data of each region that is not archived, in the order of the regions.

    Only `buckets` are asked, and backups that a run has made are left out.
    """
    found = []
    for config in regions:
        existing = Location.parse(config.s3_uri)
        if config.archived or existing.bucket not in buckets:
            continue
        parent, _, name = existing.prefix.rstrip("/").rpartition("/")
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=existing.bucket, Prefix=f"{parent}/", Delimiter="/"
        )
        folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
        others = [
            folder for folder in folders if folder != existing.prefix and "-backup-" not in folder.removeprefix(parent)
        ]
        found += [
            OfferedFolder(config.region, Location(existing.bucket, other).uri, name)
            for other in sorted(others, reverse=True)[:MOST]
        ]
    return found
