"""What a clean-up looks at: five lists, what is on record of each app, and the settings of the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A list that was read to its end, or why it is not known. One that is not known is never an empty one.

    `rests`: it is not known because something is stopped on purpose, so nobody has to mend that.
    """

    items: tuple[T, ...] = ()
    unknown: str = ""
    rests: bool = False


@dataclass(frozen=True)
class OpenPull:
    """An open pull request. `own`: its branch is in the repository itself. `updated` is no earlier than anything people did to it."""

    number: int
    sha: str
    labels: frozenset[str]
    own: bool
    updated: datetime


@dataclass(frozen=True)
class Cluster:
    """What ECS has of an app, as AWS named and tagged it. `running` counts its tasks that run or are about to."""

    name: str
    account: str
    tags: Mapping[str, str] = field(default_factory=dict)
    running: int = 0


@dataclass(frozen=True)
class Found:
    """The five lists of a template's review apps. Workspaces and databases are names, images are tags."""

    pulls: Listing[OpenPull]
    workspaces: Listing[str]
    clusters: Listing[Cluster]
    databases: Listing[str]
    images: Listing[str]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why lists are not known, one sentence each."""
        lists = (self.pulls, self.workspaces, self.clusters, self.databases, self.images)
        return tuple(each.unknown for each in lists if each.unknown)


@dataclass(frozen=True)
class Gone:
    """What GitHub answers about the number of something that has no open pull request.

    `state` is closed, open (again), none: no such pull request is shown, as after its author was suspended, or moved: to another
    repository.
    """

    state: str
    at: datetime | None = None


@dataclass(frozen=True)
class Note:
    """What is on record of an app. A moment that is not known is None.

    `active` is when people last did something to the pull request. `until` is what an extension says. `warned` has for each warning
    that was given, by its lead in seconds, the end that it spoke of and when.
    """

    active: datetime | None = None
    sha: str = ""
    until: datetime | None = None
    warned: Mapping[int, tuple[datetime, datetime]] = field(default_factory=dict)
    asleep: datetime | None = None
    sent: datetime | None = None  # when somebody sent it to sleep: working hours do not wake it then
    down: datetime | None = (
        None  # its time was over, or somebody had it torn down: only a push or /deploy brings it back
    )


@dataclass(frozen=True)
class WorkingHours:
    """When sleeping apps are woken without a push or a command."""

    days: frozenset[str]
    start: time
    end: time
    timezone: str

    def contain(self, now: datetime) -> bool:
        """Tell whether a moment is within them."""
        there = now.astimezone(ZoneInfo(self.timezone))
        return DAYS[there.weekday()] in self.days and self.start <= there.time() < self.end


@dataclass(frozen=True)
class Settings:
    """What the inventory says about a template's review apps."""

    account: str
    pattern: str  # of their names: review-<number>
    workspace: str  # the names of what each has, with {name} and {number}
    cluster: str
    database: str
    image: str  # the beginning of the tags of its images
    tags: Mapping[str, str]  # of its cluster, likewise
    label: str | None  # which asks for an app; None: each pull request has one
    keep: frozenset[str] = frozenset({"keep"})
    lives: timedelta = timedelta(days=30)
    warnings: tuple[timedelta, ...] = (DAY, HOUR)
    sleeps_after: timedelta | None = None
    hours: WorkingHours | None = None
    at_once: int = 5  # teardowns and deployments in progress
    settles: timedelta = timedelta(minutes=10)  # GitHub's events may be this late


@dataclass(frozen=True)
class Decision:
    """What is to be done about one app, or about what only looks like one.

    `kind` is nothing, warn, sleep, wake, tear_down, deploy, held (it should be done, but not now), or left_alone. `cause` is what led to
    it, in a word. `mends`: an event of GitHub should have done it. `end` is when the app's time is over, or was, and `lead` which warning
    it is.
    """

    app: str
    kind: str
    why: str
    number: int | None = None
    cause: str = ""
    mends: bool = False
    end: datetime | None = None
    lead: timedelta | None = None
    sha: str = ""
