"""Google's state: the spreadsheets that track regions, and who may edit each."""

from dataclasses import dataclass, field
from typing import Any

from include.inventory import Inventory, Target
from sandbox.aws.sim.world import World
from sandbox.aws.state.published_regions import PUBLISHED, REGIONS, bucket_of
from sandbox.external_services.service_faults import ServiceFaults

UPDATED = "updated"  # a column that people fill in themselves
Rows = list[list[str]]


@dataclass
class Spreadsheet:
    """Its worksheets by title, each a list of rows; `connections` are those whose service accounts may edit it."""

    id: str
    title: str
    connections: set[str] = field(default_factory=set)
    worksheets: dict[str, Rows] = field(default_factory=dict)


class Sheets:
    """Every spreadsheet of the inventory. All calls go through `lock`."""

    def __init__(self, inventory: Inventory, world: World):
        self.lock = world.lock  # one for all external services: a fault holds the world while it asks them
        self.inventory = inventory
        self.service_faults = ServiceFaults(world)
        self.spreadsheets: dict[str, Spreadsheet] = {}
        self.clear()

    def clear(self) -> None:
        """Begin again with what people have noted so far: the data that every region runs on."""
        with self.lock:
            self.spreadsheets.clear()
            for target in self.inventory.targets.values():
                data = target.environment.region_data
                sheet = data.sheet if data else None
                if sheet is None:
                    continue
                title = f"{target.system.title}: data of regions"
                made = self.spreadsheets.setdefault(sheet.spreadsheet, Spreadsheet(sheet.spreadsheet, title))
                made.connections.add(sheet.connection)
                rows = made.worksheets.setdefault(sheet.worksheet, [[sheet.region], *([each] for each in REGIONS)])
                bucket = bucket_of(target)
                for row, region in zip(rows, ("", *REGIONS), strict=True):
                    row.append(f"s3://{bucket}/regions/{region}/{PUBLISHED}/" if region else sheet.uri)
                    row.append(PUBLISHED[:10] if region else UPDATED)

    def connections(self) -> set[str]:
        return {connection for spreadsheet in self.spreadsheets.values() for connection in spreadsheet.connections}

    def rows(self, target: Target) -> Rows:
        """Return the worksheet that keeps track of a target's regions; empty if there is none."""
        data = target.environment.region_data
        spreadsheet = self.spreadsheets.get(data.sheet.spreadsheet) if data and data.sheet else None
        return spreadsheet.worksheets.get(data.sheet.worksheet, []) if spreadsheet and data and data.sheet else []

    def as_json(self) -> dict[str, Any]:
        """Return every sheet, for the page and for tests."""
        with self.lock:
            return {
                "spreadsheets": [
                    {"id": spreadsheet.id, "title": spreadsheet.title, "worksheets": spreadsheet.worksheets}
                    for spreadsheet in self.spreadsheets.values()
                ]
            }
