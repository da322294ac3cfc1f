"""Documents kept about promotions: their keys and their shapes."""

from typing import TypedDict

from include.run.documents import DocumentKey, run_key, target_key

__all__ = ["target_key"]


class PromotedDocument(TypedDict):
    at: str
    commit: str
    artefact: str  # SHA-256 of the package's content; "" without one
    run: str


def promoted(target: str, commit: str, artefact: str) -> DocumentKey:
    """A commit that was promoted to a target, with this artefact, and held there."""
    return DocumentKey(target_key(target), f"{promotions_of(commit)}{artefact}")


def promotions_of(commit: str) -> str:
    """Return the prefix of the promotions of one commit."""
    return f"promoted#{commit}#"


class FunctionDocument(TypedDict):
    at: str
    stack: str
    change_set: str  # "": the stack has the template already


def function(run: str, name: str) -> DocumentKey:
    """The change set by which a run deploys a function."""
    return DocumentKey(run_key(run), f"function#{name}")


class WatchDocument(TypedDict):
    since: str  # by AWS's clock


def watch(run: str) -> DocumentKey:
    """When a run began to watch the alarms."""
    return DocumentKey(run_key(run), "watch")
