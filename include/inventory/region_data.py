"""The inventory's schema of region data: allowed locations, required files, and the tracking sheet."""

from __future__ import annotations

from pydantic import Field, field_validator

from include.inventory.fields import BucketName, ConnectionId, Model, Name, Text


class Sheet(Model):
    """The Google Sheet in which people keep track of which data each region runs on."""

    spreadsheet: str = Field(pattern=r"^[A-Za-z0-9_-]{10,200}$")  # the long part of its URL
    worksheet: Text
    region: Text = "region"  # the heading of the column with the region, such as US/PA
    uri: Text  # the heading of the column that gets the URI
    connection: ConnectionId  # Airflow connection with a service account that may edit it


class RegionData(Model):
    """The data that the environment's services load when they start."""

    buckets: tuple[BucketName, ...] = Field(min_length=1, max_length=50)  # the only buckets that are read or written
    required: tuple[Text, ...] = Field(
        default=(), max_length=100
    )  # names or patterns such as voting/*, each of which must match a file
    # the page on which people open their test maps
    application: str = Field(max_length=255, pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$")
    proved_on: Name | None = None  # the environment on which people must have checked the same data first
    sheet: Sheet | None = None

    @field_validator("required")
    @classmethod
    def _within(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [name for name in value if not name.strip() or name.startswith("/")]:
            raise ValueError(f"{odd[0]!r} is no name within a region's folder, such as topo.json")
        return value
