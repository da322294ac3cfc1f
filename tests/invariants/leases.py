"""I8: at most one run changes a target, with fencing numbers that only grow, and checks its lease before each write."""

from collections.abc import Iterator
from itertools import pairwise

from tests.invariants.history import Event, History, Run, Violation


def check_leases(history: History) -> list[Violation]:
    """Check the leases themselves, the writes under them, and the reads before the writes."""
    found = [*_numbers(history), *_generations(history)]
    for run in history.runs.values():
        found += [*_held(history, run), *_looked(history, run)]
    return found


def _numbers(history: History) -> Iterator[Violation]:
    for target, changes in history.leases.items():
        for one, other in pairwise(change.lease for change in changes):
            new_owner = other.owner is not None and other.owner != one.owner
            if other.version != one.version + 1:
                yield Violation("I8", f"The lease of {target} went from version {one.version} to {other.version}.")
            if other.fencing < one.fencing or (new_owner and other.fencing == one.fencing):
                yield Violation(
                    "I8",
                    f"The fencing number of {target} went from {one.fencing} ({one.owner}) to {other.fencing} "
                    f"({other.owner}); it must grow with every owner.",
                )


def _generations(history: History) -> Iterator[Violation]:
    """Check the journals alone: one run per fencing number, and numbers that never decrease from write to write."""
    by_target: dict[str, list[Event]] = {}
    for run in history.runs.values():
        by_target.setdefault(run.target or "", []).extend(run.intents)
    for target, intents in by_target.items():
        intents.sort(key=lambda each: (each.n, each.number))
        for one, other in pairwise(intents):
            before, after = one.details.get("fencing"), other.details.get("fencing")
            if before is None or after is None or after < before or (after == before and one.run != other.run):
                yield Violation(
                    "I8",
                    f"On {target}, {other.run} wrote under number {after} ({other.text}) after {one.run} under {before}.",
                )


def _held(history: History, run: Run) -> Iterator[Violation]:
    for call in history.writes_of(run):
        claim = history.claims(call)
        lease = history.holder(run.target or "", call.n)
        if claim is None or lease is None:
            continue  # unannounced writes break another promise; and without the table's calls the lease is unknown
        intent = claim[1]
        theirs = (intent.run, intent.details.get("fencing"), intent.details.get("digest"))
        if theirs != (lease.owner, lease.fencing, lease.confirmed_plan):
            yield Violation(
                "I8",
                f"Call {call.n:g} {call.name} was made by {intent.run} with number {theirs[1]} and plan "
                f"{str(theirs[2])[:16]}, while {run.target} was leased to {lease.owner} with number {lease.fencing} and plan "
                f"{str(lease.confirmed_plan)[:16]}.",
            )


def _looked(history: History, run: Run) -> Iterator[Violation]:
    reads = history.lease_reads.get(run.target or "")
    if reads is None:
        return  # the log does not contain the table's calls
    previous = float("-inf")
    for event in run.events:
        if event.phase == "intent" and not any(previous < n < event.n for n in reads):
            yield Violation(
                "I8", f"{run.id} did not read the lease of {run.target} before intent {event.number}, {event.text}."
            )
        previous = event.n
