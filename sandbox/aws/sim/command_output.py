"""The output of the pretend images' commands, printed before they succeed."""

from collections.abc import Sequence

PAGES = ("/lettings-logs", "/sales-logs", "/organisations", "/users", "/lettings-logs/new")  # the script measures these
REQUESTS, AT_ONCE = 50, 50
MILLISECONDS = 24.0  # a request, across all concurrent ones


def lines(command: Sequence[str], milliseconds: float | None = None) -> list[str]:
    """Return the lines of a command; `milliseconds` is how long a page takes where a fault slows it down."""
    if any("performance_test" in word for word in command):
        each = MILLISECONDS if milliseconds is None else milliseconds
        return [line for page in PAGES for line in _measured(page, each)]
    if any(word in ("db:migrate", "migration:run") for word in command):
        return ["== AddLabelsToLogs: migrating", "== AddLabelsToLogs: migrated (0.4 s)"]
    return []


def _measured(page: str, milliseconds: float) -> list[str]:
    """Return a report in the form of ApacheBench's, as far as anybody reads it."""
    return [
        f"Document Path:          {page}",
        f"Concurrency Level:      {AT_ONCE}",
        f"Complete requests:      {REQUESTS}",
        "Failed requests:        0",
        f"Requests per second:    {1000 / milliseconds:.2f} [#/sec] (mean)",
        f"Time per request:       {milliseconds * AT_ONCE:.3f} [ms] (mean)",
        f"Time per request:       {milliseconds:.3f} [ms] (mean, across all concurrent requests)",
    ]
