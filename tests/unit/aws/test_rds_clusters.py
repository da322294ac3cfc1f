"""The gateway of snapshots of Aurora clusters: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws import rds, rds_clusters
from include.errors import PreconditionError
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NINE = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
MADE: dict[str, Any] = {
    "DBClusterSnapshotIdentifier": "before-v1",
    "DBClusterIdentifier": "core",
    "Status": "creating",
    "PercentProgress": 40,
    "SnapshotCreateTime": NINE,
    "Engine": "aurora-postgresql",
    "EngineVersion": "15.4",
    "AllocatedStorage": 20,
    "StorageEncrypted": True,
    "KmsKeyId": "arn:aws:kms:eu-west-2:111111111111:key/one",
}


def describe(aws: Script, *found: dict[str, Any]) -> None:
    wanted = {"DBClusterSnapshotIdentifier": "before-v1"}
    aws.answer("describe_db_cluster_snapshots", wanted, {"DBClusterSnapshots": list(found)})


def test_snapshot_is_begun_of_the_cluster(script: Scripts):
    aws = script("rds")
    asked = {"DBClusterIdentifier": "core", "DBClusterSnapshotIdentifier": "before-v1"}
    aws.answer("create_db_cluster_snapshot", asked, {"DBClusterSnapshot": MADE})
    rds_clusters.create_snapshot(aws.client, "core", "before-v1").make()


@pytest.mark.parametrize("code", ["DBClusterSnapshotAlreadyExistsFault", "InvalidDBClusterStateFault"])
def test_snapshot_that_is_begun_already_is_no_failure(script: Scripts, code: str):
    aws = script("rds")
    aws.fail("create_db_cluster_snapshot", code)
    describe(aws, MADE)
    rds_clusters.create_snapshot(aws.client, "core", "before-v1").make()


def test_snapshot_of_another_cluster_is_refused_naming_both(script: Scripts):
    aws = script("rds")
    aws.fail("create_db_cluster_snapshot", "DBClusterSnapshotAlreadyExistsFault")
    describe(aws, {**MADE, "DBClusterIdentifier": "other"})
    with pytest.raises(
        PreconditionError, match=r"^Snapshot before-v1 is of database cluster other, not of core; start"
    ):
        rds_clusters.create_snapshot(aws.client, "core", "before-v1").make()


def test_cluster_that_is_busy_is_refused_with_what_rds_says(script: Scripts):
    aws = script("rds")
    aws.fail("create_db_cluster_snapshot", "InvalidDBClusterStateFault", "it is stopped")
    aws.fail("describe_db_cluster_snapshots", "DBClusterSnapshotNotFoundFault")
    with pytest.raises(PreconditionError, match=r"of database cluster core now \(it is stopped\); wait until"):
        rds_clusters.create_snapshot(aws.client, "core", "before-v1").make()


def test_cluster_that_is_not_there_is_refused(script: Scripts):
    aws = script("rds")
    aws.fail("create_db_cluster_snapshot", "DBClusterNotFoundFault")
    with pytest.raises(PreconditionError, match=r"^There is no database cluster core in this account and region"):
        rds_clusters.create_snapshot(aws.client, "core", "before-v1").make()
    aws.fail("describe_db_clusters", "DBClusterNotFoundFault")
    with pytest.raises(PreconditionError, match=r"^There is no database cluster core in this account and region"):
        rds_clusters.ensure_snapshot_possible(aws.client, "core")


def test_cluster_of_which_rds_makes_no_snapshot_now_is_refused_by_the_plan(script: Scripts):
    aws = script("rds")
    for status in ("available", "stopped"):
        found = {"DBClusters": [{"DBClusterIdentifier": "core", "Status": status}]}
        aws.answer("describe_db_clusters", {"DBClusterIdentifier": "core"}, found)
    rds_clusters.ensure_snapshot_possible(aws.client, "core")
    with pytest.raises(PreconditionError, match=r"^Database cluster core is stopped, and RDS makes a snapshot only"):
        rds_clusters.ensure_snapshot_possible(aws.client, "core")


def test_snapshot_says_how_far_it_is_and_what_is_needed_to_use_it(script: Scripts):
    aws = script("rds")
    describe(aws, MADE)
    key = "arn:aws:kms:eu-west-2:111111111111:key/one"
    assert rds_clusters.describe_snapshot(aws.client, "before-v1") == rds.Snapshot(
        "core", "creating", 40, NINE, "aurora-postgresql 15.4", 20, key
    )
    describe(aws, {**MADE, "StorageEncrypted": False})
    found = rds_clusters.describe_snapshot(aws.client, "before-v1")
    assert found
    assert found.about == "aurora-postgresql 15.4, 20 GiB, not encrypted"


def test_snapshot_that_is_not_there_is_none(script: Scripts):
    aws = script("rds")
    aws.fail("describe_db_cluster_snapshots", "DBClusterSnapshotNotFoundFault")
    assert rds_clusters.describe_snapshot(aws.client, "before-v1") is None
    describe(aws)
    assert rds_clusters.describe_snapshot(aws.client, "before-v1") is None
