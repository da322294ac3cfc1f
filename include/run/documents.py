"""Documents kept about runs and targets: their keys, their shapes and the version of these shapes.

Only this module and those named `*_documents` beside it write a partition key or a prefix of a sort key. Each function returns
the key of one document, for `RunStore.get(*key)` and the like. The type of the same name is the shape of that document, unless a
model elsewhere defines it.
"""

from datetime import datetime
from typing import Any, NamedTuple, NotRequired, TypedDict

from include.errors import PreconditionError

SCHEMA_VERSION = 1  # of new documents; raise it together with a step in `upgrade`
UNVERSIONED = 0  # of documents that were stored before there was a version

RUN, TARGET = "run#", "target#"
EVENTS, DECISIONS, MILESTONES, MESSAGES = "event#", "decision#", "milestone#", "story#"
LOOKS, PROOFS, PARTS = "look#", "proof#", "body#"


class DocumentKey(NamedTuple):
    """The key of a document: its partition key and its sort key."""

    pk: str
    sk: str


def upgrade(key: DocumentKey, version: int, document: dict[str, Any]) -> dict[str, Any]:
    """Return a stored document in the current shape. Raises: PreconditionError if a newer deployment has written it."""
    if version > SCHEMA_VERSION:
        raise PreconditionError(
            f"The document {key.pk} {key.sk} has schema version {version}, and this deployment knows {SCHEMA_VERSION} at most; "
            "deploy the version that wrote it, nothing was changed."
        )
    return document  # the shapes of version 1 are those of the documents without a version


# A document that is too large for one DynamoDB item (400 KB) is cut into parts of its JSON. A head is stored in its place.


class HeadDocument(TypedDict):
    at: str
    body: dict[str, Any]  # parts: their number; sha256: of their joined text


class PartDocument(TypedDict):
    at: str
    text: str


def body_part(pk: str, digest: str, number: int) -> DocumentKey:
    """One part of a large document, named by the digest of the whole: a part written again after a crash is the same part."""
    return DocumentKey(pk, f"{PARTS}{digest}#{number:04d}")


# Documents of a run. A run is `<dag_id>/<run_id>`.


def run_key(run: str) -> str:
    """Return the partition key of everything kept about a run."""
    return RUN + run


def run_of(pk: str) -> str:
    """Return the run that a partition key belongs to."""
    return pk.removeprefix(RUN)


def decision(run: str, seat: int) -> DocumentKey:
    """The decision of one seat of the approval policy, an `include.run.approval.Decision`."""
    return DocumentKey(run_key(run), f"{DECISIONS}{seat}")


def event(run: str, number: int) -> DocumentKey:
    """One line of a run's journal."""
    return DocumentKey(run_key(run), f"{EVENTS}{number:020d}")


def event_number(sk: str) -> int:
    """Return the number in an event's sort key."""
    return int(sk.split("#")[1])


class MilestoneDocument(TypedDict):
    at: str
    step: str
    phase: str
    text: str


def milestone(run: str, step: str, text: str) -> DocumentKey:
    """How far a wait has come, one document per sentence."""
    return DocumentKey(run_key(run), f"{MILESTONES}{step}#{text[:300]}")


class ConfirmedDocument(TypedDict):
    target: str
    run: str
    requester: str | None
    plan: dict[str, Any]
    digest: str
    fencing: int
    leases: NotRequired[dict[str, int]]  # the fencing number of each target; documents of version 0.1 do not contain it
    since: str


def confirmed(run: str) -> DocumentKey:
    """What the confirm task accepted."""
    return DocumentKey(run_key(run), "confirmed")


class StartDocument(TypedDict):
    at: str
    what: str  # begun: the run writes; withdrawn: its approval was taken back before that
    by: NotRequired[str]  # of a withdrawal
    digest: NotRequired[str]


def start(run: str) -> DocumentKey:
    """Which came first: the run's first write, or the withdrawal of its approval."""
    return DocumentKey(run_key(run), "start")


class RecordDocument(TypedDict):
    target: str
    run: str
    outcome: str
    text: str
    reason: str
    requester: str | None
    ended: str
    approvals: NotRequired[list[dict[str, Any]]]  # a run that planned nothing lacks these four
    digest: NotRequired[str]
    plan: NotRequired[dict[str, Any]]
    started: NotRequired[str]


def record(run: str) -> DocumentKey:
    """The one record of a run, written at its end."""
    return DocumentKey(run_key(run), "record")


def fact(run: str, name: str) -> DocumentKey:
    """A fact known only to the running task: who asked (`asked`), what is planned (`plan`)."""
    return DocumentKey(run_key(run), f"fact#{name}")


class MessageDocument(TypedDict):
    version: int
    key: NotRequired[str]  # documents of version 0.1 do not contain it
    state: NotRequired[str]  # claimed, open, posted
    look_from: NotRequired[str]
    channel: NotRequired[str]
    ts: NotRequired[str]
    at: NotRequired[str]
    text: NotRequired[str]  # of the parent message, as Slack shows it
    sure: NotRequired[bool]
    until: NotRequired[str]  # of a pause
    why: NotRequired[str]


def message(run: str, key: str) -> DocumentKey:
    """One message to Slack, or what is known about all messages: `shown`, `pause`."""
    return DocumentKey(run_key(run), f"{MESSAGES}{key}")


class DeploymentDocument(TypedDict):
    deployment: str
    since: str


def restarted(run: str, service: str, mark: datetime) -> DocumentKey:
    """The deployment that restarts a service. A run may restart a service twice, so `mark` distinguishes the two."""
    return DocumentKey(run_key(run), f"rollout#{service}#{mark.isoformat()}")


def deployed(run: str, kind: str, service: str) -> DocumentKey:
    """The deployment of another task definition to a service. `kind` is release, return or rollback."""
    return DocumentKey(run_key(run), f"{kind}#{service}")


def rollback_began(run: str) -> DocumentKey:
    """The moment when a release began to go back."""
    return DocumentKey(run_key(run), "returning")


def build(run: str) -> DocumentKey:
    """The image build that a run follows."""
    return DocumentKey(run_key(run), "build")


class BuildMarkDocument(TypedDict):
    newest: int
    version: NotRequired[int]  # 1 if it is missing


def build_mark(run: str) -> DocumentKey:
    """The newest run of the GitHub workflow before this run started one."""
    return DocumentKey(run_key(run), "build-mark")


class TaskDocument(TypedDict):
    arn: str


def load_test(run: str) -> DocumentKey:
    """The one-off task that measures the response times."""
    return DocumentKey(run_key(run), "performance")


class NotesDocument(TypedDict):
    notes: str
    url: str


def release_notes(run: str) -> DocumentKey:
    """The draft of the GitHub release."""
    return DocumentKey(run_key(run), "release-notes")


class BaselineDocument(TypedDict):
    at: str
    alarms: dict[str, str]
    errors_per_hour: float
    troubles: dict[str, int] | None


def baseline(run: str) -> DocumentKey:
    """Alarms, known Sentry issues and error rates before the release."""
    return DocumentKey(run_key(run), "baseline")


class BakeDocument(TypedDict):
    since: str


def bake(run: str) -> DocumentKey:
    """When the bake time began."""
    return DocumentKey(run_key(run), "bake")


class BackupDocument(TypedDict):
    at: str
    region: str
    backup: str
    objects: int
    bytes: int
    digest: str
    backup_digest: str
    proofs: dict[str, int]


def backup(run: str, region: str) -> DocumentKey:
    """A region's proved backup."""
    return DocumentKey(run_key(run), f"backup#{region}")


class DataDocument(TypedDict):
    at: str
    region: str
    objects: int
    bytes: int
    digest: str


def data(run: str, region: str) -> DocumentKey:
    """A region's new data, proved to be in place."""
    return DocumentKey(run_key(run), f"data#{region}")


class MomentDocument(TypedDict):
    at: str


def restored(run: str, region: str) -> DocumentKey:
    """A region's old data, proved to be in place again."""
    return DocumentKey(run_key(run), f"return#{region}")


def mark(run: str, what: str) -> DocumentKey:
    """When a part of the run began."""
    return DocumentKey(run_key(run), f"mark#{what}")


class VersionDocument(TypedDict):
    at: str
    version: str


def version(run: str, attempt: str) -> DocumentKey:
    """The version that maps get: of the update, or of the restore."""
    return DocumentKey(run_key(run), f"version#{attempt}")


def look(run: str, region: str) -> DocumentKey:
    """What a person saw in a region's test map, an `include.region_data.qa.QaAnswer`."""
    return DocumentKey(run_key(run), f"{LOOKS}{region}")


# Documents that outlive a run, kept by target, `<system>/<environment>`.


def target_key(target: str) -> str:
    """Return the partition key of everything kept about a target."""
    return TARGET + target


def is_target(pk: str) -> bool:
    """Tell whether a partition key is a target's."""
    return pk.startswith(TARGET)


def target_of(pk: str) -> str:
    """Return the target that a partition key belongs to."""
    return pk.removeprefix(TARGET)


class LeaseDocument(TypedDict):
    target: str
    version: int
    fencing: int
    owner: str | None
    reason: str
    since: str | None
    taken_over_from: str | None
    confirmed_plan: str | None
    waiting: dict[str, str]
    kept: str


def lease(target: str) -> DocumentKey:
    """The lease record of a target."""
    return DocumentKey(target_key(target), "lease")


class PendingRunsDocument(TypedDict):
    version: int
    runs: list[str]


def pending_runs(target: str) -> DocumentKey:
    """The runs of a target with pending Slack messages."""
    return DocumentKey(target_key(target), "untold")


class ProofDocument(TypedDict):
    at: str
    digest: str
    commit: str
    target: str
    run: str
    templates: dict[str, str]


def proof(target: str, digest: str, commit: str) -> DocumentKey:
    """An image that was deployed to a staging target, and passed."""
    return DocumentKey(target_key(target), f"{proofs_of(digest)}{commit}")


def proofs_of(digest: str) -> str:
    """Return the prefix of the proofs of one image."""
    return f"{PROOFS}{digest}#"


class DataProofDocument(TypedDict):
    at: str
    region: str
    digest: str
    run: str
    by: str


def data_proof(target: str, region: str, digest: str) -> DocumentKey:
    """Region data that a person found good."""
    return DocumentKey(target_key(target), f"data-proof#{region}#{digest}")


class AttemptDocument(TypedDict):
    at: str
    number: int
    run: NotRequired[str]  # the part that begins an attempt
    begun_at: NotRequired[str]
    arn: NotRequired[str]  # the part that is stored once its task has started
    outcome: NotRequired[str]  # the part that ends it, with details
    exit_code: NotRequired[int | None]
    text: NotRequired[str]
    log: NotRequired[str]


def migration_attempts(key: str) -> str:
    """Return the prefix of all attempts of a migration."""
    return f"migration#{key}#"


def migration_attempt(target: str, key: str, number: int, part: str) -> DocumentKey:
    """One part of one attempt of a migration: 0-begun, 1-started, 2-ended."""
    return DocumentKey(target_key(target), f"{migration_attempts(key)}{number:04d}#{part}")
