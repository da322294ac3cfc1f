"""The one comment of a pull request, as far as the clean-up writes to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from include import github
from include.inventory import Target
from include.review_apps.cleanup.notice import with_notice
from include.review_apps.comment import MARK, find_ours
from include.write import Write

if TYPE_CHECKING:
    from github.Repository import Repository


def is_ours(body: str) -> bool:
    """Tell whether a comment is the one that runbooks write."""
    return MARK in body


def put_notice(make: Callable[[Write[Any]], object], repository: Repository, app: Target, notice: str) -> None:
    """Put lines into the one comment of an app's pull request, posted if there is none. `make` makes a write. Raises: RunbookError."""
    number = app.number
    assert number is not None
    found = find_ours(repository, number)
    if found is None:
        first = f"{MARK}\nReview app {app.name}: {app.review_app.url}"
        make(github.create_comment(repository, number, MARK, with_notice(first, notice), find_ours))
    elif (body := with_notice(found.body, notice)) != found.body:
        make(github.edit_comment(repository, number, found.id, body))
