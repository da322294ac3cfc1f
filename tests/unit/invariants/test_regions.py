"""An update of region data in the log and the journal: a correct history passes, and each falsified one is caught."""

import pytest

from tests.unit.invariants.history_builder import RUN, HistoryBuilder

EXISTING, DATA = "s3://maps-data/regions/US/PA/2025/", "s3://maps-data/regions/US/PA/2026/"
BACKUP = "s3://maps-data/regions/US/PA/2025-backup-2026-11-21/"
ID, VERSION = "7d0b", "2026-11-21T12:00:00+00:00"


class UpdateHistoryBuilder(HistoryBuilder):
    """A backup, the new data, the restart, an answer, a version. Every part can be falsified or left out."""

    def __init__(self) -> None:
        super().__init__()
        region = {"region": "US/PA", "id": ID, "existing": EXISTING, "data": DATA, "backup": BACKUP, "digest": "d1"}
        self.plan |= {"runbook": "region_data_update", "regions": [region]}

    def copy(self, folder: str, key: str = "topo.json") -> None:
        number = self.intend("s3.CopyObject", [folder])
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        self.call("s3", "CopyObject", {"Bucket": bucket, "Key": prefix + key, "CopySource": "elsewhere"})
        self.event("done", "s3.CopyObject", intent=number)

    def keep(self, sk: str, **document: object) -> None:
        self.put(f"run#{RUN}", sk, {"at": self.now.isoformat(), **document})

    def bump(self, *, attempt: str = "update", version: str = VERSION, on: str = ID) -> None:
        number = self.intend("postgresql.UPDATE", [on], attempt=attempt, version=version)
        self.event("done", "postgresql.UPDATE", intent=number)

    def replace(self, *, proved: bool = True) -> None:
        self.copy(BACKUP)
        if proved:
            self.keep("backup#US/PA", digest="d0")
        self.copy(EXISTING)

    def give_up(self) -> None:
        """End with the services as they were."""
        self.wait(1)
        self.swap(owner=None, confirmed_plan=None)
        self.record("failed")

    def update(self) -> "UpdateHistoryBuilder":
        self.begin()
        self.replace()
        self.keep("data#US/PA", digest="d1")
        self.scale_out()
        self.stop_old()
        self.keep("look#US/PA", good=True)
        self.bump()
        self.end()
        return self


@pytest.fixture
def builder() -> UpdateHistoryBuilder:
    return UpdateHistoryBuilder()


def test_update_that_keeps_every_promise_passes(builder: UpdateHistoryBuilder):
    assert builder.update().violations() == []


def test_data_overwritten_without_a_proved_backup_is_found(builder: UpdateHistoryBuilder):
    builder.begin()
    builder.replace(proved=False)
    builder.give_up()
    assert builder.broken() == {"I1"}


def test_copy_nobody_announced_is_found(builder: UpdateHistoryBuilder):
    builder.begin()
    builder.copy(BACKUP)
    builder.call("s3", "CopyObject", {"Bucket": "maps-data", "Key": "regions/US/MI/2025/topo.json"})
    builder.give_up()
    assert builder.broken() == {"I20"}


def test_folder_that_only_begins_like_the_announced_one_is_another(builder: UpdateHistoryBuilder):
    builder.begin()
    number = builder.intend("s3.CopyObject", [EXISTING])
    builder.call("s3", "CopyObject", {"Bucket": "maps-data", "Key": "regions/US/PA/2025-backup-2026-11-21/topo.json"})
    builder.event("done", "s3.CopyObject", intent=number)
    builder.give_up()
    assert builder.broken() == {"I20"}


def test_backup_written_after_it_was_proved_is_found(builder: UpdateHistoryBuilder):
    builder.begin()
    builder.replace()
    builder.copy(BACKUP)
    builder.give_up()
    assert builder.broken() == {"I2"}


def test_backup_from_which_something_is_removed_is_found(builder: UpdateHistoryBuilder):
    builder.begin()
    number = builder.intend("s3.DeleteObjects", [BACKUP])
    builder.call("s3", "DeleteObjects", {"Bucket": "maps-data"})
    builder.event("done", "s3.DeleteObjects", intent=number)
    builder.give_up()
    assert builder.broken() == {"I2"}


@pytest.mark.parametrize("digest", ["d2", None])
def test_other_data_than_was_approved_or_data_nobody_proved_is_found(builder: UpdateHistoryBuilder, digest: str | None):
    builder.begin()
    builder.replace()
    if digest:
        builder.keep("data#US/PA", digest=digest)
    builder.scale_out()
    builder.stop_old()
    builder.end()
    assert builder.broken() == {"I3"}


def test_version_before_anybody_found_the_data_good_is_found(builder: UpdateHistoryBuilder):
    builder.begin()
    builder.replace()
    builder.keep("data#US/PA", digest="d1")
    builder.bump()
    builder.keep("look#US/PA", good=True)
    builder.give_up()
    assert builder.broken() == {"I12"}


def test_version_while_old_tasks_still_run_is_found(builder: UpdateHistoryBuilder):
    builder.begin()
    builder.replace()
    builder.keep("data#US/PA", digest="d1")
    builder.scale_out()
    builder.keep("look#US/PA", good=True)
    builder.bump()
    builder.stop_old()
    builder.end()
    assert builder.broken() == {"I12"}


def test_two_versions_in_one_direction_or_one_for_another_region_are_found(builder: UpdateHistoryBuilder):
    builder.begin()
    builder.keep("look#US/PA", good=True)
    builder.bump()
    builder.bump(version="2026-11-21T12:00:01+00:00")
    builder.bump(attempt="way back", on="another")
    builder.give_up()
    said = [violation.text for violation in builder.violations()]
    assert len(said) == 2
    assert any("set 2 versions in its update" in each for each in said)
    assert any("gave another a version, which its plan does not name" in each for each in said)
