"""A repository on GitHub: commits, tags, releases, issues, and workflow runs."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.faults.model import Fault

BOT = "runbooks-bot"
SHORTEST = 7  # characters of an abbreviated commit that is still looked up


class GitHubError(Exception):
    """An error of GitHub: status, message, and the problem of each field."""

    def __init__(self, status: int, message: str, *errors: dict[str, str]):
        super().__init__(message)
        self.status, self.message, self.errors = status, message, list(errors)


def invalid(resource: str, name: str, code: str = "invalid") -> dict[str, str]:
    """Return one entry of a validation error."""
    return {"resource": resource, "field": name, "code": code}


@dataclass(frozen=True)
class File:
    name: str
    status: str = "modified"
    additions: int = 12
    deletions: int = 3


@dataclass(frozen=True)
class Commit:
    sha: str
    parents: tuple[str, ...]
    author: str
    message: str
    at: float
    files: tuple[File, ...] = ()

    @property
    def subject(self) -> str:
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True)
class AnnotatedTag:
    sha: str
    name: str
    message: str
    commit: str
    tagger: str
    at: float


@dataclass
class Release:
    id: int
    tag: str
    name: str
    body: str
    target: str
    draft: bool
    prerelease: bool
    author: str
    created: float
    published: float | None = None


@dataclass(frozen=True)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: str
    at: float


@dataclass
class Comment:
    id: int
    author: str
    body: str
    at: float
    edited: float
    reactions: list[str] = field(default_factory=list)  # ours
    earlier: list[str] = field(default_factory=list)  # what it said before each edit


@dataclass(frozen=True)
class Pull:
    branch: str
    base: str
    head: str
    merge_commit: str | None = None
    merged: float | None = None
    fork: str = ""  # whose fork its branch is in; "" for a branch of the repository
    fork_gone: bool = False


@dataclass(frozen=True)
class Labelled:
    """That somebody gave or took a label."""

    id: int
    event: str
    label: str
    actor: str
    at: float


@dataclass(frozen=True)
class DeploymentStatus:
    id: int
    state: str
    description: str
    url: str
    at: float


@dataclass
class Deployment:
    id: int
    sha: str
    environment: str
    description: str
    transient: bool
    at: float
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass
class Issue:
    """An issue, or a pull request, which is one too."""

    number: int
    title: str
    body: str
    author: str
    at: float
    state: str = "open"
    closed: float | None = None
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    pull: Pull | None = None
    labelled: list[Labelled] = field(default_factory=list)
    touched: float = 0.0  # when somebody did something with it

    @property
    def updated(self) -> float:
        said = (moment for comment in self.comments for moment in (comment.at, comment.edited))
        return max(self.at, self.closed or 0.0, self.touched, *said, *(each.at for each in self.labelled))


@dataclass
class Workflow:
    id: int
    name: str
    file: str
    events: tuple[str, ...]
    jobs: tuple[str, ...]
    lasts: float  # simulated seconds
    inputs: dict[str, bool] = field(default_factory=dict)  # of a dispatch: whether each is required
    active: bool = True

    @property
    def path(self) -> str:
        return f".github/workflows/{self.file}"


@dataclass
class Run:
    """A workflow run; `held` keeps it from ending."""

    id: int
    number: int
    workflow: Workflow
    event: str
    branch: str
    sha: str
    actor: str
    title: str
    created: float
    lasts: float
    inputs: dict[str, Any] = field(default_factory=dict)
    status: str = "queued"
    conclusion: str | None = None
    started: float | None = None
    updated: float = 0.0
    attempt: int = 1
    held: Fault | None = None


@dataclass
class Attempt:
    """One attempt to deliver an event. All attempts of a delivery have the same guid. `status` 0: it was not answered."""

    id: int
    guid: str
    event: str
    payload: dict[str, Any]
    at: float
    status: int
    redelivery: bool = False


@dataclass
class Hook:
    """A webhook. `form`: its payloads come as a field of a form, not as JSON."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)
    form: bool = False
    attempts: list[Attempt] = field(default_factory=list)  # oldest first


@dataclass
class Repository:
    id: int
    owner: str
    name: str
    default_branch: str = "main"
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # to a commit, or to an annotated tag
    annotated: dict[str, AnnotatedTag] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)
    latest: int | None = None  # the release somebody made the latest one
    statuses: list[Status] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)  # name -> colour
    workflows: list[Workflow] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)  # oldest first
    collaborators: dict[str, str] = field(default_factory=dict)  # login -> permission
    hooks: list[Hook] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)  # logins of accounts that were deleted or suspended
    hidden: dict[int, Issue] = field(default_factory=dict)  # of suspended accounts: GitHub shows nobody what they did
    last: int = 0  # the highest number that an issue has had

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def tagged(self, name: str) -> Commit:
        """Return the commit a tag leads to."""
        sha = self.tags[name]
        return self.commits[self.annotated[sha].commit if sha in self.annotated else sha]

    def resolve(self, ref: str) -> Commit | None:
        """Return the commit of a branch, a tag, or a full or abbreviated sha; a branch wins over a tag."""
        if ref.startswith(("refs/heads/", "heads/")):
            return self.commits.get(self.branches.get(ref.split("heads/", 1)[1], ""))
        if ref.startswith(("refs/tags/", "tags/")):
            name = ref.split("tags/", 1)[1]
            return self.tagged(name) if name in self.tags else None
        if ref == "HEAD":
            return self.commits[self.branches[self.default_branch]]
        if ref in self.branches:
            return self.commits[self.branches[ref]]
        if ref in self.tags:
            return self.tagged(ref)
        found = [sha for sha in self.commits if len(ref) >= SHORTEST and sha.startswith(ref.lower())]
        return self.commits[found[0]] if len(found) == 1 else None

    def history(self, sha: str) -> list[Commit]:
        """Return a commit and all before it, newest first."""
        seen: set[str] = set()
        waiting = [sha]
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                waiting += self.commits[each].parents
        return sorted((self.commits[each] for each in seen), key=lambda commit: commit.at, reverse=True)

    def next_number(self) -> int:
        """Return the number of a new issue. GitHub gives none twice."""
        self.last = max(self.last, *self.issues, *self.hidden, 0) + 1
        return self.last

    def release_of(self, tag: str) -> Release | None:
        """Return the published release of a tag."""
        return next((release for release in self.releases if release.tag == tag and not release.draft), None)

    def latest_release(self) -> Release | None:
        """Return what GitHub calls the latest: neither draft nor pre-release, of the youngest commit."""
        full = [release for release in self.releases if not release.draft and not release.prerelease]
        chosen = [each for each in full if each.id == self.latest]
        return max(chosen or full, key=lambda each: (each.created, each.published or 0.0), default=None)

    def pulls_of(self, sha: str) -> list[Issue]:
        """Return the pull requests a commit came with."""
        return [
            issue
            for issue in self.issues.values()
            if issue.pull
            and (issue.pull.merge_commit == sha or (issue.state == "open" and sha in self._own_commits(issue.pull)))
        ]

    def _own_commits(self, pull: Pull) -> set[str]:
        base = {each.sha for each in self.history(self.branches[pull.base])}
        return {each.sha for each in self.history(pull.head)} - base
