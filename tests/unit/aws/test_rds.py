"""The gateway of RDS snapshots: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws import rds
from include.errors import PreconditionError
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NINE = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
MADE: dict[str, Any] = {
    "DBSnapshotIdentifier": "before-v1",
    "DBInstanceIdentifier": "core",
    "Status": "creating",
    "PercentProgress": 40,
    "SnapshotCreateTime": NINE,
}


def describe(aws: Script, *found: dict[str, Any]) -> None:
    aws.answer("describe_db_snapshots", {"DBSnapshotIdentifier": "before-v1"}, {"DBSnapshots": list(found)})


def test_snapshot_is_begun_of_the_instance(script: Scripts):
    aws = script("rds")
    asked = {"DBInstanceIdentifier": "core", "DBSnapshotIdentifier": "before-v1"}
    aws.answer("create_db_snapshot", asked, {"DBSnapshot": MADE})
    rds.create_snapshot(aws.client, "core", "before-v1").make()


@pytest.mark.parametrize("code", ["DBSnapshotAlreadyExists", "InvalidDBInstanceState"])
def test_snapshot_that_is_begun_already_is_no_failure(script: Scripts, code: str):
    aws = script("rds")
    aws.fail("create_db_snapshot", code)
    describe(aws, MADE)
    rds.create_snapshot(aws.client, "core", "before-v1").make()


def test_snapshot_of_another_instance_is_refused_naming_both(script: Scripts):
    aws = script("rds")
    aws.fail("create_db_snapshot", "DBSnapshotAlreadyExists")
    describe(aws, {**MADE, "DBInstanceIdentifier": "other"})
    with pytest.raises(
        PreconditionError, match=r"^Snapshot before-v1 is of database instance other, not of core; start"
    ):
        rds.create_snapshot(aws.client, "core", "before-v1").make()


def test_instance_that_is_not_there_is_refused(script: Scripts):
    aws = script("rds")
    aws.fail("create_db_snapshot", "DBInstanceNotFound")
    with pytest.raises(PreconditionError, match=r"^There is no database instance core in this account and region"):
        rds.create_snapshot(aws.client, "core", "before-v1").make()


def instance(**different: Any) -> dict[str, Any]:
    return {"DBInstances": [{"DBInstanceIdentifier": "core", "DBInstanceStatus": "available", **different}]}


def quota(used: int) -> dict[str, Any]:
    return {"AccountQuotas": [{"AccountQuotaName": "ManualSnapshots", "Used": used, "Max": 100}]}


@pytest.mark.parametrize(
    ("found", "used", "sentence"),
    [
        (
            instance(DBClusterIdentifier="aurora-core"),
            None,
            r"^Database instance core is a member of cluster aurora-core",
        ),
        (
            instance(DBInstanceStatus="stopped"),
            None,
            r"^Database instance core is stopped, and RDS makes a snapshot only",
        ),
        (instance(), 100, r"^This account has 100 manual snapshots of databases and may have 100; delete some"),
    ],
)
def test_snapshot_that_rds_would_refuse_is_refused_by_the_plan(
    script: Scripts, found: dict[str, Any], used: int | None, sentence: str
):
    aws = script("rds")
    aws.answer("describe_db_instances", {"DBInstanceIdentifier": "core"}, found)
    if used is not None:
        aws.answer("describe_account_attributes", {}, quota(used))
    with pytest.raises(PreconditionError, match=sentence):
        rds.ensure_snapshot_possible(aws.client, "core")


def test_snapshot_is_possible_below_the_quota_and_where_nobody_may_ask_for_it(script: Scripts):
    aws = script("rds")
    aws.answer("describe_db_instances", {"DBInstanceIdentifier": "core"}, instance())
    aws.answer("describe_account_attributes", {}, quota(99))
    rds.ensure_snapshot_possible(aws.client, "core")
    aws.answer("describe_db_instances", {"DBInstanceIdentifier": "core"}, instance())
    aws.fail("describe_account_attributes", "AccessDenied")
    rds.ensure_snapshot_possible(aws.client, "core")
    aws.fail("describe_db_instances", "DBInstanceNotFound")
    with pytest.raises(PreconditionError, match=r"^There is no database instance core"):
        rds.ensure_snapshot_possible(aws.client, "core")


def test_instance_that_is_busy_is_refused_with_what_rds_says(script: Scripts):
    aws = script("rds")
    aws.fail("create_db_snapshot", "InvalidDBInstanceState", "it is stopped")
    aws.fail("describe_db_snapshots", "DBSnapshotNotFound")
    with pytest.raises(PreconditionError, match=r"of database instance core now \(it is stopped\); wait until"):
        rds.create_snapshot(aws.client, "core", "before-v1").make()


def test_snapshot_says_how_far_it_is(script: Scripts):
    aws = script("rds")
    describe(aws, MADE)
    assert rds.describe_snapshot(aws.client, "before-v1") == rds.Snapshot("core", "creating", 40, NINE)


def test_snapshot_that_has_hardly_begun_has_no_time_yet(script: Scripts):
    aws = script("rds")
    describe(aws, {"DBInstanceIdentifier": "core", "Status": "creating"})
    assert rds.describe_snapshot(aws.client, "before-v1") == rds.Snapshot("core", "creating", 0, None)


def test_snapshot_that_is_not_there_is_none(script: Scripts):
    aws = script("rds")
    aws.fail("describe_db_snapshots", "DBSnapshotNotFound")
    assert rds.describe_snapshot(aws.client, "before-v1") is None
    describe(aws)
    assert rds.describe_snapshot(aws.client, "before-v1") is None
