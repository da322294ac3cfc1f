"""The gateway of Google Sheets over HTTP, with the worksheet that a step gets from its connection."""

import json
import os
import threading
from functools import partial
from urllib.parse import urlsplit

import pytest
import requests

from include import external_services as include_external_services
from include.errors import PreconditionError, ServiceUnavailableError
from include.inventory import load
from include.sheets import note_uris
from opskit.connections.external_services import open_worksheet
from sandbox.aws.state.published_regions import PUBLISHED, REGIONS
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import control_of, inject_fault, reach, serve

SHEET = load().target("districtbuilder/production").environment.region_data.sheet
URIS = {"US/PA": "s3://districtbuilder-production-data/regions/US/PA/new/", "US/CO": "s3://elsewhere/"}


@pytest.fixture(scope="module")
def place(server):
    external_services = ExternalServices.of(load(), server.world)
    with serve(server.world, external_services) as http:
        yield external_services, http


@pytest.fixture
def sheets(place, bare, monkeypatch):
    external_services, http = place
    external_services.clear()
    reach(monkeypatch, http)
    monkeypatch.setattr(include_external_services, "UNTOLD", 0.05)
    return external_services.sheets


@pytest.fixture
def rows(sheets):
    return sheets.spreadsheets[SHEET.spreadsheet].worksheets[SHEET.worksheet]


@pytest.fixture
def inject(bare, place, sheets):
    control = control_of(bare, load(), place[0])
    return partial(inject_fault, control, target="districtbuilder/staging")


def noted(rows, region):
    return next(row for row in rows if row[0] == region)[1]


def test_sheet_says_at_first_what_production_runs_on(rows):
    assert rows[0] == ["region", "production s3 url", "updated"]
    assert [row[0] for row in rows[1:]] == list(REGIONS)
    assert noted(rows, "US/PA") == f"s3://districtbuilder-production-data/regions/US/PA/{PUBLISHED}/"


def test_regions_get_their_uris_and_the_rest_stays(rows):
    before = [list(row) for row in rows]
    said = note_uris(open_worksheet(SHEET), SHEET, URIS)
    assert said == "'production s3 url' in worksheet 'Regions' was set for US/PA, US/CO."
    changed = {row[0]: row[1] for row, old in zip(rows, before, strict=True) if row != old}
    assert changed == URIS
    assert [row[2] for row in rows] == [row[2] for row in before]


def test_what_is_there_already_is_not_written_again(rows, inject):
    note_uris(open_worksheet(SHEET), SHEET, URIS)
    lost = inject("sheets_lost_answer")
    said = note_uris(open_worksheet(SHEET), SHEET, URIS)
    assert said == "'production s3 url' in worksheet 'Regions' was there already for US/PA, US/CO."
    assert lost() == 0


def test_columns_are_found_by_their_headings(sheets, rows):
    moved = [[row[2], "", *[""] * 25, row[1], row[0]] for row in rows]
    sheets.spreadsheets[SHEET.spreadsheet].worksheets[SHEET.worksheet] = moved
    note_uris(open_worksheet(SHEET), SHEET, URIS)
    assert {row[-1]: row[-2] for row in moved if row[-1] in URIS} == URIS


def test_nothing_is_written_unless_every_region_has_a_row(rows):
    before = [list(row) for row in rows]
    with pytest.raises(PreconditionError, match="US/ZZ stands in no row"):
        note_uris(open_worksheet(SHEET), SHEET, {**URIS, "US/ZZ": "s3://x/"})
    assert rows == before


def test_an_answer_that_is_lost_is_found_in_the_sheet(rows, inject):
    worksheet = open_worksheet(SHEET)
    lost = inject("sheets_lost_answer")
    assert "set for US/PA" in note_uris(worksheet, SHEET, {"US/PA": "s3://x/"})
    assert lost() == 1
    assert noted(rows, "US/PA") == "s3://x/"


@pytest.mark.parametrize(
    ("kind", "fields"), [("sheets_down", {"status": 503}), ("sheets_down", {}), ("sheets_rate_limit", {})]
)
def test_google_that_is_away_for_a_moment_is_asked_again(rows, inject, kind, fields):
    fault = inject(kind, times=1, **fields)
    assert "set for US/PA" in note_uris(open_worksheet(SHEET), SHEET, {"US/PA": "s3://x/"})
    assert fault() == 1


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("sheets_down", {"status": 503}, "did not answer about spreadsheet"),
        ("sheets_down", {}, "cannot be reached about spreadsheet"),
        ("sheets_rate_limit", {"times": 10_000}, "takes no more calls for now"),
    ],
)
def test_google_that_stays_away_is_said_to_be(rows, inject, kind, fields, words):
    before = [list(row) for row in rows]
    worksheet = open_worksheet(SHEET)
    fault = inject(kind, **fields)
    with pytest.raises(ServiceUnavailableError, match=words):
        note_uris(worksheet, SHEET, URIS)
    assert fault() > 1
    assert rows == before


def test_a_sheet_that_is_not_shared_is_refused(rows, inject):
    denied = inject("sheets_denied")
    with pytest.raises(PreconditionError, match="does not allow that"):
        open_worksheet(SHEET)
    assert denied() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spreadsheet": "1-nobody-has-this-sheet"}, "has no spreadsheet 1-nobody-has-this-sheet"),
        ({"worksheet": "Counties"}, "has no worksheet 'Counties'"),
        ({"connection": "google_sheets_nobody"}, "no usable Airflow connection google_sheets_nobody"),
    ],
)
def test_a_sheet_that_is_not_there_is_named(sheets, change, words):
    with pytest.raises(PreconditionError, match=words):
        open_worksheet(SHEET.model_copy(update=change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"private_key_id": "withdrawn"}, "does not know the service account"),
        ({"private_key": "no key"}, "is no service account's"),
    ],
)
def test_a_key_that_is_not_valid_is_said_to_be(sheets, monkeypatch, change, words):
    name = f"AIRFLOW_CONN_{SHEET.connection.upper()}"
    given = json.loads(os.environ[name])
    given["extra"]["keyfile_dict"] |= change
    monkeypatch.setenv(name, json.dumps(given))
    with pytest.raises(PreconditionError, match=words):
        open_worksheet(SHEET)


def test_nobody_but_the_connections_google_is_asked(sheets, monkeypatch):
    asked = set()
    send = requests.Session.send

    def note(session, request, **options):
        asked.add(urlsplit(request.url).hostname)
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", note)
    note_uris(open_worksheet(SHEET), SHEET, URIS)
    for thread in threading.enumerate():
        if thread.daemon and "Boundary" in type(thread).__name__:
            thread.join(10)
    assert asked == {"127.0.0.1"}
