"""Google Sheets through gspread: open a worksheet with a service account's key, and write the URIs of regions into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from include.errors import PreconditionError, ServiceUnavailableError
from include.external_services import ask, explain, over_http
from include.inventory.region_data import Sheet
from include.sheets.rows import cells_to_set

if TYPE_CHECKING:
    from gspread.worksheet import Worksheet

GOOGLE = "https://sheets.googleapis.com"  # the prefix of gspread's URLs; gspread has no setting for it
SCOPES = ("https://www.googleapis.com/auth/spreadsheets",)
TIMEOUT = 10.0  # seconds; gspread would wait for ever


def open_worksheet(keyfile: Mapping[str, Any], sheet: Sheet, api_root: str = GOOGLE) -> Worksheet:
    """Return the worksheet, opened with a service account's key. Raises: PreconditionError, ServiceUnavailableError."""
    import gspread
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account
    from gspread.http_client import HTTPClient
    from gspread.spreadsheet import Spreadsheet

    class Client(HTTPClient):
        def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> Any:
            return super().request(method, endpoint.replace(GOOGLE, api_root.rstrip("/"), 1), *args, **kwargs)

    class Credentials(service_account.Credentials):
        def _after_refresh(self, *_: Any) -> None:
            """Skip the look-up of the account's allowed locations: it calls another Google service, and Sheets does not need it."""

    try:
        credentials = Credentials.from_service_account_info(keyfile, scopes=SCOPES)  # type: ignore[no-untyped-call]  # google-auth's
    except (ValueError, TypeError, KeyError) as error:
        raise PreconditionError(
            f"The key in the Airflow connection {sheet.connection} is no service account's; put the JSON file that Google gave "
            "out into its extra, as keyfile_dict."
        ) from error
    session = AuthorizedSession(credentials, refresh_timeout=TIMEOUT)  # type: ignore[no-untyped-call]  # as above
    client = Client(credentials, session)
    client.set_timeout(TIMEOUT)

    def look() -> Worksheet:
        with over_google(sheet):
            return Spreadsheet(client, {"id": sheet.spreadsheet}).worksheet(sheet.worksheet)

    try:
        return ask(look)
    except gspread.WorksheetNotFound as error:
        raise PreconditionError(
            f"Spreadsheet {sheet.spreadsheet} has no worksheet {sheet.worksheet!r}; correct its name there or in the inventory."
        ) from error


def note_uris(worksheet: Worksheet, sheet: Sheet, uris: Mapping[str, str]) -> str:
    """Write each region's URI into its row. Return what was written, in words. URIs that are there already stay.

    Nothing is written unless every region has a row. Raises: PreconditionError, ServiceUnavailableError.
    """
    cells = _missing(worksheet, sheet, uris)
    there = [region for region in uris if region not in cells]
    if cells:
        _write(worksheet, sheet, {cells[region]: uris[region] for region in cells}, uris)
    said = [f"set for {', '.join(cells)}"] if cells else []
    said += [f"there already for {', '.join(there)}"] if there else []
    return f"{sheet.uri!r} in worksheet {sheet.worksheet!r} was {' and '.join(said) or 'asked for no region'}."


def _write(worksheet: Worksheet, sheet: Sheet, cells: Mapping[str, str], uris: Mapping[str, str]) -> None:
    away: ServiceUnavailableError | None = None
    try:
        with over_google(sheet):
            worksheet.batch_update([{"range": cell, "values": [[uri]]} for cell, uri in cells.items()], raw=True)
    except ServiceUnavailableError as error:
        away = error  # perhaps only the answer was lost
    if left := _missing(worksheet, sheet, uris):
        raise away or ServiceUnavailableError(
            f"Worksheet {sheet.worksheet!r} does not say what was just written for {', '.join(left)}: somebody moved its rows "
            f"meanwhile; look at what stands in {', '.join(cells)}, and try again."
        )


def _missing(worksheet: Worksheet, sheet: Sheet, uris: Mapping[str, str]) -> dict[str, str]:
    def look() -> list[list[str]]:
        with over_google(sheet):
            return [[str(cell) for cell in row] for row in worksheet.get_all_values()]

    return cells_to_set(ask(look), sheet, uris)


@contextmanager
def over_google(sheet: Sheet) -> Iterator[None]:
    """Translate what gspread and google-auth raise. Raises: ServiceUnavailableError, PreconditionError."""
    from google.auth.exceptions import GoogleAuthError, TransportError
    from gspread.exceptions import APIError

    service, thing = "Google Sheets", f"spreadsheet {sheet.spreadsheet}"
    try:
        with over_http(service, thing):
            yield
    except APIError as error:
        answer = error.response
        html = "html" in answer.headers.get("Content-Type", "")  # an HTML page of something else, such as a proxy
        said = str(answer.reason or "") if html else str(error.error.get("message", ""))
        raise explain(service, thing, answer.status_code, said, answer.headers) from error
    except GoogleAuthError as error:
        if isinstance(error, TransportError) or error.retryable:
            raise ServiceUnavailableError(
                f"Google did not let anybody in to {thing} ({error.args[0]}); try again."
            ) from error
        raise PreconditionError(
            f"Google does not know the service account of the Airflow connection {sheet.connection} ({error.args[0]}); put a key "
            "that is valid into its extra, as keyfile_dict."
        ) from error
