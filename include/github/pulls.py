"""Pull requests, as far as a decision about their review app needs them: state, commit, labels, and who gave a label."""

from dataclasses import dataclass

from github.GithubException import GithubException, UnknownObjectException
from github.PullRequest import PullRequest
from github.Repository import Repository

from include.github.errors import listed, name_of, read

WRITING = frozenset({"write", "maintain", "admin"})
GONE = 404


@dataclass(frozen=True)
class Pull:
    """A pull request. `own` tells whether its branch is in the repository itself: a fork has another id, or is gone."""

    number: int
    state: str  # open, closed
    sha: str
    title: str
    own: bool
    labels: tuple[str, ...]
    updated: str  # by GitHub's clock; it changes with each push, label, comment, closing and reopening
    author: str = ""  # "" once the account is gone
    created: str = ""
    closed: str = ""  # when it was, or ""
    repository: str = ""  # where it is by now: GitHub redirects to a repository that was renamed or transferred


@dataclass(frozen=True)
class Labelling:
    """The last time that somebody gave a label. `by` is "" if that account is gone."""

    by: str
    at: str


def get_pull(repository: Repository, number: int) -> Pull:
    """Return a pull request. Raises: PreconditionError if there is none, ServiceUnavailableError."""
    return read(
        f"pull request {number} of {name_of(repository)}", lambda: read_described_pull(repository.get_pull(number))
    )


def find_pull(repository: Repository, number: int) -> Pull | None:
    """Return a pull request, or None if GitHub knows none of that number, such as one that was transferred."""

    def look() -> Pull | None:
        try:
            return read_described_pull(repository.get_pull(number))
        except UnknownObjectException:
            return None

    return read(f"pull request {number} of {name_of(repository)}", look)


def list_open_pulls(repository: Repository) -> tuple[Pull, ...]:
    """Return every open pull request, the oldest first, 100 a call."""
    return read(
        f"pull requests of {name_of(repository)}",
        lambda: tuple(
            read_described_pull(each)
            for each in listed(repository.get_pulls(state="open", sort="created", direction="asc"), "number")
        ),
    )


def find_labelling(repository: Repository, number: int, label: str) -> Labelling | None:
    """Return who gave a pull request a label last, or None if nobody has."""

    def look() -> Labelling | None:
        found = None
        for event in repository.get_issue(number).get_events():
            if event.event == "labeled" and event.label and event.label.name == label:
                found = Labelling(event.actor.login if event.actor else "", event.created_at.isoformat())
        return found

    return read(f"events of pull request {number} of {name_of(repository)}", look)


def may_write(repository: Repository, login: str) -> bool:
    """Tell whether a user may write to a repository, as GitHub says of its collaborators. A user that is gone may not."""

    def look() -> bool:
        try:
            return repository.get_collaborator_permission(login) in WRITING
        except GithubException as error:
            if error.status == GONE:
                return False
            raise

    return bool(login) and read(f"rights of {login} in {name_of(repository)}", look)


def read_described_pull(found: PullRequest) -> Pull:
    """Return a pull request as GitHub describes it in any answer."""
    head, base = found.head.repo, found.base.repo
    return Pull(
        number=found.number,
        state=found.state,
        sha=found.head.sha,
        title=found.title,
        own=head is not None and head.id == base.id,
        labels=tuple(label.name for label in found.labels),
        updated=found.updated_at.isoformat() if found.updated_at else "",
        author=found.user.login if found.user else "",
        created=found.created_at.isoformat() if found.created_at else "",
        closed=found.closed_at.isoformat() if found.closed_at else "",
        repository=base.full_name if base else "",
    )
