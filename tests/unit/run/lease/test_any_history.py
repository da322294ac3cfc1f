"""However runs interleave, there is one holder, fencing numbers grow, and the first to ask is served first."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from include.errors import LeaseLostError
from include.run.lease import Lease, claim, confirm, ensure_held, free, keep, release

RUNS = st.sampled_from(["one", "two", "three", "four"])
DIGEST = "digest"


class Runs(RuleBasedStateMachine):
    """Four runs ask for one target. What each has read may be stale by the time it is stored."""

    asked = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.stored = Lease(target="core/production")
        self.over: set[str] = set()
        self.now = datetime(2026, 11, 20, tzinfo=UTC)
        self.numbers: dict[str, int] = {}  # the fencing number that each run uses, even after it lost the lease
        self.seats: dict[str, datetime] = {}
        self.highest = 0
        self.kept = False

    def state(self, owner: str) -> str:
        return "failed" if owner in self.over else "running"

    def swap(self, before: Lease, after: Lease) -> bool:
        if self.stored.version != before.version:
            return False
        if after.fencing > before.fencing:
            assert after.fencing == self.highest + 1, "a number was given out twice, or one was left out"
            self.highest = after.fencing
        self.stored = after
        return True

    @rule(target=asked, run=RUNS)
    def read(self, run: str) -> tuple[str, Lease]:
        return run, self.stored

    @rule(read=consumes(asked))
    def claim(self, read: tuple[str, Lease]) -> None:
        run, seen = read
        if run in self.over:
            return
        self.now += timedelta(seconds=1)
        got = claim(seen, run, "a reason", self.now, self.state)
        held_before = self.stored.owner
        if not (got.lease == seen or self.swap(seen, got.lease)):
            return
        if got.outcome == "wait":
            if got.lease != seen:
                self.seats[run] = self.now
        elif got.outcome != "held":
            assert held_before is None or held_before in self.over, "taken from a run that is alive"
            assert not self.kept, "taken although it was kept"
            earlier = [other for other, since in self.seats.items() if since < self.seats.get(run, self.now)]
            assert [other for other in earlier if other not in self.over and other != run] == [], "overtook"
            self.seats.pop(run, None)
            self.numbers[run] = got.lease.fencing

    @rule(run=RUNS)
    def confirm(self, run: str) -> None:
        try:
            self.swap(self.stored, confirm(self.stored, run, self.numbers.get(run, 0), DIGEST))
        except LeaseLostError:
            assert not self.holds(run)

    @rule(run=RUNS)
    def release(self, run: str) -> None:
        freed = release(self.stored, run)
        if freed is None:
            assert run not in self.stored.waiting
            assert run != self.stored.owner or self.stored.kept
            return
        self.seats.pop(run, None)
        self.swap(self.stored, freed)

    @rule(run=RUNS)
    def keep(self, run: str) -> None:
        if run in self.over or not self.holds(run):
            return
        self.kept = self.swap(self.stored, keep(self.stored, run, self.numbers[run], "it failed"))

    @rule(run=RUNS)
    def free(self, run: str) -> None:
        freed = free(self.stored, run)
        assert (freed is not None) == (self.kept and self.stored.owner == run)
        if freed is not None:
            self.kept = False
            self.swap(self.stored, freed)

    @rule(run=RUNS)
    def die(self, run: str) -> None:
        self.over.add(run)

    @rule(run=RUNS)
    def start_again(self, run: str) -> None:
        if run in self.over and run not in (self.stored.owner, *self.stored.waiting):
            self.over.discard(run)

    def holds(self, run: str) -> bool:
        return self.stored.owner == run and self.stored.fencing == self.numbers.get(run, 0)

    @invariant()
    def at_most_one_run_may_write(self) -> None:
        allowed = []
        for run, number in self.numbers.items():
            try:
                ensure_held(self.stored, run, number, DIGEST)
            except LeaseLostError:
                continue
            allowed.append(run)
        assert len(allowed) <= 1
        assert all(run == self.stored.owner and self.numbers[run] == self.highest for run in allowed)

    @invariant()
    def holder_has_no_seat(self) -> None:
        assert self.stored.owner not in self.stored.waiting

    @invariant()
    def fencing_never_goes_back(self) -> None:
        assert self.stored.fencing == self.highest

    @invariant()
    def living_runs_keep_their_seats(self) -> None:
        for run, since in self.seats.items():
            if run not in self.over:
                assert self.stored.waiting.get(run) == since


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=50, stateful_step_count=30, deadline=None, derandomize=True)
