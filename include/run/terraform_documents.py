"""Documents kept about applies of Terraform: their keys and their shapes.

An apply is owned by its run, `<dag_id>/<run_id>`, or by `<run>#<part>` where a run makes several. `#attempt-<number>` is added for
further attempts.
"""

from typing import NotRequired, TypedDict

from include.run.documents import DocumentKey, run_key, target_key

__all__ = ["run_key", "target_key"]

LINES, ORPHANS, BEGUN, RECREATIONS, TOOK = "apply-line#", "orphan#", "begun#", "recreation#", "took#"
DATA_KEPT, DATA_BACK = "data-kept#", "data-back#"


class ApplyDocument(TypedDict):
    at: str
    host: str  # the worker on which the process was started
    folder: str  # on that worker
    state_version: str  # of the state's object in S3, before the apply


def apply(apply_id: str) -> DocumentKey:
    """The apply that a run is about to start. It is on record before the process exists."""
    return DocumentKey(run_key(apply_id), "apply")


class LockDocument(TypedDict):
    id: str


def apply_lock(apply_id: str) -> DocumentKey:
    """The id of the lock that this run's own Terraform holds."""
    return DocumentKey(run_key(apply_id), "apply-lock")


class LineDocument(TypedDict):
    kind: str  # apply_start, apply_complete, apply_errored, or diagnostic
    address: str
    action: str
    id_key: NotRequired[str]
    id_value: NotRequired[str]
    text: NotRequired[str]  # of an error


def apply_line(apply_id: str, number: int) -> DocumentKey:
    """One line of the apply's output: the same line again, after a crash, is the same document."""
    return DocumentKey(run_key(apply_id), f"{LINES}{number:08d}")


class ApplyLeftDocument(TypedDict):
    since: str


def apply_left(apply_id: str) -> DocumentKey:
    """Since when another worker than the one that started the apply has been asked to follow it."""
    return DocumentKey(run_key(apply_id), "apply-left")


class ApplyEndDocument(TypedDict):
    at: str
    code: int | None  # None: the process was killed
    text: str
    changed: bool  # whether it may have changed anything
    passes: NotRequired[bool]  # whether what has stopped it usually passes by itself


def apply_end(apply_id: str) -> DocumentKey:
    """How the apply ended."""
    return DocumentKey(run_key(apply_id), "apply-end")


class AttemptDocument(TypedDict):
    since: str  # when its wait has begun, by AWS's clock


def attempt(apply_id: str) -> DocumentKey:
    """One more attempt of an apply, which AWS refused for a while. It is on record before it is waited for and planned."""
    return DocumentKey(run_key(apply_id), "attempt")


class OrphanDocument(TypedDict):
    at: str
    address: str
    id: str
    run: str


def orphan(target: str, address: str) -> DocumentKey:
    """A resource that an apply has made, and that is in no state."""
    return DocumentKey(target_key(target), f"{ORPHANS}{address}")


class BegunDocument(TypedDict):
    at: str
    address: str
    run: str


def begun(target: str, address: str) -> DocumentKey:
    """A resource whose creation an apply has begun, and of which nothing was heard again: it may be there, and is in no state."""
    return DocumentKey(target_key(target), f"{BEGUN}{address}")


class RecreationDocument(TypedDict):
    at: str
    commit: str
    run: str


def recreation(target: str, run: str) -> DocumentKey:
    """A recreation of a whole target that was proved."""
    return DocumentKey(target_key(target), f"{RECREATIONS}{run}")


class KeptDataDocument(TypedDict):
    at: str
    address: str
    name: str  # of the instance, the cluster or the bucket; absent in records before version 0.2
    place: str  # a snapshot's name, or s3://bucket/prefix/
    objects: int  # in an archive
    run: str


def kept_data(target: str, place: str) -> DocumentKey:
    """Where a recreation has put data before it destroyed what held it."""
    return DocumentKey(target_key(target), f"{DATA_KEPT}{place}")


class DataBackDocument(TypedDict):
    at: str
    place: str
    run: str


def data_back(target: str, place: str) -> DocumentKey:
    """That such data is back, or was left out as approved."""
    return DocumentKey(target_key(target), f"{DATA_BACK}{place}")


class TookDocument(TypedDict):
    at: str
    seconds: dict[str, int]  # of the slowest operation by its kind, such as "create aws_lb"


def took(target: str, at: str, apply_id: str) -> DocumentKey:
    """How long the operations of an apply took, in the order of the applies' begins."""
    return DocumentKey(target_key(target), f"{TOOK}{at}#{apply_id}")
