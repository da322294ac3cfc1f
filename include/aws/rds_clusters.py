"""Amazon RDS: snapshots of Aurora clusters, whose data is the cluster's and not that of its instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.aws.rds import SNAPSHOT_STATES, Snapshot
from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient

CREATE_SNAPSHOT = Action(
    "rds", "CreateDBClusterSnapshot", resources=("DBClusterIdentifier",), values=("DBClusterSnapshotIdentifier",)
)


def create_snapshot(client: RDSClient, cluster: str, identifier: str) -> Write[None]:
    """Return the write that starts a snapshot of a cluster. It is safe to repeat. Raises: PreconditionError."""
    return Write(
        CREATE_SNAPSHOT,
        f"{identifier} of cluster {cluster}",
        lambda: _create(client, cluster, identifier),
        resources={"DBClusterIdentifier": cluster},
        values={"DBClusterSnapshotIdentifier": identifier},
    )


def was_applied(client: RDSClient, write: RecordedWrite) -> bool | None:
    """Tell whether the snapshot of a write exists."""
    if write.action != CREATE_SNAPSHOT.name:
        return None
    return describe_snapshot(client, write.values["DBClusterSnapshotIdentifier"]) is not None


def ensure_snapshot_possible(client: RDSClient, cluster: str) -> None:
    """Refuse what would keep a snapshot of a cluster from being made. Raises: PreconditionError."""
    try:
        (found,) = client.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
    except client.exceptions.DBClusterNotFoundFault as error:
        raise PreconditionError(f"There is no database cluster {cluster} in this account and region.") from error
    status = found.get("Status", "")
    if status not in SNAPSHOT_STATES:
        raise PreconditionError(
            f"Database cluster {cluster} is {status or 'in no known state'}, and RDS makes a snapshot only while it is available; wait "
            "until it is, then start again, nothing was changed."
        )


def describe_snapshot(client: RDSClient, identifier: str) -> Snapshot | None:
    """Return the snapshot of that name, or None if there is none."""
    try:
        found = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=identifier)["DBClusterSnapshots"]
    except client.exceptions.DBClusterSnapshotNotFoundFault:
        return None
    if not found:
        return None
    return Snapshot(
        instance=found[0].get("DBClusterIdentifier", ""),
        status=found[0].get("Status", ""),
        percent=found[0].get("PercentProgress", 0),
        created_at=found[0].get("SnapshotCreateTime"),
        engine=f"{found[0].get('Engine', '')} {found[0].get('EngineVersion', '')}".strip(),
        gigabytes=found[0].get("AllocatedStorage", 0),
        kms_key=found[0].get("KmsKeyId", "") if found[0].get("StorageEncrypted") else "",
    )


def _create(client: RDSClient, cluster: str, identifier: str) -> None:
    try:
        client.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=identifier)
    except client.exceptions.DBClusterNotFoundFault as error:
        raise PreconditionError(f"There is no database cluster {cluster} in this account and region.") from error
    except (
        client.exceptions.DBClusterSnapshotAlreadyExistsFault,
        client.exceptions.InvalidDBClusterStateFault,
    ) as error:
        there = describe_snapshot(client, identifier)
        if there is None or there.instance != cluster:
            said = f"it is of {there.instance}" if there else str(error.response["Error"].get("Message"))
            raise PreconditionError(
                f"RDS makes no snapshot {identifier} of database cluster {cluster} now ({said}); wait until the cluster is available, "
                "then start a new run."
            ) from error
