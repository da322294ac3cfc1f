"""Tickets in Jira, through the client of Airflow's Jira hook. Each change is absolute, and made only where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from requests import HTTPError

from include.errors import PreconditionError, ServiceUnavailableError
from include.external_services import ask, over_http

if TYPE_CHECKING:
    from atlassian import Jira

T = TypeVar("T")
FIELDS = "status,labels"


@dataclass(frozen=True)
class Ticket:
    """One ticket. `url` is its page in Jira."""

    key: str
    status: str
    labels: tuple[str, ...]
    url: str


@dataclass(frozen=True)
class Found:
    """The tickets found, and the keys without a visible ticket: deleted, restricted or misspelt ones."""

    tickets: tuple[Ticket, ...]
    missing: tuple[str, ...]


def get_tickets(client: Jira, keys: Iterable[str]) -> Found:
    """Return tickets by key, with one call each: a search for several fails as a whole if one of them does not exist.

    A ticket that was moved to another project keeps its place under its new key. Raises: PreconditionError,
    ServiceUnavailableError.
    """
    found = {key: _find(client, key) for key in dict.fromkeys(keys)}
    tickets = {ticket.key: ticket for ticket in found.values() if ticket}
    return Found(tuple(tickets.values()), tuple(key for key, ticket in found.items() if ticket is None))


def add_label(client: Jira, key: str, label: str) -> bool:
    """Add a label to a ticket, beside its other labels. Return whether it was missing.

    Raises: PreconditionError, ServiceUnavailableError.
    """
    if label in _get(client, key).labels:
        return False
    try:
        _write(key, lambda: client.edit_issue(key, {"labels": [{"add": label}]}))
    except ServiceUnavailableError:
        if label not in _get(client, key).labels:  # perhaps only the answer was lost
            raise
    return True


def move(client: Jira, key: str, to_status: str) -> str:
    """Move a ticket to a status by a transition that is available now. Return "", or why the ticket was not moved.

    Each team defines its own workflow, so a missing transition is a remark and not an error. Raises: PreconditionError,
    ServiceUnavailableError.
    """
    ticket = _get(client, key)
    if _same(ticket.status, to_status):
        return ""
    ways = _read(key, lambda: client.get_issue_transitions(key))
    way = next((transition["id"] for transition in ways if _same(transition["to"], to_status)), None)
    if way is None:
        known = ", ".join(sorted({transition["to"] for transition in ways})) or "nowhere"
        return f"{key} is {ticket.status}, from where no transition leads to {to_status} (it leads to: {known})"
    try:
        _write(key, lambda: client.set_issue_status_by_transition_id(key, way))
    except (ServiceUnavailableError, PreconditionError):
        if not _same(_get(client, key).status, to_status):  # its answer was lost, or somebody else was faster
            raise
    return ""


def _same(status: str, other: str) -> bool:
    return status.casefold() == other.casefold()


def _get(client: Jira, key: str) -> Ticket:
    ticket = _find(client, key)
    if ticket is None:
        raise PreconditionError(
            f"Jira has no ticket {key}, or hides it from this connection's user; correct one of them."
        )
    return ticket


def _find(client: Jira, key: str) -> Ticket | None:
    def look() -> Ticket | None:
        try:
            return _ticket(client.url, client.issue(key, fields=FIELDS))
        except HTTPError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise

    return _read(key, look)


def _read(key: str, look: Callable[[], T]) -> T:
    def once() -> T:
        try:
            with over_http("Jira", f"ticket {key}"):
                return look()
        except (KeyError, TypeError, ValueError) as error:  # the client turns everything that is not JSON into None
            raise ServiceUnavailableError(
                f"Jira answered about ticket {key} with something that is not its own ({error!r}); try again."
            ) from error

    return ask(once)


def _write(key: str, change: Callable[[], Any]) -> None:
    with over_http("Jira", f"ticket {key}"):
        change()


def _ticket(url: str, found: Any) -> Ticket:
    key, fields = str(found["key"]), found["fields"]
    return Ticket(key, str(fields["status"]["name"]), tuple(fields["labels"]), f"{url.rstrip('/')}/browse/{key}")
