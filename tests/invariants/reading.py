"""Build a history from a call log and the documents of run stores."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from include.inventory import Target
from include.run import cleanup_documents, documents, door_documents, large, review_documents
from include.run.approval import Decision
from include.run.lease import Lease
from tests.invariants.history import Call, Decided, Event, Excuse, History, Kept, LeaseChange, Point, Run, Violation

Documents = Iterable[tuple[str, str, str, Mapping[str, Any]]]  # the store's account, pk, sk, document
_Key = tuple[str, str, str]  # the store's account, pk, sk
_Unlogged = tuple[datetime, _Key, Mapping[str, Any]]  # its own time, its key, the document
MEMBER = re.compile(r"(?P<name>\w+)\.member\.\d+")
APPEND_ONLY = "attribute_not_exists"
REPLACED = (
    documents.lease("").sk,
    documents.pending_runs("").sk,
    door_documents.pending_deliveries().sk,
    review_documents.queue("").sk,
    cleanup_documents.survey("").sk,
)
OUTBOX = documents.MESSAGES  # what Slack shows so far: it changes, and is not part of the record


def read_history(
    targets: Sequence[Target],
    calls: Iterable[Mapping[str, Any]],
    documents: Documents,
    *,
    timelines: Mapping[tuple[str, str], Iterable[Mapping[str, Any]]] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    posts: Iterable[tuple[str, str | None, str]] = (),
    speed: float = 1.0,
    excuses: Iterable[Excuse] = (),
) -> History:
    """Put calls and documents in one order.

    A log that holds the calls to the operations table (the sandbox's) gives the order itself. Where it does not
    (CloudTrail keeps no items), a document stands before the first call that is not older, by its own time; what the
    lease was at a moment is then not known, and only the fencing numbers in the journals speak.
    `before` and `after` are targets by name, as the sandbox's GET /world shows them.
    """
    reader = _Reader([_call(call) for call in calls])
    reader.read_table_calls()
    for account, pk, sk, document in documents:
        reader.place((account, pk, sk), document)
    reader.place_unlogged()
    return History(
        targets={target.name: target for target in targets},
        calls=reader.calls,
        runs=reader.ordered_runs(),
        leases=reader.leases,
        lease_reads=reader.lease_reads,
        kept=sorted(reader.kept, key=lambda each: each.n),
        timelines={key: [_point(point) for point in points] for key, points in (timelines or {}).items()},
        before=before or {},
        after=after or {},
        posts=list(posts),
        speed=speed,
        excuses=list(excuses),
        tampered=reader.tampered,
    )


class _Reader:
    def __init__(self, calls: list[Call]):
        self.calls = sorted(calls, key=lambda each: each.n)
        self.runs: dict[tuple[str, str], Run] = {}
        self.leases: dict[str, list[LeaseChange]] = {}
        self.lease_reads: dict[str, list[float]] = {}
        self.kept: list[Kept] = []
        self.tampered: list[Violation] = []
        self._unlogged: list[_Unlogged] = []
        self._texts: dict[_Key, str] = {}  # for the parts of large documents
        self._logged: dict[_Key, str] = {}  # the stored documents in the log, as JSON

    def read_table_calls(self) -> None:
        for call in self.calls:
            if call.service != "dynamodb" or not call.took_effect or call.agent:
                continue  # Terraform has a table of its own, for its locks
            if call.action == "GetItem":
                key = call.params.get("Key", {})
                if key.get("sk", {}).get("S") == "lease":
                    self.lease_reads.setdefault(_target(key["pk"]["S"]), []).append(call.n)
            elif call.action == "PutItem" and "document" in call.params.get("Item", {}):
                self._stored(call)
            elif call.mutates:
                self.tampered.append(
                    Violation(
                        "I20", f"Call {call.n:g} is a {call.action} on an operations table, which only takes PutItem."
                    )
                )

    def _stored(self, call: Call) -> None:
        item = call.params["Item"]
        pk, sk, text = item["pk"]["S"], item["sk"]["S"], item["document"]["S"]
        condition, key = str(call.params.get("ConditionExpression", "")), (call.account, pk, sk)
        kept = sk not in REPLACED and not sk.startswith((OUTBOX, door_documents.USED, cleanup_documents.NOTES))
        if kept and (key in self._logged or APPEND_ONLY not in condition):
            self.tampered.append(
                Violation(
                    "I20",
                    f"Call {call.n:g} overwrites {pk} {sk}, or could: documents are only ever added, but leases and lists of messages.",
                )
            )
        self._logged[key] = text
        self._add(key, json.loads(text), call.n)

    def place(self, key: _Key, document: Mapping[str, Any]) -> None:
        """DocumentKey a document as the table holds it now. A document in the log must still have its stored contents."""
        _, pk, sk = key
        if key not in self._logged:
            if sk != "lease":
                self._unlogged.append((_time(document.get("at") or document.get("ended")), key, document))
        elif json.loads(self._logged[key]) != document:
            self.tampered.append(
                Violation(
                    "I20",
                    f"Document {pk} {sk} is not what was stored: {_short(self._logged[key])} became {_short(document)}.",
                )
            )

    def place_unlogged(self) -> None:
        """DocumentKey what the log did not record between its calls, by time. Documents in one gap keep the order of their times."""
        times = [call.at for call in self.calls]
        gaps: dict[int, list[_Unlogged]] = {}
        for each in sorted(self._unlogged, key=lambda each: each[0]):
            gaps.setdefault(bisect_left(times, each[0]), []).append(each)
        for index, gap in gaps.items():
            start = self.calls[index - 1].n if index else 0.0
            for place, (_, key, document) in enumerate(gap, 1):
                self._add(key, document, start + place / (len(gap) + 1))

    def _add(self, key: _Key, document: Mapping[str, Any], n: float) -> None:
        account, pk, sk = key
        if parts := large.parts_of(pk, document):
            document = large.join_parts(document, (self._texts[account, *place] for place in parts))
        if sk.startswith(documents.PARTS):
            self._texts[key] = document["text"]
            return
        if sk == "lease":
            self.leases.setdefault(_target(pk), []).append(LeaseChange(n, Lease.model_validate(document)))
            return
        if documents.is_target(pk):
            self.kept.append(Kept(n, _target(pk), sk, document))
            return
        name = documents.run_of(pk)
        run = self.runs.setdefault((account, name), Run(name, account))
        kind, _, rest = sk.partition("#")
        if kind == "event":
            run.events.append(_event(run.id, int(rest.split("#")[0]), document, n))
        elif kind == "decision":
            run.decisions.append(Decided(n, Decision.model_validate(document)))
        elif kind == "confirmed":
            run.confirmed, run.target = document, str(document["target"])
        elif kind == "record":
            run.record, run.record_n, run.target = document, n, str(document["target"])
        else:
            run.documents[sk] = (n, document)

    def ordered_runs(self) -> dict[tuple[str, str], Run]:
        for run in self.runs.values():
            run.events.sort(key=lambda each: each.number)
            run.decisions.sort(key=lambda each: each.n)
        return self.runs


def _call(given: Mapping[str, Any]) -> Call:
    return Call(
        n=given["n"],
        at=_time(given["at"]),
        account=given["account"],
        role=given["role"],
        service=given["service"].lower(),
        action=given["action"],
        params=_params(given["params"] or {}),
        mutates=given["mutates"],
        status=given["status"],
        agent=given.get("agent", ""),
    )


def _params(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query protocol's params with numbered members as lists."""
    params: dict[str, Any] = {}
    for key, value in given.items():
        match = MEMBER.fullmatch(key)
        if match:
            params.setdefault(match["name"], []).append(value)
        else:
            params[key] = value
    return params


def _event(run: str, number: int, document: Mapping[str, Any], n: float) -> Event:
    own = ("at", "step", "phase", "text")
    rest = {key: value for key, value in document.items() if key not in own}
    at, step, phase, text = (document[key] for key in own)
    return Event(n, _time(at), run, number, step, phase, text, rest)


def _point(given: Mapping[str, Any]) -> Point:
    tasks = given.get("tasks")
    return Point(_time(given["at"]), given["healthy"], given["desired"], None if tasks is None else frozenset(tasks))


def _target(pk: str) -> str:
    return documents.target_of(pk)


def _time(value: Any) -> datetime:
    if value is None:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 120 else f"{text[:117]}..."
