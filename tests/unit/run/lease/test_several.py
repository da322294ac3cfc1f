"""Several leases are taken together or not at all, and no two runs wait for each other."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from include.run.lease import Lease, claim_all

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
FREE = [Lease(target="core/b"), Lease(target="core/a")]


def running(_owner: str) -> str:
    return "running"


def test_free_leases_are_taken_together_in_the_order_of_their_names():
    asked = claim_all(FREE, "one", "a reason", NOW, running)
    assert asked.outcome == "held"
    assert [(lease.target, lease.owner) for lease in asked.leases] == [("core/a", "one"), ("core/b", "one")]
    assert asked.fencing == {"core/a": 1, "core/b": 1}
    assert asked.message == "Leased core/a, fencing number 1. Leased core/b, fencing number 1."


def test_run_that_has_to_wait_for_one_takes_none_and_says_which():
    taken = Lease(target="core/b", version=1, fencing=4, owner="other", since=NOW, reason="theirs")
    asked = claim_all([taken, FREE[1]], "one", "a reason", NOW, running)
    assert asked.outcome == "wait"
    assert [(lease.target, lease.owner, list(lease.waiting)) for lease in asked.leases] == [
        ("core/a", None, []),
        ("core/b", "other", ["one"]),
    ]
    assert asked.message == (
        "core/b is leased by other since 14:00 (theirs); waiting for it, open that run to see how far it is. core/a: not leased "
        "meanwhile, since this run needs all of them at once."
    )


def test_lease_that_a_dead_process_of_this_run_took_is_given_back_when_the_run_has_to_wait():
    own = Lease(target="core/a", version=1, fencing=1, owner="one", since=NOW)
    taken = Lease(target="core/b", version=1, fencing=4, owner="other", since=NOW)
    asked = claim_all([own, taken], "one", "a reason", NOW, running)
    assert [(lease.target, lease.owner) for lease in asked.leases] == [("core/a", None), ("core/b", "other")]


def test_run_waits_in_one_room_only():
    seated = Lease(target="core/a", version=1, waiting={"one": NOW})
    taken = Lease(target="core/b", version=1, fencing=4, owner="other", since=NOW)
    asked = claim_all([seated, taken], "one", "a reason", NOW, running)
    assert [list(lease.waiting) for lease in asked.leases] == [[], ["one"]]


TARGETS = ("core/a", "core/b", "core/c")


@settings(max_examples=300, deadline=None)
@given(
    wanted=st.lists(st.sets(st.sampled_from(TARGETS), min_size=1), min_size=2, max_size=4),
    order=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40),
)
def test_whatever_the_order_every_run_gets_its_leases_in_the_end(wanted: list[set[str]], order: list[tuple[int, bool]]):
    stored = {target: Lease(target=target) for target in TARGETS}
    over: set[int] = set()
    now = NOW

    def state(owner: str) -> str:
        return "success" if int(owner) in over else "running"

    def ask(run: int) -> bool:
        nonlocal now
        now += timedelta(seconds=1)
        asked = claim_all([stored[target] for target in wanted[run]], str(run), "", now, state)
        stored.update({lease.target: lease for lease in asked.leases})
        held = {target for target, lease in stored.items() if lease.owner == str(run)}
        assert held == (wanted[run] if asked.outcome == "held" else set()), "some, but not all"
        return asked.outcome == "held"

    for number, ends in order:
        run = number % len(wanted)
        if run not in over and ask(run) and ends:
            over.add(run)
    for _ in wanted:  # from here on each run ends as soon as it has all its leases: in every round one of them must
        left = [run for run in range(len(wanted)) if run not in over]
        ended = [run for run in left if ask(run)]
        assert ended or not left, "they wait for each other"
        over.update(ended)
    assert over == set(range(len(wanted)))
