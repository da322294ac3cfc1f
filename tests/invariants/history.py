"""The history of runs: calls, journals, decisions, leases and counts, all in one order of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from include.errors import InventoryError
from include.inventory import Target, load
from include.run.approval import Decision
from include.run.lease import Lease
from include.write import RecordedWrite, read_write
from tests.invariants.actions import ACTIONS

PLAN_FILES = "/runbook-plans/"  # where a plan waits for its approval, beside the state
OUTCOMES = ("done", "failed", "found")


@dataclass(frozen=True)
class Violation:
    """One broken promise: its name, and a sentence with the values."""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


@dataclass(frozen=True)
class Call:
    """One AWS call from the log. `n` is its place in the order of events."""

    n: float
    at: datetime
    account: str
    role: str
    service: str
    action: str
    params: Mapping[str, Any]
    mutates: bool
    status: int
    agent: str = ""  # terraform, if its provider or its backend made the call

    @property
    def name(self) -> str:
        return f"{self.service}.{self.action}"

    @property
    def took_effect(self) -> bool:
        return self.status < 400

    @property
    def resources(self) -> frozenset[str]:
        """The resources of the call, empty for an operation that no gateway makes."""
        names = ACTIONS[self.name].resources if self.name in ACTIONS else ()
        return frozenset(each for key in names for each in _as_list(self.params.get(key)))

    @property
    def uri(self) -> str:
        """The S3 object, or the bucket if the call names none, or "" for a call of another service."""
        return f"s3://{self.params['Bucket']}/{self.params.get('Key', '')}" if self.service == "s3" else ""

    def is_in(self, folder: str) -> bool:
        """Tell whether its object may be in a folder: a call that deletes many names them in its body."""
        return self.uri.startswith(folder) if "Key" in self.params else folder.startswith(self.uri)

    @property
    def values(self) -> dict[str, Any]:
        """The values that the call sets, or all its params for an operation that no gateway makes."""
        names = ACTIONS[self.name].values if self.name in ACTIONS else self.params
        return {key: plain(self.params[key]) for key in names if self.params.get(key) not in (None, "")}


@dataclass(frozen=True)
class Event:
    """One line of a run's journal. `number` is its place in that journal."""

    n: float
    at: datetime
    run: str
    number: int
    step: str
    phase: str
    text: str
    details: Mapping[str, Any]

    @cached_property
    def write(self) -> RecordedWrite:
        """The write that an intent announces."""
        return read_write({**self.details, "text": self.text})

    def announces(self, call: Call) -> bool:
        """Tell whether this intent announces the call: same operation, no other resource, no other value."""
        write = self.write
        action = ACTIONS.get(str(write))
        if action is None:
            return False
        if call.uri:
            return call.action in (action.calls or (action.name,)) and any(call.is_in(each) for each in write.names)
        values = {key: plain(value) for key, value in write.values.items() if key in action.values}
        return str(action) == call.name and call.resources <= write.names and call.values == values


@dataclass(frozen=True)
class Decided:
    n: float
    decision: Decision


@dataclass(frozen=True)
class LeaseChange:
    n: float
    lease: Lease


@dataclass(frozen=True)
class Kept:
    """A document that outlives its run, besides the lease: an attestation, or a part of a migration's attempt."""

    n: float
    target: str
    sk: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """The healthy and wanted numbers of a service's tasks from `at` on. `tasks` are the healthy ones' ids, if known."""

    at: datetime
    healthy: int
    desired: int
    tasks: frozenset[str] | None = None


@dataclass
class Run:
    """All documents of one run in the run store."""

    id: str
    account: str  # of the run store: two stores may know two runs of one id
    target: str | None = None
    confirmed: Mapping[str, Any] = field(default_factory=dict)  # what the confirm task accepted
    record: Mapping[str, Any] = field(default_factory=dict)  # the final record
    record_n: float | None = None
    events: list[Event] = field(default_factory=list)  # by number
    decisions: list[Decided] = field(default_factory=list)  # every version that was stored, in order
    documents: dict[str, tuple[float, Mapping[str, Any]]] = field(
        default_factory=dict
    )  # whatever else it stored, by its key

    @property
    def intents(self) -> list[Event]:
        return [each for each in self.events if each.phase == "intent"]

    @property
    def plan(self) -> Mapping[str, Any]:
        plan: Mapping[str, Any] = self.confirmed.get("plan") or self.record.get("plan") or {}
        return plan

    def settled(self, intent: Event) -> bool:
        """Tell whether the outcome of an intent is known: from an answer, or from what AWS showed later."""
        about = [each for each in self.events if each.details.get("intent") == intent.number]
        return any(each.phase in ("done", "found") or each.details.get("answered") is True for each in about)

    def outcome_of(self, intent: Event) -> Event | None:
        """Return the first event with the outcome of an intent."""
        for each in self.events:
            if each.phase in OUTCOMES and each.details.get("intent") == intent.number:
                return each
        return None


@dataclass(frozen=True)
class Excuse:
    """A cause outside the runs, injected or known, that excuses one broken promise about one service or group."""

    invariant: str
    target: str
    service: str
    why: str


@dataclass
class History:
    """Everything that happened, in one order."""

    targets: Mapping[str, Target]
    calls: list[Call]
    runs: dict[tuple[str, str], Run]  # by account and id
    leases: dict[str, list[LeaseChange]]
    lease_reads: dict[str, list[float]]
    kept: list[Kept] = field(default_factory=list)
    timelines: Mapping[tuple[str, str], list[Point]] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)  # target name -> its state in the world
    after: Mapping[str, Any] = field(default_factory=dict)
    posts: list[tuple[str, str | None, str]] = field(default_factory=list)  # channel, thread, key
    speed: float = 1.0  # seconds of AWS's clock per real second
    excuses: list[Excuse] = field(default_factory=list)
    tampered: list[Violation] = field(default_factory=list)  # writes that must never affect a run store

    def __post_init__(self) -> None:
        self._claimed = dict(self._claim())

    @cached_property
    def writes(self) -> list[Call]:
        """The calls of the runbooks themselves that change AWS, without those to the run store and to kept plan files."""
        return [each for each in self._of_our_roles if not each.agent and PLAN_FILES not in each.uri]

    @cached_property
    def writes_of_terraform(self) -> list[Call]:
        """The calls that change AWS and that a Terraform of the runbooks' own roles has made."""
        return [each for each in self._of_our_roles if each.agent == "terraform"]

    @cached_property
    def _of_our_roles(self) -> list[Call]:
        ours = {(each.environment.account, role_name(each)) for each in self.targets.values()}
        return [
            each
            for each in self.calls
            if each.mutates and each.service != "dynamodb" and (each.account, each.role) in ours
        ]

    def is_applied(self, call: Call) -> bool:
        """Tell whether a run's Terraform was at work at the time of a call, or may have gone on after the run's own process died."""
        return any(
            str(intent.write).startswith("terraform.") and intent.n < call.n and _is_open(run, intent, call.n)
            for run in self.runs.values()
            for intent in run.intents
            if self._in_account(run, call)
        )

    def run(self, run: str, target: str) -> Run | None:
        """Return a run that is in the store of a target."""
        found = self.target_of(target)
        return self.runs.get((found.environment.account, run)) if found else None

    def target_of(self, name: str) -> Target | None:
        """Return a target by its name: one of the history's own, or one that comes and goes, such as a review app."""
        if name in self.targets:
            return self.targets[name]
        try:
            found = load().target(name)
        except InventoryError:
            return None
        return found if found.template else None

    def counts_of_others(self, target: str, service: str) -> list[tuple[datetime, int]]:
        """Return the desired counts that nobody's run has set, with their times: those of a schedule, or a person's."""
        environment = self.targets[target].environment
        own = [
            each
            for each in self.writes
            if each.name == "ecs.UpdateService" and each.took_effect and "desiredCount" in each.values
            if each.account == environment.account and each.params.get("cluster") == environment.cluster
            if each.params.get("service") == service
        ]
        found = []
        for one, other in pairwise(self.timelines.get((target, service), [])):
            set_by_run = any(
                one.at <= each.at <= other.at and int(each.values["desiredCount"]) == other.desired for each in own
            )
            if one.desired != other.desired and not set_by_run:
                found.append((other.at, other.desired))
        return found

    def claims(self, call: Call) -> tuple[Run, Event] | None:
        """Return the run and the intent of a write, or None if no intent announced it."""
        return self._claimed.get(call.n)

    def writes_of(self, run: Run) -> list[Call]:
        return [each for each in self.writes if (claim := self.claims(each)) and claim[0] is run]

    def holder(self, target: str, n: float) -> Lease | None:
        """Return the target's lease at a place in the order, or None if no change of it is known."""
        known = [each.lease for each in self.leases.get(target, []) if each.n < n]
        return known[-1] if known else None

    def is_excused(self, invariant: str, target: str, service: str) -> bool:
        return any((each.invariant, each.target, each.service) == (invariant, target, service) for each in self.excuses)

    def _claim(self) -> Iterator[tuple[float, tuple[Run, Event]]]:
        intents = [(run, each) for run in self.runs.values() for each in run.intents]
        for call in self.writes:
            fitting = [
                (run, each)
                for run, each in intents
                if each.n < call.n and each.announces(call) and self._in_account(run, call)
            ]
            is_open = [pair for pair in fitting if _is_open(*pair, call.n)]
            if is_open:  # for several runs the lease decides, for one run its newest number
                yield call.n, max(is_open, key=lambda pair: (self._holds(pair[0], call.n), pair[1].n))

    def _in_account(self, run: Run, call: Call) -> bool:
        target = self.targets.get(run.target or "")
        return target is not None and target.environment.account == call.account

    def _holds(self, run: Run, n: float) -> bool:
        lease = self.holder(run.target or "", n)
        return lease is not None and lease.owner == run.id


def _is_open(run: Run, intent: Event, n: float) -> bool:
    outcome = run.outcome_of(intent)
    return outcome is None or outcome.n > n


def role_name(target: Target) -> str:
    """Return the name of a target's role as it stands in a call log, without the path that an inventory may give."""
    return target.environment.role.rsplit("/", 1)[-1]


def plain(value: Any) -> Any:
    """Return a value in the form that the journal and every AWS protocol share."""
    if isinstance(value, list | tuple):
        return sorted(plain(each) for each in value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return str(value).lower()


def _as_list(value: Any) -> Iterable[str]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (str(value),)
