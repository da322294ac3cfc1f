"""RDS snapshots that take simulated time; everything else of RDS is moto's."""

from collections.abc import Iterator

from moto.core.responses import ActionResult
from moto.rds.exceptions import InvalidDBInstanceStateFault, InvalidParameterValue, RDSClientError
from moto.rds.models import rds_backends
from moto.rds.responses import RDSResponse

from sandbox.aws.faults.model import Fault
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region

SNAPSHOT_QUOTA = 100  # manual snapshots of an account in a region, unless a fault lowers it
LASTS = 360.0  # seconds, for the whole of a snapshot


class WorldRdsResponse(RDSResponse):
    """`world` is set once, when the server is made."""

    world: World

    def create_db_snapshot(self) -> ActionResult:
        now, region = self._follow()
        name = str(self.params["DBInstanceIdentifier"])
        database = self.backend.databases.get(name)
        if database is not None and database.status != "available":
            raise InvalidDBInstanceStateFault(
                f"Cannot create a snapshot because the database instance {name} is not currently in the available state."
            )
        if self._cluster_of(name):
            raise InvalidParameterValue(
                "The specified instance is a member of a cluster and a snapshot cannot be created directly. Please use the "
                "CreateDBClusterSnapshot API instead."
            )
        if self._used() >= (most := self._quota()):
            raise RDSClientError("SnapshotQuotaExceeded", f"Cannot create more than {most} manual snapshots")
        answer = super().create_db_snapshot()
        snapshot = self.backend.database_snapshots[self.params["DBSnapshotIdentifier"]]
        region.snapshots[snapshot.db_snapshot_identifier] = now
        snapshot.created = snapshot.original_snapshot_create_time = as_datetime(now).replace(tzinfo=None)
        self._follow()
        return answer

    def describe_db_snapshots(self) -> ActionResult:
        self._follow()
        return super().describe_db_snapshots()

    def describe_db_instances(self) -> ActionResult:
        self._follow()
        for name, database in self.backend.databases.items():
            database.db_cluster_identifier = self._cluster_of(name)
        return super().describe_db_instances()

    def describe_account_attributes(self) -> ActionResult:
        quota = {"AccountQuotaName": "ManualSnapshots", "Used": self._used(), "Max": self._quota()}
        return ActionResult({"AccountQuotas": [quota]})

    def _used(self) -> int:
        return sum(snapshot.snapshot_type == "manual" for snapshot in self.backend.database_snapshots.values())

    def _cluster_of(self, name: str) -> str | None:
        """Return the cluster that a database instance is a member of, or None."""
        for fault in self._faults("database_in_cluster"):
            if fault.place[2] == name:
                fault.count()
                return str(fault.fields["cluster"])
        return None

    def _quota(self) -> int:
        """Return how many manual snapshots the account may have."""
        lowered = list(self._faults("snapshot_quota"))
        for fault in lowered:
            fault.count()
        return min((int(fault.fields["max"]) for fault in lowered), default=SNAPSHOT_QUOTA)

    def _faults(self, kind: str) -> Iterator[Fault]:
        place = self.current_account, self.region
        return (fault for fault in self.world.faults if fault.kind == kind and fault.place[:2] == place)

    def _follow(self) -> tuple[float, Region]:
        """Bring moto's snapshots and instances to where they are by the world's clock."""
        now, region = self.world.catch_up(), self.world.region(self.current_account, self.region)
        follow(region, self.world.faults, now)
        return now, region


def follow(region: Region, active: list[Fault], now: float) -> None:
    """Update each snapshot and its instance."""
    backend = rds_backends[region.account][region.name]
    for snapshot in backend.database_snapshots.values():
        begun = region.snapshots.get(snapshot.db_snapshot_identifier)
        if begun is None or snapshot.status == "failed":
            continue
        done = now - begun >= LASTS
        was = snapshot.status
        snapshot.status = "available" if done else "creating"
        progress = 100 if done else int(100 * (now - begun) / LASTS)
        setattr(snapshot, "percent_progress", progress)  # noqa: B010  # moto has none, but shows it
        database = backend.databases.get(snapshot.db_instance_identifier)
        for fault in active if done and was == "creating" else []:
            if fault.kind == "snapshot_fails" and database and fault.place[2] == database.db_instance_identifier:
                snapshot.status = "failed"
                fault.count()
        if database is not None and (was != snapshot.status or not done):
            database.status = "available" if done else "backing-up"
