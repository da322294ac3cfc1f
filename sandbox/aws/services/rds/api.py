"""RDS snapshots, creations and deletions that take simulated time; everything else of RDS is moto's."""

import base64
import hashlib
from collections.abc import Iterator

from moto.core.responses import ActionResult
from moto.rds.exceptions import (
    DBSnapshotAlreadyExistsError,
    InvalidDBInstanceStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
    RDSClientError,
)
from moto.rds.models import DBInstance, rds_backends
from moto.rds.responses import RDSResponse

from sandbox.app_databases import AppDatabases
from sandbox.aws.faults.model import Fault
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region

SNAPSHOT_QUOTA = 100  # manual snapshots of an account in a region, unless a fault lowers it
LASTS = 360.0  # seconds, for the whole of a snapshot
CREATION, DELETION, STARTING = 300.0, 120.0, 240.0
WITHOUT_SNAPSHOT = (
    "failed",
    "incompatible-restore",
    "incompatible-network",
)  # states in which no final one can be made


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
        assert database is not None  # moto has refused it otherwise
        snapshot = self.backend.database_snapshots[self.params["DBSnapshotIdentifier"]]
        region.snapshots[snapshot.db_snapshot_identifier] = now
        snapshot.created = snapshot.original_snapshot_create_time = as_datetime(now).replace(tzinfo=None)
        region.written[snapshot.db_snapshot_arn] = region.written.get(database.db_instance_arn, "")
        self._follow()
        return answer

    def create_db_instance(self) -> ActionResult:
        now, region = self._follow()
        answer = super().create_db_instance()
        self._begin(region, now, "")
        return answer

    def restore_db_instance_from_db_snapshot(self) -> ActionResult:
        """Make an instance that holds what the snapshot holds. It is not protected unless that is asked for."""
        now, region = self._follow()
        snapshot = self.backend.database_snapshots.get(str(self.params["DBSnapshotIdentifier"]).lower())
        if snapshot is not None and snapshot.status != "available":
            raise RDSClientError(
                "InvalidDBSnapshotState",
                f"Cannot restore from snapshot {snapshot.db_snapshot_identifier} in state {snapshot.status}.",
            )
        answer = super().restore_db_instance_from_db_snapshot()
        assert snapshot is not None  # moto has refused it otherwise
        self.backend.databases[str(self.params["DBInstanceIdentifier"])].deletion_protection = bool(
            self.params.get("DeletionProtection")
        )
        self._begin(region, now, region.written.get(snapshot.db_snapshot_arn, ""))
        return answer

    def _begin(self, region: Region, now: float, written: str) -> None:
        """Let an instance that moto has just made be created for a while."""
        name = str(self.params["DBInstanceIdentifier"])
        database = self.backend.databases[name]
        region.databases[name] = now + CREATION
        region.written[database.db_instance_arn] = written
        database.dbi_resource_id = _resource_id(self.current_account, self.region, name, now)
        self._follow()

    def modify_db_instance(self) -> ActionResult:
        """Modify an instance. Another major version of its engine has to be allowed, and none goes back."""
        self._follow()
        database = self.backend.databases.get(str(self.params["DBInstanceIdentifier"]))
        wanted = self.params.get("EngineVersion")
        if database is not None and wanted:
            now, then = _version(str(database.engine_version)), _version(str(wanted))
            if then < now:
                raise InvalidParameterCombination(
                    f"Cannot upgrade {database.engine} from {database.engine_version} to {wanted}"
                )
            if then[:1] != now[:1] and not self.params.get("AllowMajorVersionUpgrade"):
                raise InvalidParameterCombination(
                    "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
                )
        return super().modify_db_instance()

    def stop_db_instance(self) -> ActionResult:
        self._follow()
        answer = super().stop_db_instance()
        for role, databases in self._roles():
            databases.close(role)
        return answer

    def start_db_instance(self) -> ActionResult:
        """Start an instance, which takes a while. Its databases are reached from the moment it is available."""
        now, region = self._follow()
        answer = super().start_db_instance()
        name = str(self.params["DBInstanceIdentifier"])
        region.databases[name] = now + STARTING
        self.backend.databases[name].status = "starting"
        self._follow()
        for role, databases in self._roles():
            databases.open(role)
        return answer

    def _roles(self) -> Iterator[tuple[str, AppDatabases]]:
        """Yield the role of each template whose databases are on this instance."""
        place = (self.current_account, self.region, str(self.params["DBInstanceIdentifier"]))
        for site in self.world.app_sites if self.world.app_databases else ():
            if (site.account, site.region, site.server) == place and self.world.app_databases:
                yield site.role, self.world.app_databases

    def delete_db_instance(self) -> ActionResult:
        """Delete an instance, which is shown as `deleting` for a while. The final snapshot is made, or refused, first."""
        now, region = self._follow()
        name, final = str(self.params["DBInstanceIdentifier"]), self.params.get("FinalDBSnapshotIdentifier")
        skip = self.params.get("SkipFinalSnapshot") is True
        database = self.backend.databases.get(name)
        if database is not None and not database.deletion_protection:
            if database.status == "deleting":
                raise InvalidDBInstanceStateFault(f"Instance {name} is already being deleted.")
            self._check_final_snapshot(database, final, skip)
        answer = super().delete_db_instance()
        assert database is not None  # moto has refused it otherwise
        if final:
            region.snapshots[final] = now
            made = self.backend.database_snapshots[final.lower()]
            region.written[made.db_snapshot_arn] = region.written.get(database.db_instance_arn, "")
        self.backend.databases[name] = database
        database.status = "deleting"
        region.databases[name] = now + DELETION + (LASTS if final else 0)
        self._follow()
        return answer

    def _check_final_snapshot(self, database: DBInstance, final: str | None, skip: bool) -> None:
        """Raises: RDSClientError where the final snapshot is missing or cannot be made."""
        if final and skip:
            raise InvalidParameterCombination(
                "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is true."
            )
        if not final and not skip and not database.is_replica:
            raise InvalidParameterCombination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            )
        if not final:
            return
        if database.status in WITHOUT_SNAPSHOT:
            raise InvalidDBInstanceStateFault(
                f"Cannot create a snapshot because the database instance {database.db_instance_identifier} is not currently "
                "in the available state."
            )
        if final in self.backend.database_snapshots:
            raise DBSnapshotAlreadyExistsError(final)
        if self._used() >= (most := self._quota()):
            raise RDSClientError("SnapshotQuotaExceeded", f"Cannot create more than {most} manual snapshots")

    def describe_db_snapshots(self) -> ActionResult:
        self._follow()
        return super().describe_db_snapshots()

    def create_db_cluster_snapshot(self) -> ActionResult:
        now, region = self._follow()
        if len(self.backend.cluster_snapshots) >= (most := self._quota()):
            raise RDSClientError("SnapshotQuotaExceeded", f"Cannot create more than {most} manual snapshots")
        answer = super().create_db_cluster_snapshot()
        region.cluster_snapshots[str(self.params["DBClusterSnapshotIdentifier"])] = now
        self._follow()
        return answer

    def describe_db_cluster_snapshots(self) -> ActionResult:
        self._follow()
        return super().describe_db_cluster_snapshots()

    def describe_db_instances(self) -> ActionResult:
        self._follow()
        for name, database in self.backend.databases.items():
            database.db_cluster_identifier = self._cluster_of(name)
        return super().describe_db_instances()

    def describe_account_attributes(self) -> ActionResult:
        used = {"ManualSnapshots": self._used(), "ManualClusterSnapshots": len(self.backend.cluster_snapshots)}
        most = self._quota()
        quotas = [{"AccountQuotaName": name, "Used": count, "Max": most} for name, count in used.items()]
        return ActionResult({"AccountQuotas": quotas})

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


def _resource_id(*about: object) -> str:
    """Return an id of a database instance that no other one has; in moto they all have the same."""
    digest = hashlib.sha256(" ".join(map(str, about)).encode()).digest()
    return f"db-{base64.b32encode(digest).decode()[:26]}"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _passing(database: DBInstance) -> str:
    """Return the state of an instance on its way to be available: it is started again, or made."""
    return "starting" if database.status == "starting" else "creating"


def settle(region: Region) -> None:
    """Let every instance be available, as if it had been made long ago."""
    for name in region.databases:
        rds_backends[region.account][region.name].databases[name].status = "available"
    region.databases.clear()


def follow(region: Region, active: list[Fault], now: float) -> None:
    """Update each snapshot and its instance."""
    backend = rds_backends[region.account][region.name]
    for name, until in list(region.databases.items()):
        each = backend.databases.get(name)
        if each is None or now >= until:
            del region.databases[name]
        if each is not None and each.status == "deleting" and now >= until:
            del backend.databases[name]
        elif each is not None and each.status != "deleting":
            each.status = "available" if now >= until else _passing(each)
    for name, begun_at in region.cluster_snapshots.items():
        if found := backend.cluster_snapshots.get(name):
            found.percent_progress = min(100, int(100 * (now - begun_at) / LASTS))
            found.status = "available" if now - begun_at >= LASTS else "creating"
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
        if database is not None and database.status != "deleting" and (was != snapshot.status or not done):
            database.status = "available" if done else "backing-up"
