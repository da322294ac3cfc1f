"""Documents kept about review apps: their keys and their shapes, as in `documents`."""

from typing import NotRequired, TypedDict

from include.run.documents import DocumentKey, target_key

QUEUE, SEEDED, DROPPED = "review-queue", "review-seeded#", "review-dropped#"


class QueueDocument(TypedDict):
    """Pull requests that wait for a place, or are taking theirs, each with its run. The first one waits longest."""

    version: int
    waiting: list[tuple[int, str]]


def queue(pattern: str) -> DocumentKey:
    """The queue of a template's review apps. It is replaced."""
    return DocumentKey(target_key(pattern), QUEUE)


class SeededDocument(TypedDict):
    at: str
    run: str
    made: NotRequired[bool]  # the database was made by this run; else it was found with its rows


def seeded(target: str, run: str) -> DocumentKey:
    """That a run has found an app's database seeded."""
    return DocumentKey(target_key(target), f"{SEEDED}{run}")


class DroppedDocument(TypedDict):
    at: str
    run: str
    database: str
    was_there: bool


def dropped(target: str, run: str) -> DocumentKey:
    """The proof that an app's database is gone, with the data in it."""
    return DocumentKey(target_key(target), f"{DROPPED}{run}")
