"""Tickets in Jira, through the client of Airflow's Jira hook.

Each change is absolute, made only where it is missing, and believed when the ticket shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from requests import HTTPError

from include.errors import PreconditionError, ServiceUnavailableError
from include.external_services import ask, over_http

if TYPE_CHECKING:
    from atlassian import Jira

T = TypeVar("T")
FIELDS = "status,labels"
# reasons other than done for which a ticket ends, after Jira's own resolutions: in the name of a transition
OTHER_REASONS = re.compile(
    r"\b(duplicat|won.?t\b|will not\b|not\b|cannot\b|can.?t\b|declin|reject|cancel|abandon|incomplete|invalid|obsolete|drop)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Ticket:
    """One ticket. `url` is its page in Jira."""

    key: str
    status: str
    labels: tuple[str, ...]
    url: str


@dataclass(frozen=True)
class Way:
    """A transition of a ticket. `to` is the status to which it leads."""

    id: int
    name: str
    to: str


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

    Raises: PreconditionError if Jira does not take it, or accepts it without adding it; ServiceUnavailableError.
    """
    if label in _get(client, key).labels:
        return False
    try:
        _write(key, lambda: client.edit_issue(key, {"labels": [{"add": label}]}))
    except ServiceUnavailableError:
        if label not in _get(client, key).labels:  # perhaps only the answer was lost
            raise
    else:
        if label not in _get(client, key).labels:
            raise PreconditionError(
                f"Jira accepted label {label} for {key}, and the ticket does not have it; look at its history there."
            )
    return True


def move(client: Jira, key: str, to_status: str, by: str | None = None) -> str:
    """Move a ticket to a status by a transition that is available now. Return "", or why the ticket was not moved.

    `by` is the transition's name, required where several lead to the status for different reasons. Each team defines its own
    workflow, so a missing or ambiguous transition is a remark and not an error. Raises: PreconditionError, ServiceUnavailableError.
    """
    ticket = _get(client, key)
    if _same(ticket.status, to_status):
        return ""
    found = _read(key, lambda: client.get_issue_transitions(key))
    ways = [Way(int(each["id"]), str(each["name"]), str(each["to"])) for each in found]
    way = choose_way(ways, to_status, by)
    if isinstance(way, str):
        return f"{key} is {ticket.status}, {way}"
    try:
        _write(key, lambda: client.set_issue_status_by_transition_id(key, way.id))
    except (ServiceUnavailableError, PreconditionError):
        if not _same(_get(client, key).status, to_status):  # its answer was lost, or somebody else was faster
            raise
        return ""
    after = _get(client, key).status
    return (
        ""
        if _same(after, to_status)
        else f"Jira accepted transition {way.name} of {key}, which is {after} all the same"
    )


def choose_way(ways: Sequence[Way], to_status: str, by: str | None = None) -> Way | str:
    """Return the transition that leads to a status, or why none is chosen.

    With a name, it is the one of that name. Without, transitions that end a ticket for another reason do not count, and if
    several are left, only one with the status's own name is chosen.
    """
    there = [way for way in ways if _same(way.to, to_status)]
    if not there:
        known = ", ".join(sorted({way.to for way in ways})) or "nowhere"
        return f"from where no transition leads to {to_status} (it leads to: {known})"
    names = ", ".join(f"{way.name} ({way.id})" for way in there)
    if by:
        named = [way for way in there if _same(way.name, by)]
        wrong = (
            f"from where no transition {by} leads to {to_status}"
            if not named
            else f"and several transitions are named {by}"
        )
        return (
            named[0]
            if len(named) == 1
            else f"{wrong} (these lead there: {names}); correct jira_transition in the inventory"
        )
    left = [way for way in there if not OTHER_REASONS.search(way.name)]
    if len(left) > 1:
        left = [way for way in left if _same(way.name, to_status)]
    if len(left) == 1:
        return left[0]
    return f"and which transition to {to_status} is meant is not known ({names}); name it as jira_transition in the inventory"


def _same(name: str, other: str) -> bool:
    return name.strip().casefold() == other.strip().casefold()


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
