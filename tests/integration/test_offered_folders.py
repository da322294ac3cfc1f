"""The folders that the page Choices offers for an update of region data, from the simulated S3."""

from datetime import UTC, datetime
from uuid import UUID

from include.region_data.offers import list_offered
from include.region_data.region_config import RegionConfig

BUCKET = "districtbuilder-staging-data"
RUNS_ON = "2020-09-09T19:50:10.921Z"


def config(code, folder=RUNS_ON, bucket=BUCKET, archived=False):
    uri, at = f"s3://{bucket}/regions/US/{code}/{folder}", datetime(2026, 11, 20, tzinfo=UTC)
    return RegionConfig(UUID(int=1), code, "US", code, uri, at, hidden=False, archived=archived)


def test_folders_beside_what_a_region_runs_on_are_entries_of_the_field(scene_of):
    s3 = scene_of("districtbuilder/staging").clients.s3
    for folder in ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", f"{RUNS_ON}-backup-2026-11-01"):
        s3.put_object(Bucket=BUCKET, Key=f"regions/US/MT/{folder}/topo.json", Body=b"{}")
    regions = [config("MT"), config("PA", bucket="somebody-elses"), config("MI", archived=True)]
    found = list_offered(s3, regions, [BUCKET])
    assert [each.uri for each in found] == [f"s3://{BUCKET}/regions/US/MT/2026-0{month}-01/" for month in (4, 3, 2)]
    assert found[0].entry == f'[{{"region": "US/MT", "data": "s3://{BUCKET}/regions/US/MT/2026-04-01/"}}]'
    assert {each.runs_on for each in found} == {RUNS_ON}
