"""Cells of a sheet that people edit: columns are found by their headings, and regions by the text in their column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from include.errors import PreconditionError
from include.inventory.region_data import Sheet

Rows = Sequence[Sequence[str]]


def cells_to_set(rows: Rows, sheet: Sheet, uris: Mapping[str, str]) -> dict[str, str]:
    """Return the cells, such as C5, that do not hold their region's URI yet, by region. Raises: PreconditionError."""
    headings = [_plain(heading) for heading in rows[0]] if rows else []
    regions, column = _column(headings, sheet, sheet.region), _column(headings, sheet, sheet.uri)
    found: dict[str, str] = {}
    for region, uri in uris.items():
        row = _row(rows, regions, sheet, region)
        if _at(rows[row], column).strip() != uri:
            found[region] = f"{_letters(column)}{row + 1}"
    return found


def _column(headings: list[str], sheet: Sheet, heading: str) -> int:
    count = headings.count(_plain(heading))
    if count == 1:
        return headings.index(_plain(heading))
    known = ", ".join(repr(each) for each in headings if each) or "none"
    problem = f"has {count} columns {heading!r}" if count else f"has no column {heading!r} (its headings are: {known})"
    raise PreconditionError(
        f"Worksheet {sheet.worksheet!r} of spreadsheet {sheet.spreadsheet} {problem}; "
        "correct its first row, or the headings in the inventory."
    )


def _row(rows: Rows, column: int, sheet: Sheet, region: str) -> int:
    found = [number for number, row in enumerate(rows) if number and _plain(_at(row, column)) == _plain(region)]
    if len(found) == 1:
        return found[0]
    where = f"in rows {', '.join(str(number + 1) for number in found)}" if found else "in no row"
    raise PreconditionError(
        f"Region {region} stands {where} of worksheet {sheet.worksheet!r} of spreadsheet {sheet.spreadsheet}, where it needs "
        f"one of its own; correct the column {sheet.region!r} there."
    )


def _at(row: Sequence[str], column: int) -> str:
    """Return a cell. Google omits empty cells at the end of a row."""
    return str(row[column]) if column < len(row) else ""


def _plain(text: str) -> str:
    return " ".join(str(text).split()).casefold()


def _letters(column: int) -> str:
    """Return the name of a column: A, B, ... Z, AA."""
    letters, number = "", column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
