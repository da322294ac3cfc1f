"""A person's request for a data update, checked against the existing regions: refused in one sentence, or understood."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from include.errors import PreconditionError
from include.region_data.region_config import RegionConfig
from include.region_data.request import MOST, Update, match_publications, match_regions, read_requests

BUCKETS = {"maps-data"}
NEW = "s3://maps-data/new/US/PA/2026-11-20T10:00:00/"


def config(region: str, uri: str | None = None, *, archived: bool = False, number: int = 1) -> RegionConfig:
    country, code = region.split("/")
    uri = uri or f"s3://maps-data/regions/{region}/2025-01-01T00:00:00/"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return RegionConfig(UUID(int=number), code, country, code, uri, at, hidden=False, archived=archived)


def updates(*requests: tuple[str, str], known: list[RegionConfig]) -> tuple[Update, ...]:
    return match_regions(read_requests([{"region": r, "data": d} for r, d in requests], BUCKETS), known)


def test_region_is_matched_with_its_row_and_its_backup_lies_beside_it():
    (update,) = updates(("US/PA", NEW), known=[config("US/PA"), config("US/DE", number=2)])
    assert update.config.region == "US/PA"
    assert update.existing.uri == "s3://maps-data/regions/US/PA/2025-01-01T00:00:00/"
    assert update.backup("2026-11-21").uri == "s3://maps-data/regions/US/PA/2025-01-01T00:00:00-backup-2026-11-21/"
    assert update.backup("2026-11-21", "run-2").uri.endswith("-backup-2026-11-21-run-2/")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "regions is empty; give a list"),
        (None, "regions is empty; give a list"),
        ("US/PA", "regions is empty; give a list"),
        (
            [{"region": f"US/R{n}", "data": NEW} for n in range(MOST + 1)],
            "regions has 61 entries, and one run takes 60",
        ),
        (["US/PA"], "Entry 1 of regions is 'US/PA'; it needs exactly region and data"),
        ([{"region": "US/PA"}], "it needs exactly region and data"),
        (
            [{"region": "US/PA", "data": NEW, "note": ""}],
            "Entry 1 of regions has 'note'; it takes region and data, and name for a region that does not exist yet.",
        ),
        ([{"region": "US/PA", "s3_uri": NEW}], "sets s3_uri to 's3://maps-data/"),
        ([{"region": "us/pa", "data": NEW}], "names 'us/pa'; a region is named like US/PA"),
        ([{"region": "US/PA'--", "data": NEW}], "a region is named like US/PA"),
        ([{"region": 7, "data": NEW}], "names 7; a region is named like US/PA"),
        ([{"region": "US/PA", "data": 7}], "The data of US/PA is 7; give the URI"),
        (
            [{"region": "US/PA", "data": "s3://elsewhere/new/"}],
            "is in bucket elsewhere, which the inventory does not list",
        ),
        ([{"region": "US/PA", "data": "s3://maps-data/new\u2013data/"}], "EN DASH"),
        ([{"region": "US/PA", "data": " s3://maps-data/new/"}], "SPACE"),
        ([{"region": "US/PA", "data": "s3://maps-data"}], "means the whole bucket"),
        ([{"region": "US/PA", "data": "http://169.254.169.254/"}], "is no URI of an S3 folder"),
        ([{"region": "US/VT", "data": NEW, "name": ""}], "The name of US/VT is ''; give one such as Vermont"),
        ([{"region": "US/VT", "data": NEW, "name": "Ver\nmont"}], r"The name of US/VT is 'Ver\nmont'; give one"),
        ([{"region": "US/PA", "data": NEW}] * 2, "Region US/PA is listed twice"),
    ],
)
def test_request_that_makes_no_sense_is_refused(given: object, sentence: str):
    with pytest.raises(PreconditionError) as refused:
        read_requests(given, BUCKETS)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("requests", "known", "sentence"),
    [
        ([("US/PB", NEW)], [config("US/PA")], r"has no region US/PB \(did you mean US/PA\?\); it has US/PA"),
        ([("US/PA", NEW)], [config("US/PA", archived=True)], "Region US/PA is archived"),
        ([("US/PA", NEW)], [config("US/PA"), config("US/PA", number=2)], "has 2 regions US/PA that are not archived"),
        ([("US/PA", NEW)], [config("US/PA", NEW)], "would be copied onto itself"),
        ([("US/PA", NEW)], [config("US/PA", f"{NEW}old/")], "lie one in the other, so a copy would not end"),
        (
            [("US/PA", NEW)],
            [config("US/PA", "file:///data")],
            "The s3_uri of region US/PA in the database cannot be used",
        ),
        (
            [("US/PA", NEW), ("US/DE", "s3://maps-data/new/US/DE/")],
            [config("US/PA"), config("US/DE", "s3://maps-data/regions/US/PA/2025-01-01T00:00:00/deep/", number=2)],
            "The data of US/PA and US/DE lie one in the other",
        ),
        (
            [("US/PA", "s3://maps-data/regions/US/DE/2025-01-01T00:00:00/"), ("US/DE", "s3://maps-data/new/US/DE/")],
            [config("US/PA"), config("US/DE", number=2)],
            "is what US/DE runs on, which this run overwrites",
        ),
    ],
)
def test_update_that_would_lose_or_mix_data_is_refused(
    requests: list[tuple[str, str]], known: list[RegionConfig], sentence: str
):
    with pytest.raises(PreconditionError, match=sentence):
        updates(*requests, known=known)


def test_folder_whose_name_only_begins_like_another_is_another():
    known = [
        config("US/PA", "s3://maps-data/regions/US/PA"),
        config("US/PAX", "s3://maps-data/regions/US/PAX", number=2),
    ]
    assert len(updates(("US/PA", NEW), ("US/PAX", "s3://maps-data/new/US/PAX"), known=known)) == 2


def test_name_makes_a_region_one_that_is_published_and_no_update():
    requests = read_requests([{"region": "US/VT", "data": NEW, "name": "Vermont"}], BUCKETS)
    (new,) = match_publications(requests, [config("US/PA"), config("US/VT", archived=True, number=2)])
    assert (new.region, new.name, new.data.uri) == ("US/VT", "Vermont", NEW)
    assert match_regions(requests, [config("US/PA")]) == ()


def test_two_regions_never_share_new_data():
    requests = read_requests(
        [{"region": "US/PA", "data": NEW}, {"region": "US/VT", "data": f"{NEW}more/", "name": "Vermont"}], BUCKETS
    )
    with pytest.raises(PreconditionError, match=r"^US/PA and US/VT would get the same data"):
        match_publications(requests, [config("US/PA")])
