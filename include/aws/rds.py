"""Amazon RDS: database instances that are stopped and started, and their snapshots."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from include.aws.refusals import translated
from include.errors import PreconditionError, RefusedError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBSnapshotTypeDef

log = logging.getLogger(__name__)

CREATE_SNAPSHOT = Action(
    "rds", "CreateDBSnapshot", resources=("DBInstanceIdentifier",), values=("DBSnapshotIdentifier",)
)

START = Action("rds", "StartDBInstance", resources=("DBInstanceIdentifier",))

SNAPSHOT_STATES = ("available", "storage-optimization")  # of an instance of which a snapshot can be made
SNAPSHOTS, CLUSTER_SNAPSHOTS = "ManualSnapshots", "ManualClusterSnapshots"  # the quotas' names


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of a database."""

    of: str  # the instance's or the cluster's name
    status: str  # creating, available, failed
    percent: int
    created_at: datetime | None
    engine: str = ""  # with its version
    gigabytes: int = 0
    kms_key: str = ""  # without it nobody can use the snapshot; "" for one that is not encrypted

    @property
    def about(self) -> str:
        """What is needed to use it."""
        return f"{self.engine}, {self.gigabytes} GiB, {f'encrypted by {self.kms_key}' if self.kms_key else 'not encrypted'}"


@dataclass(frozen=True)
class SnapshotQuota:
    """How many manual snapshots an account has, and may have."""

    used: int
    most: int


def create_snapshot(client: RDSClient, instance: str, identifier: str) -> Write[None]:
    """Return the write that starts a snapshot of a database instance. It is safe to repeat. Raises: PreconditionError."""
    return Write(
        CREATE_SNAPSHOT,
        f"{identifier} of {instance}",
        lambda: _create(client, instance, identifier),
        resources={"DBInstanceIdentifier": instance},
        values={"DBSnapshotIdentifier": identifier},
    )


def ensure_snapshot_possible(client: RDSClient, instance: str) -> None:
    """Refuse what would keep a snapshot of a database instance from being made. Raises: PreconditionError."""
    try:
        (found,) = client.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    except client.exceptions.DBInstanceNotFoundFault as error:
        raise _unknown(instance) from error
    if cluster := found.get("DBClusterIdentifier"):
        raise PreconditionError(
            f"Database instance {instance} is a member of cluster {cluster}, of which RDS makes snapshots as a whole only; make one of "
            "the cluster by hand, then start again without 'snapshot', nothing was changed."
        )
    refuse_unavailable(f"Database instance {instance}", found.get("DBInstanceStatus", ""))
    quota = read_snapshot_quota(client)
    if quota and quota.used >= quota.most:
        raise PreconditionError(
            f"This account has {quota.used} manual snapshots of databases and may have {quota.most}; delete some or have the quota "
            "raised, then start again, nothing was changed."
        )


def refuse_unavailable(database: str, status: str) -> None:
    """Refuse a database of which RDS makes no snapshot in its state. Raises: PreconditionError."""
    if status not in SNAPSHOT_STATES:
        raise PreconditionError(
            f"{database} is {status or 'in no known state'}, and RDS makes a snapshot only while it is available; wait until it is, then "
            "start again, nothing was changed."
        )


def read_snapshot_quota(client: RDSClient, name: str = SNAPSHOTS) -> SnapshotQuota | None:
    """Return how many manual snapshots the account has and may have, None if it does not say."""
    try:
        with translated():
            quotas = client.describe_account_attributes()["AccountQuotas"]
    except RefusedError as error:  # without the right to ask, RDS itself refuses the snapshot
        log.warning("How many snapshots the account may have is not known: %s", error)
        return None
    quota = next((each for each in quotas if each.get("AccountQuotaName") == name), None)
    return SnapshotQuota(quota["Used"], quota["Max"]) if quota else None


def start_instance(client: RDSClient, instance: str) -> Write[None]:
    """Return the write that starts a stopped database instance. One that somebody else has just started is left alone."""

    def make() -> None:
        try:
            client.start_db_instance(DBInstanceIdentifier=instance)
        except client.exceptions.InvalidDBInstanceStateFault:
            if describe_status(client, instance) == "stopped":
                raise

    return Write(START, instance, make, resources={"DBInstanceIdentifier": instance})


def was_applied(client: RDSClient, write: RecordedWrite) -> bool | None:
    """Tell whether the snapshot of a write exists, or a started instance is not stopped any more."""
    if write.action == START.name:
        return describe_status(client, write.resource("DBInstanceIdentifier")) != "stopped"
    if write.action != CREATE_SNAPSHOT.name:
        return None
    return describe_snapshot(client, write.values["DBSnapshotIdentifier"]) is not None


def _create(client: RDSClient, instance: str, identifier: str) -> None:
    try:
        client.create_db_snapshot(DBInstanceIdentifier=instance, DBSnapshotIdentifier=identifier)
    except client.exceptions.DBInstanceNotFoundFault as error:
        raise _unknown(instance) from error
    except (client.exceptions.DBSnapshotAlreadyExistsFault, client.exceptions.InvalidDBInstanceStateFault) as error:
        refuse_unless_begun(describe_snapshot(client, identifier), "database instance", instance, identifier, error)


def refuse_unless_begun(there: Snapshot | None, kind: str, name: str, identifier: str, refusal: ClientError) -> None:
    """Accept that RDS refuses a snapshot since it is begun already: a database is not available meanwhile. Raises: PreconditionError."""
    if there is None:
        raise PreconditionError(
            f"RDS makes no snapshot of {kind} {name} now ({refusal.response['Error'].get('Message')}); wait until it is available, then "
            "start again."
        ) from refusal
    if there.of != name:
        raise PreconditionError(
            f"Snapshot {identifier} is of {kind} {there.of}, not of {name}; start a new run, which makes another one."
        ) from refusal


def _unknown(instance: str) -> PreconditionError:
    return PreconditionError(
        f"There is no database instance {instance} in this account and region; correct database.instance in the inventory."
    )


def describe_snapshot(client: RDSClient, identifier: str) -> Snapshot | None:
    """Return the snapshot of that name, or None if there is none."""
    try:
        found = client.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"]
    except client.exceptions.DBSnapshotNotFoundFault:
        return None
    if not found:
        return None
    return snapshot_of(found[0], found[0].get("DBInstanceIdentifier", ""), found[0].get("Encrypted"))


def snapshot_of(found: DBSnapshotTypeDef | DBClusterSnapshotTypeDef, database: str, encrypted: bool | None) -> Snapshot:
    """Return what RDS tells of a snapshot of a database."""
    return Snapshot(
        of=database,
        status=found.get("Status", ""),
        percent=found.get("PercentProgress", 0),
        created_at=found.get("SnapshotCreateTime"),
        engine=f"{found.get('Engine', '')} {found.get('EngineVersion', '')}".strip(),
        gigabytes=found.get("AllocatedStorage", 0),
        kms_key=found.get("KmsKeyId", "") if encrypted else "",
    )


def describe_status(client: RDSClient, instance: str) -> str:
    """Return the status of a database instance in RDS's words, such as available or stopped. Raises: PreconditionError if there is none."""
    try:
        (found,) = client.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    except client.exceptions.DBInstanceNotFoundFault as error:
        raise _unknown(instance) from error
    return found.get("DBInstanceStatus", "")
