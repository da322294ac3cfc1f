"""Jira's state: the tickets of each project and their workflow."""

import re
from dataclasses import dataclass, field
from typing import Any

from include.inventory import Inventory
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime
from sandbox.commits import COMMITS
from sandbox.external_services.credentials import JIRA_USER, jira_password
from sandbox.external_services.github.seed import FIRST_TICKET, UNRELEASED, subject
from sandbox.external_services.github.state import repositories_of
from sandbox.external_services.service_faults import ServiceFaults

STATUSES = {  # name -> its id and the key of its category
    "To Do": ("10001", "new"),
    "In Progress": ("3", "indeterminate"),
    "In Review": ("10002", "indeterminate"),
    "Ready for release": ("10003", "indeterminate"),
    "Done": ("10004", "done"),
    "Won't do": ("10005", "done"),
}
CATEGORIES = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}
TRANSITIONS = {  # id -> name, from (None: from anywhere else), to; there is no short cut from work in progress to done
    "11": ("Start progress", "To Do", "In Progress"),
    "21": ("Ask for review", "In Progress", "In Review"),
    "31": ("Accept", "In Review", "Ready for release"),
    "41": ("Release", "Ready for release", "Done"),
    "51": ("Reopen", "Done", "In Progress"),
    "61": ("Drop", None, "Won't do"),
}
SECOND_WAY = "71"  # the id of the transition of a fault: another way from ready to done, with another resolution
# tickets of commits not released yet are ready for it, except, by the commit's number:
UNUSUAL: dict[int, str | None] = {57: "In Progress", 58: "Done", 62: None}  # None: deleted since


class JiraError(Exception):
    """An error of Jira: status, messages, and the problem of each field."""

    def __init__(self, status: int, *messages: str, **errors: str):
        super().__init__(" ".join([*messages, *errors.values()]))
        self.status, self.messages, self.errors = status, list(messages), errors


@dataclass
class Comment:
    id: int
    author: str
    body: str
    at: float


@dataclass
class Ticket:
    id: int
    project: str
    number: int
    summary: str
    status: str
    at: float
    updated: float
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    resolved: float | None = None
    resolution: str | None = None
    history: list[tuple[float, str, str, str]] = field(default_factory=list)  # when, which field, from, to

    @property
    def key(self) -> str:
        return f"{self.project}-{self.number}"


class Jira:
    """Every project of the inventory. All calls go through `lock`."""

    def __init__(self, inventory: Inventory, world: World):
        self.lock = world.lock  # one for all external services: a fault holds the world while it asks them
        self.inventory = inventory
        self.service_faults = ServiceFaults(world)
        self.tickets: dict[str, Ticket] = {}
        self.titles: dict[str, str] = {}  # of the projects, by key
        self._clock = world.clock
        self._last = 0
        self.clear()

    def clear(self) -> None:
        """Reset the tickets to their first state."""
        with self.lock:
            self._last = 20_000
            systems = self.inventory.systems.values()
            self.titles = {system.jira_project: system.title for system in systems if system.jira_project}
            tickets = [ticket for project in self.titles for ticket in self._first_tickets(project)]
            self.tickets = {ticket.key: ticket for ticket in tickets}

    def now(self) -> float:
        return self._clock.now()

    def project_of(self, token: str) -> str | None:
        """Return the project a password opens."""
        return next((title for title in self.titles if token == jira_password(title)), None)

    def transitions(self, ticket: Ticket) -> dict[str, tuple[str, str | None, str]]:
        """Return what may become of a ticket now, by the transition's id."""
        found: dict[str, tuple[str, str | None, str]] = {}
        second = self.service_faults.injected("jira_second_way", ticket.project)
        if second and ticket.status == "Ready for release":
            found[SECOND_WAY] = (second.fields["name"], ticket.status, "Done")
        return found | {
            number: each
            for number, each in TRANSITIONS.items()
            if each[1] == ticket.status or (each[1] is None and each[2] != ticket.status)
        }

    def move(self, ticket: Ticket, number: str) -> None:
        """Take a ticket through a transition. Raises: JiraError."""
        ways = self.transitions(ticket)
        if number not in ways:
            name = TRANSITIONS[number][0] if number in TRANSITIONS else number
            raise JiraError(
                400,
                f"It seems that you have tried to perform a workflow operation ({name}) that is not valid for the current "
                f"state of this issue ({ticket.key}). The likely cause is that somebody has changed the issue recently, "
                "please look at the issue history for details.",
            )
        name, _, status = ways[number]
        self._note(ticket, "status", ticket.status, status)
        ticket.status = status
        done = STATUSES[status][1] == "done"
        ticket.resolved = self.now() if done else None
        ticket.resolution = (name if number == SECOND_WAY else status) if done else None

    def label(self, ticket: Ticket, labels: list[str]) -> None:
        """Set a ticket's labels. Raises: JiraError."""
        for label in labels:
            if not isinstance(label, str) or not label or re.search(r"\s", label):
                raise JiraError(400, labels=f"The label '{label}' contains spaces which is invalid.")
        wanted = sorted(set(labels))
        if wanted != sorted(ticket.labels):
            self._note(ticket, "labels", " ".join(sorted(ticket.labels)), " ".join(wanted))
            ticket.labels = wanted

    def comment(self, ticket: Ticket, text: Any, author: str = JIRA_USER) -> Comment:
        """Add a comment. Raises: JiraError."""
        if not isinstance(text, str) or not text.strip():
            raise JiraError(400, comment="Comment body can not be empty!")
        self._last += 1
        said = Comment(self._last, author, text, self.now())
        ticket.comments.append(said)
        ticket.updated = said.at
        return said

    def _note(self, ticket: Ticket, name: str, before: str, after: str) -> None:
        ticket.updated = self.now()
        ticket.history.append((ticket.updated, name, before, after))

    def _first_tickets(self, project: str) -> list[Ticket]:
        """Return the tickets that the commits of the project's repositories speak of, and one of work in progress."""
        if project not in repositories_of(self.inventory).values():
            return []
        found = [self._ticket(project, FIRST_TICKET + 589, "Labels for logs", "In Progress", [])]
        for number in range(1, COMMITS + 1):
            line = subject(number, project)
            released = number <= COMMITS - UNRELEASED
            status = "Done" if released else UNUSUAL.get(number, "Ready for release")
            if status and re.search(rf"\b{project}-", line, re.IGNORECASE):
                summary = re.sub(rf" *[\[(]?\b{project}-\d+[\])]?:?( and)? *| *\(#\d+\)|Revert ", " ", line, flags=re.I)
                labels = ["Released"] if status == "Done" else []
                found.append(
                    self._ticket(project, FIRST_TICKET + number - 1, summary.strip(' "').capitalize(), status, labels)
                )
        return found

    def _ticket(self, project: str, number: int, summary: str, status: str, labels: list[str]) -> Ticket:
        at = self.now() - 40 * 86_400
        ticket = Ticket(10_000 + number, project, number, summary, status, at, at, labels)
        ticket.resolution = status if STATUSES[status][1] == "done" else None
        return ticket

    def as_json(self) -> dict[str, Any]:
        """Return every ticket, for the page and for tests."""
        with self.lock:
            return {
                "projects": [
                    {
                        "key": project,
                        "title": title,
                        "tickets": [
                            {
                                "key": ticket.key,
                                "summary": ticket.summary,
                                "status": ticket.status,
                                "labels": ticket.labels,
                                "resolution": ticket.resolution,
                                "updated_at": moment(ticket.updated),
                                "comments": [said.body for said in ticket.comments],
                                "changes": [list(change[1:]) for change in ticket.history],
                            }
                            for ticket in sorted(self.tickets.values(), key=lambda each: -each.number)
                            if ticket.project == project
                        ],
                    }
                    for project, title in self.titles.items()
                ]
            }


def moment(at: float | None) -> str | None:
    """Return a time as Jira writes it."""
    return None if at is None else as_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
