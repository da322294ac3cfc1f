"""Google's token endpoint for service accounts and the Sheets API, version 4, below /google: as far as gspread calls it."""

import base64
import binascii
import json
import re
import time
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.aws.http.routes import QuickFlask
from sandbox.aws.http.server import hang_up
from sandbox.external_services.credentials import google_account, google_key_id, google_token
from sandbox.external_services.sheets.state import Rows, Sheets, Spreadsheet

SHEET = "/google/v4/spreadsheets/<name>"
AUDIENCE = "https://oauth2.googleapis.com/token"  # wherever the key says it is
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}
CELL = re.compile(r"([A-Za-z]+)([0-9]+)")
QUOTA = (
    "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
    "'sheets.googleapis.com' for consumer 'project_number:100000000001'."
)


class GoogleError(Exception):
    """An error of Google: status and message."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def make_google(sheets: Sheets) -> Flask:
    """Return the API as a WSGI application."""
    app = QuickFlask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True  # for hanging up
    _prepare(app, sheets)
    _values(app, sheets)

    @app.post("/google/token")
    def token() -> Any:
        connection = _signed_by(sheets, request.form.get("assertion", ""))
        if request.form.get("grant_type") != GRANT or connection is None:
            return jsonify(error="invalid_grant", error_description="Invalid JWT Signature."), 400
        return jsonify({"access_token": google_token(connection), "expires_in": 3599, "token_type": "Bearer"})

    @app.get(SHEET)
    def spreadsheet(name: str) -> Response:
        with sheets.lock:
            found = _find(sheets, name)
            return jsonify(
                spreadsheetId=found.id,
                properties={"title": found.title, "locale": "en_US", "timeZone": "America/New_York"},
                sheets=[
                    {"properties": _properties(number, found, title)} for number, title in enumerate(found.worksheets)
                ],
                spreadsheetUrl=f"https://docs.google.com/spreadsheets/d/{found.id}/edit",
            )

    return app


def _prepare(app: Flask, sheets: Sheets) -> None:
    def scope() -> str:
        return str((request.view_args or {}).get("name", ""))

    @app.before_request
    def admit() -> Any:
        if request.path == "/google/token":
            return None
        if fault := sheets.service_faults.injected("sheets_down", scope()):
            if fault.fields["status"] is None:
                hang_up(request.environ)
            return _error(fault.fields["status"], "The service is currently unavailable.")
        if sheets.service_faults.injected("sheets_rate_limit", scope()):
            return _error(429, QUOTA)
        if sheets.service_faults.injected("sheets_denied", scope()):
            return _error(403, "The caller does not have permission")
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        done = request.method in ("PUT", "POST") and request.path != "/google/token" and response.status_code < 300
        if done and sheets.service_faults.injected("sheets_lost_answer", scope()):
            hang_up(request.environ)
        return response

    @app.errorhandler(GoogleError)
    def refuse(error: GoogleError) -> Response:
        return _error(error.status, str(error))

    @app.errorhandler(HTTPException)
    def no_such_path(error: HTTPException) -> Response:
        return _error(error.code or 500, f"Requested entity was not found: {request.method} {request.path}")


def _values(app: Flask, sheets: Sheets) -> None:
    @app.get(f"{SHEET}/values/<path:place>")
    def read(name: str, place: str) -> Response:
        with sheets.lock:
            rows, title, (top, left, bottom, right) = _range(_find(sheets, name), place)
            shown = [list(row[left:right]) for row in rows[top:bottom]]
            while shown and not any(shown[-1]):
                shown.pop()  # as Google does
            return jsonify(range=f"{title}!A1:Z1000", majorDimension="ROWS", values=[_cut(row) for row in shown])

    @app.put(f"{SHEET}/values/<path:place>")
    def write(name: str, place: str) -> Response:
        with sheets.lock:
            found = _find(sheets, name)
            return jsonify(spreadsheetId=name, updatedRange=place, updatedCells=_write(found, place, _body()))

    @app.post(f"{SHEET}/values:batchUpdate")
    def write_several(name: str) -> Response:
        with sheets.lock:
            found, given = _find(sheets, name), _body()
            if given.get("valueInputOption") not in ("RAW", "USER_ENTERED"):
                raise GoogleError(400, "'valueInputOption' is required but not specified")
            ranges = [str(each.get("range", "")) for each in given.get("data", [])]
            for place in ranges:
                _range(found, place)  # all of it or nothing
            count = sum(_write(found, str(each["range"]), each) for each in given["data"])
            return jsonify(
                spreadsheetId=name, totalUpdatedCells=count, responses=[{"updatedRange": each} for each in ranges]
            )


def _error(status: int, message: str) -> Response:
    code = STATUSES.get(status, "UNAVAILABLE" if status == 503 else "INTERNAL")
    answer = jsonify(error={"code": status, "message": message, "status": code})
    answer.status_code = status
    return answer


def _body() -> dict[str, Any]:
    given = request.get_json(silent=True, force=True)
    if not isinstance(given, dict):
        raise GoogleError(400, "Invalid JSON payload received.")
    return given


def _signed_by(sheets: Sheets, assertion: str) -> str | None:
    """Return the connection whose key a JWT names, if it is one for Google's token endpoint that has not expired."""
    try:
        head, claims = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in assertion.split(".")[:2]
        )
        here = claims["aud"] == AUDIENCE and "spreadsheets" in str(claims["scope"])
        valid = here and int(claims["iat"]) - 300 < time.time() < int(claims["exp"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
    for connection in sheets.connections():
        if valid and claims.get("iss") == google_account(connection) and head.get("kid") == google_key_id(connection):
            return connection
    return None


def _find(sheets: Sheets, name: str) -> Spreadsheet:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    caller = next((connection for connection in sheets.connections() if google_token(connection) == given), None)
    if caller is None:
        raise GoogleError(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
            "authentication credential.",
        )
    found = sheets.spreadsheets.get(name)
    if found is None:
        raise GoogleError(404, "Requested entity was not found.")
    if caller not in found.connections:
        raise GoogleError(403, "The caller does not have permission")
    return found


def _properties(number: int, spreadsheet: Spreadsheet, title: str) -> dict[str, Any]:
    rows = spreadsheet.worksheets[title]
    grid = {"rowCount": max(1000, len(rows)), "columnCount": max(26, *map(len, rows))}
    return {"sheetId": number, "title": title, "index": number, "sheetType": "GRID", "gridProperties": grid}


def _range(spreadsheet: Spreadsheet, place: str) -> tuple[Rows, str, tuple[int, int, int, int]]:
    """Return a worksheet, its title, and the rectangle of a range in A1 notation: top, left, bottom, right."""
    name, _, cells = place.partition("!")
    title = name.strip("'").replace("''", "'")
    if title not in spreadsheet.worksheets:
        raise GoogleError(400, f"Unable to parse range: {place}")
    rows = spreadsheet.worksheets[title]
    if not cells:
        return rows, title, (0, 0, len(rows), max((len(row) for row in rows), default=0))
    ends = [CELL.fullmatch(each) for each in cells.split(":")]
    if not 1 <= len(ends) <= 2 or not all(ends):
        raise GoogleError(400, f"Unable to parse range: {place}")
    (top, left), (bottom, right) = (_cell(each) for each in (ends[0], ends[-1]))
    return rows, title, (top, left, bottom + 1, right + 1)


def _cell(match: Any) -> tuple[int, int]:
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _cut(row: list[str]) -> list[str]:
    """Return a row without the empty cells at its end, which Google leaves out."""
    return row[: max((number for number, cell in enumerate(row, 1) if cell), default=0)]


def _write(spreadsheet: Spreadsheet, place: str, given: dict[str, Any]) -> int:
    """Set the cells of a range. Return how many."""
    rows, _, (top, left, bottom, right) = _range(spreadsheet, place)
    values = given.get("values", [])
    if len(values) > bottom - top or any(len(row) > right - left for row in values):
        raise GoogleError(400, f"Requested writing within range [{place}], but tried writing to more of it.")
    for down, row in enumerate(values):
        while len(rows) <= top + down:
            rows.append([])
        line = rows[top + down]
        line.extend([""] * (left + len(row) - len(line)))
        line[left : left + len(row)] = [str(cell) for cell in row]
    return sum(map(len, values))
