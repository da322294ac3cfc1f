"""Comments of a whole repository since a moment: who did something lately, in a call for each hundred, however many pull requests."""

from dataclasses import dataclass
from datetime import datetime

from github.Repository import Repository

from include.github.errors import listed, name_of, read

ROBOT = "Bot"  # the type of an account that is an app


@dataclass(frozen=True)
class Remark:
    """A comment on an issue or a pull request. `robot`: an app has written it."""

    number: int
    by: str
    body: str
    at: datetime
    robot: bool


def list_remarks(repository: Repository, since: datetime) -> tuple[Remark, ...]:
    """Return the comments that were made or edited since then, the oldest first."""

    def look() -> tuple[Remark, ...]:
        found = listed(repository.get_issues_comments(sort="updated", direction="asc", since=since), "id")
        return tuple(
            Remark(
                int(each.issue_url.rsplit("/", 1)[-1]),
                each.user.login if each.user else "",
                each.body or "",
                each.created_at,
                bool(each.user and each.user.type == ROBOT),
            )
            for each in found
        )

    return read(f"comments of {name_of(repository)}", look)
