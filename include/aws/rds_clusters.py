"""Amazon RDS: snapshots of Aurora clusters, whose data is the cluster's and not that of its instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.aws.rds import Snapshot, refuse_unavailable, refuse_unless_begun, snapshot_of
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
        raise _unknown(cluster) from error
    refuse_unavailable(f"Database cluster {cluster}", found.get("Status", ""))


def describe_snapshot(client: RDSClient, identifier: str) -> Snapshot | None:
    """Return the snapshot of that name, or None if there is none."""
    try:
        found = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=identifier)["DBClusterSnapshots"]
    except client.exceptions.DBClusterSnapshotNotFoundFault:
        return None
    if not found:
        return None
    return snapshot_of(found[0], found[0].get("DBClusterIdentifier", ""), found[0].get("StorageEncrypted"))


def _create(client: RDSClient, cluster: str, identifier: str) -> None:
    try:
        client.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=identifier)
    except client.exceptions.DBClusterNotFoundFault as error:
        raise _unknown(cluster) from error
    except (
        client.exceptions.DBClusterSnapshotAlreadyExistsFault,
        client.exceptions.InvalidDBClusterStateFault,
    ) as error:
        refuse_unless_begun(describe_snapshot(client, identifier), "database cluster", cluster, identifier, error)


def _unknown(cluster: str) -> PreconditionError:
    return PreconditionError(f"There is no database cluster {cluster} in this account and region.")
