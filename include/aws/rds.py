"""Amazon RDS: snapshots of database instances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient

CREATE_SNAPSHOT = Action(
    "rds", "CreateDBSnapshot", resources=("DBInstanceIdentifier",), values=("DBSnapshotIdentifier",)
)


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of a database instance."""

    instance: str
    status: str  # creating, available, failed
    percent: int
    created_at: datetime | None


def create_snapshot(client: RDSClient, instance: str, identifier: str) -> Write[None]:
    """Return the write that starts a snapshot of a database instance. It is safe to repeat. Raises: PreconditionError."""
    return Write(
        CREATE_SNAPSHOT,
        f"{identifier} of {instance}",
        lambda: _create(client, instance, identifier),
        resources={"DBInstanceIdentifier": instance},
        values={"DBSnapshotIdentifier": identifier},
    )


def was_applied(client: RDSClient, write: RecordedWrite) -> bool | None:
    """Tell whether the snapshot of a write exists."""
    if write.action != CREATE_SNAPSHOT.name:
        return None
    return describe_snapshot(client, write.values["DBSnapshotIdentifier"]) is not None


def _create(client: RDSClient, instance: str, identifier: str) -> None:
    try:
        client.create_db_snapshot(DBInstanceIdentifier=instance, DBSnapshotIdentifier=identifier)
    except client.exceptions.DBInstanceNotFoundFault as error:
        raise PreconditionError(
            f"There is no database instance {instance} in this account and region; correct database.instance in the inventory."
        ) from error
    except (client.exceptions.DBSnapshotAlreadyExistsFault, client.exceptions.InvalidDBInstanceStateFault) as error:
        there = describe_snapshot(client, identifier)  # an instance is not available during its snapshot
        if there is None:
            raise PreconditionError(
                f"RDS makes no snapshot of database instance {instance} now ({error.response['Error'].get('Message')}); wait "
                "until it is available, then start again."
            ) from error
        if there.instance != instance:
            raise PreconditionError(
                f"Snapshot {identifier} is of database instance {there.instance}, not of {instance}; start a new run, which "
                "makes another one."
            ) from error


def describe_snapshot(client: RDSClient, identifier: str) -> Snapshot | None:
    """Return the snapshot of that name, or None if there is none."""
    try:
        found = client.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"]
    except client.exceptions.DBSnapshotNotFoundFault:
        return None
    if not found:
        return None
    return Snapshot(
        instance=found[0].get("DBInstanceIdentifier", ""),
        status=found[0].get("Status", ""),
        percent=found[0].get("PercentProgress", 0),
        created_at=found[0].get("SnapshotCreateTime"),
    )
