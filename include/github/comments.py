"""Comments on a pull request: ours is found again by its mark, posted once, and edited from then on."""

from collections.abc import Callable
from dataclasses import dataclass

from github.GithubException import UnknownObjectException
from github.IssueComment import IssueComment
from github.Repository import Repository

from include.errors import ServiceUnavailableError
from include.github.errors import listed, name_of, read, translated
from include.write import Action, RecordedWrite, Write

CREATE_COMMENT = Action(
    "github", "CreateIssueComment", resources=("repository",), values=("issue", "mark"), detail=True
)
UPDATE_COMMENT = Action("github", "UpdateIssueComment", resources=("repository",), values=("comment",), detail=True)
ADD_REACTION = Action("github", "CreateReaction", resources=("repository",), values=("comment",), detail=True)


Find = Callable[[Repository, int], "Comment | None"]


@dataclass(frozen=True)
class Comment:
    """A comment. `by` is "" once the account is gone."""

    id: int
    by: str
    body: str
    at: str
    edited: str
    url: str = ""
    by_bot: bool = False  # by an app of GitHub: nobody else can say so


def list_comments(repository: Repository, number: int) -> tuple[Comment, ...]:
    """Return the comments of a pull request, the oldest first."""
    return read(
        f"comments of pull request {number} of {name_of(repository)}",
        lambda: tuple(
            sorted(
                (_comment(each) for each in listed(repository.get_issue(number).get_comments(), "id")),
                key=lambda comment: comment.id,
            )
        ),
    )


def find_comment(repository: Repository, number: int, mark: str) -> Comment | None:
    """Return the first comment that holds a mark. Nobody knows a mark before it is posted, so the first is ours."""
    return next((comment for comment in list_comments(repository, number) if mark in comment.body), None)


def create_comment(
    repository: Repository, number: int, mark: str, body: str, find: Find | None = None
) -> Write[Comment]:
    """Return the write that posts a comment, unless there is one with its mark, and returns it. The mark stands in the body.

    `find` says which one with the mark is ours, where somebody else may have copied it.
    """
    assert mark in body
    looked = find or (lambda repository, number: find_comment(repository, number, mark))
    return Write(
        CREATE_COMMENT,
        f"on pull request {number} of {name_of(repository)}",
        lambda: _create(repository, number, body, looked),
        resources={"repository": name_of(repository)},
        values={"issue": number, "mark": mark},
    )


def edit_comment(repository: Repository, number: int, comment: int, body: str) -> Write[bool]:
    """Return the write that replaces a comment's text. It returns False if somebody has deleted the comment."""
    return Write(
        UPDATE_COMMENT,
        f"on pull request {number} of {name_of(repository)}",
        lambda: _edit(repository, number, comment, body),
        resources={"repository": name_of(repository)},
        values={"comment": comment},
    )


def add_reaction(repository: Repository, number: int, comment: int, reaction: str) -> Write[None]:
    """Return the write that reacts to a comment, such as by `eyes`. A second one changes nothing."""

    def make() -> None:
        with translated(f"comment {comment} of pull request {number} of {name_of(repository)}"):
            repository.get_issue(number).get_comment(comment).create_reaction(reaction)

    return Write(
        ADD_REACTION,
        f"{reaction} to comment {comment} on pull request {number}",
        make,
        resources={"repository": name_of(repository)},
        values={"comment": comment, "reaction": reaction},
    )


def was_posted(repository: Repository, write: RecordedWrite) -> bool | None:
    """Tell whether a comment that may have been posted is there."""
    if str(write) != str(CREATE_COMMENT):
        return None
    return find_comment(repository, int(write.values["issue"]), str(write.values["mark"])) is not None


def _create(repository: Repository, number: int, body: str, find: Find) -> Comment:
    if found := find(repository, number):
        return found
    try:
        with translated(f"pull request {number} of {name_of(repository)}"):
            return _comment(repository.get_issue(number).create_comment(body))
    except ServiceUnavailableError:
        found = find(repository, number)  # perhaps only the answer was lost
        if found is None:
            raise
        return found


def _edit(repository: Repository, number: int, comment: int, body: str) -> bool:
    with translated(f"comment {comment} of pull request {number} of {name_of(repository)}"):
        try:
            repository.get_issue(number).get_comment(comment).edit(body)
        except UnknownObjectException:
            return False
    return True


def _comment(found: IssueComment) -> Comment:
    return Comment(
        found.id,
        found.user.login if found.user else "",
        found.body or "",
        found.created_at.isoformat(),
        found.updated_at.isoformat() if found.updated_at else "",
        found.html_url,
        found.user is not None and found.user.type == "Bot",
    )
