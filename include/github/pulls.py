"""Pull requests, as far as a decision about their review app needs them."""

from dataclasses import dataclass

from github.Repository import Repository

from include.github.errors import name_of, read


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


def get_pull(repository: Repository, number: int) -> Pull:
    """Return a pull request. Raises: PreconditionError if there is none, ServiceUnavailableError."""

    def look() -> Pull:
        found = repository.get_pull(number)
        head, base = found.head.repo, found.base.repo
        return Pull(
            number=found.number,
            state=found.state,
            sha=found.head.sha,
            title=found.title,
            own=head is not None and head.id == base.id,
            labels=tuple(label.name for label in found.labels),
            updated=found.updated_at.isoformat() if found.updated_at else "",
        )

    return read(f"pull request {number} of {name_of(repository)}", look)
