"""The cells of a sheet that people edit."""

import pytest

from include.errors import PreconditionError
from include.inventory.region_data import Sheet
from include.sheets.rows import cells_to_set

SHEET = Sheet(
    spreadsheet="1-regions-of-everybody", worksheet="Regions", uri="production s3 url", connection="google_sheets_maps"
)
ROWS = [
    ["region", "production s3 url", "updated"],
    ["US/CO", "s3://b/co/", "2020"],
    ["US/PA"],
]


def test_only_what_is_not_there_yet_is_set():
    assert cells_to_set(ROWS, SHEET, {"US/PA": "s3://b/pa/", "US/CO": "s3://b/co/"}) == {"US/PA": "B3"}


def test_columns_may_have_moved_and_be_written_a_little_differently():
    rows = [["Updated", "note", *[""] * 24, "Production  S3 URL", " Region "], ["", "", *[""] * 25, "us/pa "]]
    assert cells_to_set(rows, SHEET, {"US/PA": "s3://b/pa/"}) == {"US/PA": "AA2"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no column 'region' (its headings are: none)"),
        ([["region", "url"]], "no column 'production s3 url' (its headings are: 'region', 'url')"),
        ([["region", "region", "production s3 url"]], "2 columns 'region'"),
        ([*ROWS, ["US/PA", "x"]], "Region US/PA stands in rows 3, 4 of worksheet 'Regions'"),
        (ROWS[:2], "Region US/PA stands in no row of worksheet 'Regions'"),
    ],
)
def test_a_sheet_that_is_not_as_it_was_is_refused_with_what_is_wrong(rows, words):
    with pytest.raises(PreconditionError) as refused:
        cells_to_set(rows, SHEET, {"US/PA": "s3://b/pa/"})
    assert words in str(refused.value)
    assert "correct" in str(refused.value)


def test_heading_is_no_region():
    with pytest.raises(PreconditionError, match="stands in no row"):
        cells_to_set([["US/PA", "production s3 url", "region"]], SHEET, {"region": "s3://b/pa/"})
