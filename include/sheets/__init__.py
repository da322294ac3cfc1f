"""Google Sheets as far as runbooks need it: the sheet in which people track which data each region runs on."""

from include.sheets.worksheet import note_uris, open_worksheet

__all__ = ["note_uris", "open_worksheet"]
