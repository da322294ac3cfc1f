"""Documents of the clean-up of review apps: their keys and their shapes, as in `documents`. All of a template's apps share a key.

So one query reads what is on record of all of them.
"""

from typing import TypedDict

from include.run.documents import DocumentKey

CLEANUP, NOTES, COMMANDS = "cleanup#", "note#", "command#"


class NoteDocument(TypedDict):
    version: int
    number: int
    active: str | None
    sha: str
    until: str | None
    warned: dict[str, list[str]]
    asleep: str | None
    sent: str | None
    down: str | None


def apps_key(target: str) -> str:
    """Return the partition key of everything kept about a template's apps. `target` is `<system>/<template>`."""
    return CLEANUP + target


def note(target: str, number: int) -> DocumentKey:
    """The record of one app. Unlike most documents it is replaced."""
    return DocumentKey(apps_key(target), f"{NOTES}{number:09d}")


class SurveyDocument(TypedDict):
    version: int
    began: str  # by AWS's clock
    read_up_to: str  # the comments of the repository
    asked_up_to: int  # the number of a pull request without an open one
    started: list[str]  # runs, `<dag_id>/<run_id>`
    text: str


def survey(target: str) -> DocumentKey:
    """The progress of the last clean-up. The next one replaces it."""
    return DocumentKey(apps_key(target), "survey")


class CommandDocument(TypedDict):
    at: str
    number: int
    by: str
    command: str
    allowed: bool


def command(target: str, comment: int) -> DocumentKey:
    """A command that somebody gave in a comment, whether allowed or not."""
    return DocumentKey(apps_key(target), f"{COMMANDS}{comment:020d}")
