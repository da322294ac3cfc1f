"""The three folders of a region's update: the data that runs, the data that replaces it, and the backup."""

from __future__ import annotations

from dataclasses import dataclass

from include.aws.clients import Clients
from include.aws.s3 import Folder, Location
from include.regions.plan import RegionUpdate


@dataclass(frozen=True)
class Folders:
    existing: Folder
    data: Folder
    backup: Folder


def folders_of(clients: Clients, each: RegionUpdate) -> Folders:
    """Return the folders of one region of the plan."""
    return Folders(*(Folder(clients.s3, Location.parse(uri)) for uri in (each.existing, each.data, each.backup)))
