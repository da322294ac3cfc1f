"""Sentry's state: each project's releases and issues, counted per release and environment."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from include.inventory import Inventory
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_text
from sandbox.commits import COMMITS, commit_sha
from sandbox.external_services.github.seed import UNRELEASED
from sandbox.external_services.service_faults import ServiceFaults

DAY = 86_400.0
OLD = (  # what there is at first: title, where, level, status, events, days since the first one
    ("ActiveRecord::RecordNotFound: Couldn't find Log", "LogsController#show", "error", "unresolved", 812, 60),
    ("Net::ReadTimeout: timeout while reading", "NotifyClient#post", "error", "unresolved", 96, 41),
    ("ActionController::InvalidAuthenticityToken", "SessionsController#create", "error", "unresolved", 1430, 75),
    ("Redis::CannotConnectError", "Sidekiq::Launcher", "fatal", "resolved", 12, 20),
    ("Deprecated: positional arguments", "lib/exports.rb", "warning", "unresolved", 44, 8),
)


class SentryError(Exception):
    """An error of Sentry: status and reason."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status, self.detail = status, detail


@dataclass
class Seen:
    """An issue's events of one release in one environment."""

    release: str
    environment: str
    first: float
    last: float
    count: int
    users: int


@dataclass
class Issue:
    id: int
    short: str
    title: str
    culprit: str
    level: str
    status: str
    seen: list[Seen] = field(default_factory=list)
    fault: Fault | None = None  # which brought it about

    def of(self, environments: list[str]) -> list[Seen]:
        """Return its events in some environments, or in all if none are named."""
        return [each for each in self.seen if not environments or each.environment in environments]

    @property
    def first_release(self) -> str:
        return min(self.seen, key=lambda each: each.first).release


@dataclass
class Release:
    id: int
    version: str
    created: float
    released: float | None = None
    deploys: list[tuple[int, str, float]] = field(default_factory=list)  # its id, environment, when


@dataclass
class Project:
    id: int
    organization: str
    slug: str
    environments: list[str]
    releases: dict[str, Release] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


class Sentry:
    """Every project of the inventory, by the world's clock. All calls go through `lock`."""

    def __init__(self, inventory: Inventory, world: World):
        self.lock = world.lock  # one for all external services: a fault holds the world while it asks them
        self.inventory = inventory
        self.service_faults = ServiceFaults(world)
        self.projects: list[Project] = []
        self._clock = world.clock
        self._ids: Iterator[int] = itertools.count(1)
        self.clear()

    def clear(self) -> None:
        """Reset the issues to their first state."""
        with self.lock:
            self._ids = itertools.count(4_501_001)
            self.projects = []
            for system in self.inventory.systems.values():
                if system.sentry:
                    names = [system.sentry.environment_of(environment) for environment in system.environments]
                    project = Project(self.next_id(), system.sentry.organization, system.sentry.project, names)
                    self._fill(project, system.github or system.system, system.sentry.environment_of("production"))
                    self.projects.append(project)

    def now(self) -> float:
        return self._clock.now()

    def next_id(self) -> int:
        return next(self._ids)

    def organizations(self) -> list[str]:
        return list(dict.fromkeys(project.organization for project in self.projects))

    def of(self, organization: str) -> list[Project]:
        return [project for project in self.projects if project.organization == organization]

    def find(self, organization: str, slug: str) -> Project:
        """Return a project. Raises: SentryError."""
        for project in self.of(organization):
            if slug in (project.slug, str(project.id)):
                return project
        raise SentryError(404, "The requested resource does not exist")

    def release(self, project: Project, version: str) -> Release:
        """Return a release, which its first event or a deployment makes known."""
        if version not in project.releases:
            project.releases[version] = Release(self.next_id(), version, self.now())
        return project.releases[version]

    def report(
        self,
        project: Project,
        release: str,
        environment: str,
        title: str,
        count: int = 1,
        users: int = 1,
        level: str = "error",
    ) -> Issue:
        """Add events to an issue, which is created if it is new."""
        now = self.now()
        self.release(project, release)
        if environment not in project.environments:
            project.environments.append(environment)
        issue = next((each for each in project.issues if each.title == title), None)
        if issue is None:
            number = len(project.issues) + 1
            short = f"{project.slug.upper()}-{number:X}"
            issue = Issue(self.next_id(), short, title, "LogsController#update", level, "unresolved")
            project.issues.append(issue)
        issue.status = "unresolved"  # events reopen what was resolved
        for seen in issue.seen:
            if (seen.release, seen.environment) == (release, environment):
                seen.last, seen.count, seen.users = now, seen.count + count, seen.users + users
                return issue
        issue.seen.append(Seen(release, environment, now, now, count, users))
        return issue

    def rename(self, fault: Fault, project: Project, environment: str) -> None:
        """Let an environment report under another name, as if it always had."""
        name = fault.fields["name"]
        self._rename(project, environment, name)
        fault.undo = partial(self._rename, project, name, environment)

    def _rename(self, project: Project, before: str, after: str) -> None:
        project.environments = [after if environment == before else environment for environment in project.environments]
        for seen in (seen for issue in project.issues for seen in issue.seen):
            seen.environment = after if seen.environment == before else seen.environment

    def spike(self, fault: Fault, project: Project, environment: str) -> None:
        """Add a fault's new issues to a release."""
        each = fault.fields["count"]
        for number in range(1, fault.fields["issues"] + 1):
            title = f"NoMethodError: undefined method 'label_{number}' for nil ({fault.id})"
            made = self.report(project, fault.fields["release"], environment, title, each, max(1, each // 3))
            made.fault = fault

    def reopen(self, fault: Fault, project: Project, environment: str) -> None:
        """Let a release meet an error again that was resolved before it. Raises: FaultError."""
        resolved = [each for each in project.issues if each.status == "resolved" and each.of([environment])]
        if not resolved:
            raise FaultError(
                f"Project {project.slug} has no resolved error of environment {environment}; resolve one first."
            )
        each = fault.fields["count"]
        issue = self.report(project, fault.fields["release"], environment, resolved[0].title, each, max(1, each // 3))
        issue.fault = fault

    def _fill(self, project: Project, repository: str, production: str) -> None:
        now = self.now()
        released, before = (commit_sha(repository, COMMITS - UNRELEASED - back) for back in (0, 3))
        for version, age in ((before, 9), (released, 3)):
            release = self.release(project, version)
            release.created = release.released = now - age * DAY
            release.deploys = [(self.next_id(), each, now - age * DAY) for each in project.environments]
        for title, culprit, level, status, count, days in OLD:
            short = f"{project.slug.upper()}-{len(project.issues) + 1:X}"
            issue = Issue(self.next_id(), short, title, culprit, level, status)
            for environment in project.environments:
                share = count if environment == production else max(1, count // 10)
                first = now - days * DAY
                issue.seen.append(Seen(before, environment, first, now - 3 * DAY, share * 3 // 4 + 1, share // 5 + 1))
                if status == "unresolved":
                    issue.seen.append(
                        Seen(released, environment, now - 3 * DAY, now - 3600, share // 4 + 1, share // 9 + 1)
                    )
            project.issues.append(issue)

    def as_json(self) -> dict[str, Any]:
        """Return every issue, for the page and for tests."""
        with self.lock:
            return {"projects": [_shown(project) for project in self.projects]}


def _shown(project: Project) -> dict[str, Any]:
    newest = sorted(project.issues, key=lambda each: min(seen.first for seen in each.seen), reverse=True)
    return {
        "organization": project.organization,
        "project": project.slug,
        "releases": [
            {
                "version": release.version,
                "created_at": as_text(release.created),
                "deploys": [name for _, name, _ in release.deploys],
            }
            for release in sorted(project.releases.values(), key=lambda each: each.created, reverse=True)
        ],
        "issues": [
            {
                "id": each.id,
                "short_id": each.short,
                "title": each.title,
                "level": each.level,
                "status": each.status,
                "first_release": each.first_release,
                "first_seen_at": as_text(min(seen.first for seen in each.seen)),
                "last_seen_at": as_text(max(seen.last for seen in each.seen)),
                "counts": [
                    {"release": seen.release, "environment": seen.environment, "count": seen.count}
                    for seen in each.seen
                ],
            }
            for each in newest
        ],
    }
