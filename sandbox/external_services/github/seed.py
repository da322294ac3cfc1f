"""The first state of each repository: months of commits, with ticket numbers in their subjects."""

import random
from collections.abc import Callable, Container
from dataclasses import replace
from functools import partial

from sandbox.commits import COMMITS, commit_sha
from sandbox.external_services.github import infrastructure
from sandbox.external_services.github.model import (
    Comment,
    Commit,
    File,
    Issue,
    Pull,
    Release,
    Repository,
    Run,
    Workflow,
)

NextId = Callable[[], int]

PIPELINE = "production_pipeline.yml"  # switched on where publishing a release is what deploys it
UNRELEASED = 9  # newer than the last release
APART = 7 * 3600.0  # simulated seconds between two commits
FIRST_PULL = 2301
FIRST_TICKET = 3401
# numerically in order, which neither their text nor the list of tags is; the odd ones are there in reality, too
VERSIONS = (
    "v.0.3.25", "v0.4.90", "v0.4.90.1", "v0.5.0", "release-2024", "2024.10.01", "v0.6.1", "v0.6.2", "v0.6.6", "v0.6.7",
    "v0.6.7.1", "v0.6.8", "v0.6.9", "v0.6.10", "v0.6.11", "v0.6.12", "v0.6.13", "v0.6.14-rc.1", "v0.6.14",
)  # fmt: skip
DRAFTED = "v0.7.0"  # somebody's draft for later
UNPREFIXED = {"example-maps/districtbuilder"}  # its versions are 0.6.14, without v
AUTHORS = ("amelia", "bayo", "chidi", "dana", "eilidh")
WORK = (
    "Validate the start date of renewals", "Show errors at the top of each page", "Let coordinators merge organisations",
    "Export logs with their labels", "Fix the order of answers in the summary", "Cache the list of local authorities",
    "Explain why a file was refused", "Keep filters when going back", "Send reminders only once",
    "Escape names in the bulk upload report", "Speed up the page of schemes", "Use the new terms of use",
)  # fmt: skip
CHORES = (
    "Bump rails from 7.2.2 to 7.2.3", "Bump the npm group with 4 updates", "Read uploads as UTF-8, not ISO-8859-1",
    "Check downloads by SHA-256", "Update the readme",
)  # fmt: skip
TOPICS = ("app/models/log.rb", "app/views/logs/edit.html.erb", "lib/tasks/data_import.rake", "config/locales/en.yml")
MIGRATION = "db/migrate/20260901093000_add_labels_to_logs.rb"


def released_sha(repository: str) -> str:
    """Return the commit of the last release at first."""
    return commit_sha(repository, COMMITS - UNRELEASED)


def subject(number: int, tickets: str | None) -> str:
    """Return the first line of a commit's message, in one of the ways people write them."""
    work, pull = WORK[number % len(WORK)], f" (#{FIRST_PULL + number})"
    if number % 5 == 0:
        return CHORES[number // 5 % len(CHORES)] + pull
    if tickets is None:
        return work + pull
    key = f"{tickets}-{FIRST_TICKET + number - 1}"
    swapped = tickets[:-2] + tickets[:-3:-1]
    return {
        0: f"{key}: {work}{pull}",
        1: f"{key} {work}{pull}",
        2: f"[{key}] {work}{pull}",
        3: f"{key.lower()} {work[0].lower()}{work[1:]}{pull}",
        4: f"{key} and {tickets}-{FIRST_TICKET + number - 2}: {work}{pull}",
        5: f"{swapped}-{FIRST_TICKET + number - 1} {work}{pull}",
        6: f'Revert "{key} {work}"{pull}',
        7: f"{work} ({key})",
    }[number % 8]


def seed(
    next_id: NextId, full_name: str, tickets: str | None, now: float, pipelines: Container[str] = ()
) -> Repository:
    """Return a repository as it is at first; `pipelines` are the files of the workflows that deploy what is published."""
    owner, name = full_name.split("/")
    chance = random.Random(full_name)  # noqa: S311 - decides what a rehearsal looks like, no secret
    repository = Repository(next_id(), owner, name)
    for number in range(1, COMMITS + 1):
        _commit(repository, number, tickets, now, chance)
    repository.branches["main"] = commit_sha(full_name, COMMITS)
    if infrastructure.has_code(full_name):
        _beside_code(repository)
    repository.labels = {"bug": "d73a4a", "dependencies": "0366d6", "review-app": "0e8a16", "release": "5319e7"}
    repository.collaborators = dict.fromkeys(AUTHORS, "write")
    _workflows(next_id, repository, pipelines)
    for commit in list(repository.commits.values()):
        _checked(next_id, repository, commit)
    _versions(next_id, repository)
    _open_work(next_id, repository, tickets, now)
    if infrastructure.has_code(full_name):
        infrastructure.propose(repository, now, partial(_checked, next_id, repository))
    return repository


def seed_infrastructure(next_id: NextId, full_name: str, now: float) -> Repository:
    """Return a repository of Terraform code alone as it is at first."""
    owner, name = full_name.split("/")
    repository = Repository(next_id(), owner, name)
    infrastructure.begin(repository, now - 9 * APART)
    newest = infrastructure.change(repository, infrastructure.sha_of(full_name, infrastructure.BASE), now - APART)
    repository.branches["main"] = newest.sha
    repository.workflows = [Workflow(next_id(), "CI", "ci.yml", ("push", "pull_request"), ("Checks",), 240.0)]
    for commit in list(repository.commits.values()):
        _checked(next_id, repository, commit)
    infrastructure.propose(repository, now, partial(_checked, next_id, repository))
    return repository


def _beside_code(repository: Repository) -> None:
    """Put Terraform code into a repository's oldest commits, and the change of it into one soon after."""
    first, second, third = (commit_sha(repository.full_name, number) for number in (1, 2, 3))
    oldest = repository.commits[first]
    infrastructure.begin(repository, oldest.at - APART)
    changed = infrastructure.change(repository, second, repository.commits[second].at + APART / 2)
    root = infrastructure.sha_of(repository.full_name, infrastructure.BASE)
    repository.commits[first] = replace(oldest, parents=(root,))
    repository.commits[third] = replace(repository.commits[third], parents=(changed.sha,))


def _commit(repository: Repository, number: int, tickets: str | None, now: float, chance: random.Random) -> None:
    at = now - (COMMITS - number) * APART - 3600
    line, author = subject(number, tickets), chance.choice(AUTHORS)
    before = (commit_sha(repository.full_name, number - 1),) if number > 1 else ()
    files = [File(each) for each in chance.sample(TOPICS, 2)]
    if number == COMMITS - 3:
        files.append(File(MIGRATION, "added", 9, 0))
    body = f"{line}\n\n* {line.split(' (#')[0]}\n* Review comments"
    sha = commit_sha(repository.full_name, number)
    repository.commits[sha] = Commit(sha, before, author, body, at, tuple(files))
    if "(#" in line:
        merged = Pull(f"work-{number}", "main", sha, sha, at)
        title = line.split(" (#")[0]
        pull = Issue(FIRST_PULL + number, title, "", author, at - 9000, "closed", at, pull=merged)
        if "Bump" in title:
            pull.labels.append("dependencies")
        repository.issues[pull.number] = pull


def _workflows(next_id: NextId, repository: Repository, pipelines: Container[str]) -> None:
    repository.workflows = [
        Workflow(next_id(), "CI", "ci.yml", ("push", "pull_request"), ("Tests", "Lint"), 240.0),
        Workflow(
            next_id(),
            "Build image",
            "build_image.yml",
            ("workflow_dispatch",),
            ("Build",),
            360.0,
            {"commit": True, "push": False},
        ),
        Workflow(
            next_id(),
            "Staging pipeline",
            "staging_pipeline.yml",
            ("workflow_dispatch",),
            ("Deploy",),
            900.0,
            {"commit": False},
        ),
        Workflow(
            next_id(),
            "Production pipeline",
            PIPELINE,
            ("release",),
            ("Deploy",),
            900.0,
            active=PIPELINE in pipelines,
        ),
    ]


def _checked(next_id: NextId, repository: Repository, commit: Commit) -> None:
    workflow = repository.workflows[0]
    title = commit.subject
    number = len(repository.runs) + 1
    run = Run(next_id(), number, workflow, "push", "main", commit.sha, commit.author, title, commit.at, workflow.lasts)
    run.status, run.conclusion, run.started = "completed", "success", commit.at + 20
    run.updated = run.started + workflow.lasts
    repository.runs.append(run)


def _versions(next_id: NextId, repository: Repository) -> None:
    last = COMMITS - UNRELEASED
    named: tuple[str, ...] = VERSIONS
    if repository.full_name in UNPREFIXED:
        named = tuple(version.removeprefix("v") for version in VERSIONS if version.startswith(("v", "release")))
    for back, tag in enumerate(reversed(named)):
        commit = repository.commits[commit_sha(repository.full_name, last - 3 * back)]
        repository.tags[tag] = commit.sha
        if back < 6:
            repository.releases.insert(0, _release(next_id, repository, tag, commit))
    repository.tags = dict(sorted(repository.tags.items(), reverse=True))  # as git sorts them, not as they came
    draft = _release(next_id, repository, DRAFTED.removeprefix("v") if "0.6.14" in named else DRAFTED, None)
    repository.releases.append(draft)


def _release(next_id: NextId, repository: Repository, tag: str, commit: Commit | None) -> Release:
    at = commit.at if commit else repository.commits[repository.branches["main"]].at
    body = "## What's Changed" if commit else "What the next big one is to tell."
    release = Release(next_id(), tag, tag, body, "main", commit is None, "-rc" in tag, "dana", at)
    release.published = at + 1800 if commit else None
    return release


def _open_work(next_id: NextId, repository: Repository, tickets: str | None, now: float) -> None:
    """Two open pull requests, whose commits are not on main, and the issue of a release to come."""
    for offset, (branch, title, labels) in enumerate(
        [
            ("labels-for-logs", f"{tickets}-3990 Labels for logs" if tickets else "Labels for logs", ["review-app"]),
            ("try-new-cache", "Try another cache", []),
        ]
    ):
        number = COMMITS + 1 + offset
        sha = commit_sha(repository.full_name, number)
        before = commit_sha(repository.full_name, COMMITS - 2)
        repository.commits[sha] = Commit(sha, (before,), "bayo", title, now - 7200 - offset, (File(TOPICS[offset]),))
        repository.branches[branch] = sha
        pull = Pull(branch, "main", sha)
        repository.issues[FIRST_PULL + number] = Issue(
            FIRST_PULL + number, title, "", "bayo", now - 7000, labels=list(labels), pull=pull
        )
        _checked(next_id, repository, repository.commits[sha])
        repository.runs[-1].branch = branch
    number = FIRST_PULL + COMMITS + 3
    issue = Issue(number, "Release checklist", "- [ ] notes\n- [ ] migrations", "dana", now - 6000, labels=["release"])
    issue.comments.append(Comment(next_id(), "eilidh", "Ready from our side.", now - 5000, now - 5000))
    repository.issues[number] = issue
