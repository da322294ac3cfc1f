"""The three folders of a region's update: the current data, the new data, and the backup."""

from __future__ import annotations

from dataclasses import dataclass

from include.aws.clients import Clients
from include.region_data.plan import RegionUpdate
from include.s3copy import Folder, Location


@dataclass(frozen=True)
class Folders:
    existing: Folder
    data: Folder
    backup: Folder


def folders_of(clients: Clients, each: RegionUpdate) -> Folders:
    """Return the folders of one region of the plan."""
    return Folders(*(Folder(clients.s3, Location.parse(uri)) for uri in (each.existing, each.data, each.backup)))


def is_last(key: str) -> bool:
    """Tell whether an object is written last: it names the other objects, so a reader must find those in place."""
    return key == "static-metadata.json"
