"""Which data each region's folders hold, for a person who has to decide after a failure."""

from types import SimpleNamespace

from include.region_data.plan import RegionDataPlan, RegionPublication, RegionUpdate
from include.region_data.restore import states_of_regions
from include.run import documents
from include.run.journal import add_event
from include.run.store import RunStore
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
RUN = "region_data_update/manual-1"
OLD, KEPT = "s3://maps/US/PA/", "s3://maps/backup/US/PA/"
UPDATE = RegionUpdate(
    region="US/PA",
    id="1",
    version="2026-11-20T14:00:00+00:00",
    existing=OLD,
    data="s3://maps/new/US/PA/",
    backup=KEPT,
    objects=3,
    bytes=30,
    kept=3,
    stale=0,
    digest="new",
    kept_digest="old",
)
NEW = RegionPublication(
    region="US/VT", name="Vermont", id="2", data="s3://maps/new/US/VT/", objects=3, bytes=30, digest="new"
)
PLAN = RegionDataPlan(
    runbook="region_data_update",
    target="districtbuilder/staging",
    account="222222222221",
    region="us-east-1",
    changes=(),
    expected_seconds=60,
    regions=(UPDATE,),
    publications=(NEW,),
    remove_stale=False,
    services=(),
)


def test_states_follow_what_is_on_record(store: RunStore):
    def states() -> list[str]:
        return states_of_regions(SimpleNamespace(store=store, run=RUN), PLAN)

    assert states() == [f"US/PA: {OLD} is untouched; a backup at {KEPT} is not complete"]
    store.add(*documents.backup(RUN, "US/PA"), {"digest": "old"})
    assert states() == [f"US/PA: {OLD} is untouched; its old data is at {KEPT}, proved"]
    add_event(store, RUN, "overwrite_data", "intent", "s3.CopyObject", {"on": [OLD]})
    assert states() == [f"US/PA: {OLD} may hold old and new objects, each whole; its old data is at {KEPT}, proved"]
    store.add(*documents.data(RUN, "US/PA"), {"digest": "new"})
    assert states() == [f"US/PA: {OLD} holds its new data, proved; its old data is at {KEPT}, proved"]
    store.add(*documents.mark(RUN, "way-back"), {"at": "2026-11-20T15:00:00+00:00"})
    assert states() == [f"US/PA: {OLD} may hold old and new objects, each whole; its old data is at {KEPT}, proved"]
    store.add(*documents.restored(RUN, "US/PA"), {"at": "2026-11-20T16:00:00+00:00"})
    assert states() == [f"US/PA: {OLD} holds its old data again, proved, which is at {KEPT} as well"]
