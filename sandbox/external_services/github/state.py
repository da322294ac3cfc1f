"""GitHub's state: repositories, pushes, releases, and workflow runs in simulated time."""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from include.inventory import Inventory
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.sim.world import World
from sandbox.external_services.credentials import github_reading_token, github_token
from sandbox.external_services.github.infrastructure import has_code
from sandbox.external_services.github.model import (
    Commit,
    File,
    GitHubError,
    Release,
    Repository,
    Run,
    Workflow,
    invalid,
)
from sandbox.external_services.github.oidc import Issuer
from sandbox.external_services.github.seed import seed, seed_infrastructure
from sandbox.external_services.github.snapshot import shown
from sandbox.external_services.service_faults import ServiceFaults

QUEUED = 20.0  # simulated seconds until a runner takes a workflow run


def repositories_of(inventory: Inventory) -> dict[str, str | None]:
    """Return every repository the inventory names, with the key of the tickets its commits speak of."""
    found: dict[str, str | None] = {}
    for system in inventory.systems.values():
        if system.github:
            found[system.github] = system.jira_project
    for system in inventory.systems.values():
        for environment in system.environments.values():
            if environment.terraform:
                found.setdefault(environment.terraform.repository, None)
    return found


class GitHub:
    """Every repository of the inventory, by the world's clock. All calls go through `lock`."""

    def __init__(self, inventory: Inventory, world: World, real: Callable[[], float] = time.time):
        self.lock = world.lock  # one for all: a fault ends runs here while it holds the world
        self.inventory = inventory
        self.clock = world.clock
        self.service_faults = ServiceFaults(world)
        self.real = real
        self.oidc = Issuer(real)
        self.repositories: dict[str, Repository] = {}
        self.calls: dict[str, list[float]] = {}  # token -> when in simulated time it was used
        self.writes: dict[str, list[float]] = {}
        self.completed: list[Callable[[Repository, Run], None]] = []  # what a workflow run does to the world at its end
        self._ids: Iterator[int] = itertools.count(1)
        self.clear()

    def clear(self) -> None:
        """Reset the repositories to their first state."""
        with self.lock:
            self._ids = itertools.count(700_001)
            self.calls.clear()
            self.writes.clear()
            self.repositories = {
                name.lower(): self._seed(name, tickets) for name, tickets in repositories_of(self.inventory).items()
            }

    def _seed(self, name: str, tickets: str | None) -> Repository:
        applications = {system.github for system in self.inventory.systems.values()}
        if name not in applications and has_code(name):
            return seed_infrastructure(self.next_id, name, self.now())
        return seed(self.next_id, name, tickets, self.now(), self._pipelines(name))

    def _pipelines(self, name: str) -> set[str]:
        """Return the workflows that deploy what is published in a repository."""
        found = [target for target in self.inventory.targets.values() if target.system.github == name]
        releases = [each.environment.release for each in found]
        return {release.workflow for release in releases if release and release.workflow}

    def now(self) -> float:
        return self.clock.now()

    def next_id(self) -> int:
        return next(self._ids)

    def owner_of(self, token: str) -> str | None:
        """Return whose repositories a token opens."""
        owners = {repository.owner for repository in self.repositories.values()}
        return next((owner for owner in owners if token in (github_token(owner), github_reading_token(owner))), None)

    def find(self, owner: str, name: str) -> Repository | None:
        return self.repositories.get(f"{owner}/{name}".lower())

    def push(
        self,
        repository: Repository,
        branch: str,
        message: str,
        author: str,
        files: tuple[File, ...] = (),
        merged: tuple[str, ...] = (),
    ) -> Commit:
        """Add a commit to a branch, which is made from the default one if there is none, and start what runs on a push.

        With the commits of other branches, it merges them.
        """
        now = self.now()
        before = repository.branches.get(branch) or repository.branches[repository.default_branch]
        content = f"{repository.full_name} {before} {message} {len(repository.commits)}"
        sha = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
        commit = Commit(sha, (before, *merged), author, message, now, files or (File("app/models/log.rb"),))
        repository.commits[sha] = commit
        repository.branches[branch] = sha
        for workflow in repository.workflows:
            if workflow.active and "push" in workflow.events:
                self.start_run(repository, workflow, "push", branch, sha, author, commit.subject)
        return commit

    def start_run(
        self,
        repository: Repository,
        workflow: Workflow,
        event: str,
        branch: str,
        sha: str,
        actor: str,
        title: str,
        **rest: Any,
    ) -> Run:
        """Queue a workflow run."""
        number = 1 + sum(each.workflow is workflow for each in repository.runs)
        now = self.now()
        run = Run(
            self.next_id(), number, workflow, event, branch, sha, actor, title, now, workflow.lasts, updated=now, **rest
        )
        repository.runs.append(run)
        return run

    def publish(self, repository: Repository, release: Release) -> None:
        """Make a draft public: its tag is made if there is none, and what runs on a release starts. Raises: GitHubError."""
        if other := repository.release_of(release.tag):
            if other is not release:
                raise GitHubError(422, "Validation Failed", invalid("Release", "tag_name", "already_exists"))
            return
        if release.tag not in repository.tags:
            repository.tags[release.tag] = self.target_of(repository, release.target).sha
        commit = repository.tagged(release.tag)
        release.draft, release.published, release.created = False, self.now(), commit.at
        if release.prerelease:  # `released`, which the pipelines wait for, is not said of these
            return
        for workflow in repository.workflows:
            if workflow.active and "release" in workflow.events:
                title = release.name or release.tag
                self.start_run(repository, workflow, "release", release.tag, commit.sha, release.author, title)

    def target_of(self, repository: Repository, commitish: str) -> Commit:
        """Return the commit a release is made on. Raises: GitHubError."""
        full = len(commitish) == 40 or commitish in repository.branches
        found = repository.resolve(commitish) if full else None
        if found is None:
            raise GitHubError(422, "Validation Failed", invalid("Release", "target_commitish"))
        return found

    def settle(self) -> None:
        """Move the workflow runs to the present moment."""
        now = self.now()
        for repository in self.repositories.values():
            for run in repository.runs:
                if run.status == "queued" and now >= run.created + QUEUED:
                    run.status, run.started, run.updated = "in_progress", run.created + QUEUED, run.created + QUEUED
                ends = (run.started or 0.0) + run.lasts
                if run.status == "in_progress" and run.held is None and now >= ends:
                    run.status, run.conclusion, run.updated = (
                        "completed",
                        self._outcome(repository, run),
                        max(ends, run.updated),
                    )
                    for effect in self.completed:
                        effect(repository, run)

    def hold(self, fault: Fault) -> None:
        """Start a workflow run that goes on as long as a fault, in each repository it strikes. Raises: FaultError."""
        file = fault.fields["workflow"]
        with self.lock:
            struck = [each for name, each in self.repositories.items() if fault.scope in ("", name)]
            found = [(each, workflow) for each in struck for workflow in each.workflows if workflow.file == file]
            if not found:
                known = ", ".join(sorted({workflow.file for each in struck for workflow in each.workflows}))
                raise FaultError(f"There is no workflow {file!r}; choose one of {known}.")
            for repository, workflow in found:
                branch = repository.default_branch
                sha, event = repository.branches[branch], workflow.events[0]
                self.start_run(repository, workflow, event, branch, sha, "eilidh", workflow.name, held=fault)

    def run_again(self, fault: Fault) -> None:
        """Give each run of a commit's checks a second one, of which one fails and the other does not. Raises: FaultError."""
        commit = fault.fields["commit"]
        if not commit:
            raise FaultError(f"Fault github_checks with state {fault.fields['state']} needs the field 'commit'.")
        ends = {"red_then_green": ("failure", "success"), "green_then_red": ("success", "failure")}[
            fault.fields["state"]
        ]
        undo: list[Callable[[], None]] = []
        for name, repository in self.repositories.items():
            if fault.scope not in ("", name):
                continue
            for first in [run for run in repository.runs if run.event == "push" and run.sha.startswith(commit)]:
                again = self.start_run(
                    repository, first.workflow, "push", first.branch, first.sha, first.actor, first.title
                )
                again.status = "completed"
                again.started = again.created
                undo += [
                    partial(repository.runs.remove, again),
                    partial(setattr, first, "conclusion", first.conclusion),
                ]
                first.conclusion, again.conclusion = ends

        def restore() -> None:
            for each in undo:
                each()

        fault.undo = restore

    def let_go(self, fault: Fault) -> None:
        """End the workflow runs that a fault has held up."""
        with self.lock:
            for repository in self.repositories.values():
                for run in repository.runs:
                    if run.held is fault:
                        run.held, run.lasts = None, 0.0

    def _outcome(self, repository: Repository, run: Run) -> str:
        def meant(fault: Fault) -> bool:
            return fault.fields["workflow"] in (None, run.workflow.file)

        failed = self.service_faults.injected("github_workflow_fails", repository.full_name.lower(), meant)
        return "failure" if failed else "success"

    def rerun(self, run: Run) -> None:
        """Queue a completed run again."""
        run.status, run.conclusion, run.started = "queued", None, None
        run.created = run.updated = self.now()
        run.attempt += 1

    def notes(self, repository: Repository, web: str, tag: str, target: str, previous: str | None) -> str:
        """Return what GitHub writes about the pull requests between two versions. Raises: GitHubError."""
        head = repository.tagged(tag) if tag in repository.tags else self.target_of(repository, target)
        latest = repository.latest_release()
        if previous is not None and previous not in repository.tags:
            raise GitHubError(422, "Validation Failed", invalid("Release", "previous_tag_name"))
        before = previous or (latest.tag if latest and latest.tag in repository.tags else None)
        old = {each.sha for each in repository.history(repository.tagged(before).sha)} if before else set()
        lines = ["## What's Changed"]
        for commit in reversed([each for each in repository.history(head.sha) if each.sha not in old]):
            lines += [
                f"* {pull.title} by @{pull.author} in {web}/{repository.full_name}/pull/{pull.number}"
                for pull in repository.pulls_of(commit.sha)
            ]
        changes = f"compare/{before}...{tag}" if before else f"commits/{tag}"
        if len(lines) == 1:
            lines = []
        return "\n".join(
            [*lines, *([""] * 2 if lines else []), f"**Full Changelog**: {web}/{repository.full_name}/{changes}"]
        )

    def as_json(self) -> dict[str, Any]:
        """Return what moves, for the page and for tests."""
        with self.lock:
            self.settle()
            return {"repositories": [shown(repository) for repository in self.repositories.values()]}
