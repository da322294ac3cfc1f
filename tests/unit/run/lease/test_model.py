"""Who holds a target, who waits, and whose writes are refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from include.errors import LeaseLostError
from include.run.lease import Claim, Lease, claim, confirm, ensure_held, free, keep, release

TWO = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
FREE = Lease(target="core/production")


def states(**known: str | None) -> Callable[[str], str | None]:
    """Return the state of runs by name. A run without an entry is running."""
    return lambda owner: known.get(owner, "running")


def asked(lease: Lease, owner: str, *, minutes: float = 0, **known: str | None) -> Claim:
    return claim(lease, owner, f"because of {owner}", TWO + timedelta(minutes=minutes), states(**known))


def held_by(owner: str = "first") -> Lease:
    return asked(FREE, owner).lease


def test_free_target_is_acquired_and_says_by_whom_since_when_and_why():
    got = asked(FREE, "first")
    assert got.outcome == "acquired"
    assert got.message == "Leased core/production, fencing number 1."
    assert got.lease == Lease(
        target="core/production", version=1, fencing=1, owner="first", reason="because of first", since=TWO
    )


def test_asking_again_changes_nothing():
    lease = held_by()
    again = asked(lease, "first", minutes=5)
    assert (again.outcome, again.lease) == ("held", lease)


def test_second_run_waits_and_is_told_who_holds_the_target_since_when_and_why():
    got = asked(held_by(), "second", minutes=5)
    assert got.outcome == "wait"
    assert got.lease.owner == "first"
    assert got.lease.waiting == {"second": TWO + timedelta(minutes=5)}
    assert got.message == (
        "core/production is leased by first since 14:02 (because of first); waiting for it, open that run to see how far "
        "it is."
    )


def test_seat_in_the_queue_keeps_its_time_when_asked_for_again():
    seated = asked(held_by(), "second", minutes=5).lease
    assert asked(seated, "second", minutes=9).lease == seated


def test_a_queued_holder_is_alive():
    assert asked(held_by(), "second", first="queued").outcome == "wait"


@pytest.mark.parametrize("over", ["success", "failed", None])
def test_lease_of_a_run_that_is_over_is_taken_over_and_the_takeover_is_recorded(over: str | None):
    got = asked(confirm(held_by(), "first", 1, "digest"), "second", minutes=5, first=over)
    assert got.outcome == "taken over"
    assert got.message == "Took core/production over from first, whose run is over and left its lease behind."
    assert (got.lease.owner, got.lease.taken_over_from, got.lease.fencing) == ("second", "first", 2)
    assert got.lease.confirmed_plan is None, "the plan of the run before was confirmed, not this one"


def test_run_that_asked_first_goes_first():
    lease = asked(asked(held_by(), "early", minutes=1).lease, "late", minutes=2).lease
    freed = release(lease, "first")
    assert freed is not None
    refused = asked(freed, "late", minutes=3)
    assert refused.outcome == "wait"
    assert refused.message == "core/production is free, but early asked first; waiting for it."
    got = asked(freed, "early", minutes=3)
    assert got.outcome == "acquired"
    assert list(got.lease.waiting) == ["late"]


def test_newcomer_does_not_overtake_the_queue():
    freed = release(asked(held_by(), "early", minutes=1).lease, "first")
    assert freed is not None
    assert asked(freed, "newcomer", minutes=3).outcome == "wait"


def test_slow_clock_can_jump_the_queue_but_never_makes_two_holders():
    freed = release(asked(held_by(), "early", minutes=1).lease, "first")
    assert freed is not None
    got = asked(freed, "newcomer", minutes=-10)
    assert got.outcome == "acquired"
    assert asked(got.lease, "early", minutes=2).outcome == "wait"


def test_waiting_run_that_is_over_holds_nobody_up_and_loses_its_seat():
    freed = release(asked(held_by(), "early", minutes=1).lease, "first")
    assert freed is not None
    got = asked(freed, "late", minutes=3, early="failed")
    assert got.outcome == "acquired"
    assert got.lease.waiting == {}


def test_lease_left_behind_goes_to_whoever_asked_first_and_the_wait_names_them():
    lease = asked(held_by(), "early", minutes=1).lease
    got = asked(lease, "late", minutes=2, first="failed")
    assert got.outcome == "wait"
    assert got.message == (
        "core/production was left behind by first, whose run is over, but early asked first; waiting for it."
    )


def test_runs_that_asked_in_the_same_second_have_one_order():
    lease = asked(asked(held_by(), "b", minutes=1).lease, "a", minutes=1).lease
    freed = release(lease, "first")
    assert freed is not None
    assert asked(freed, "b", minutes=2).outcome == "wait"
    assert asked(freed, "a", minutes=2).outcome == "acquired"


def test_release_frees_the_target_and_keeps_the_fencing_number():
    freed = release(confirm(held_by(), "first", 1, "digest"), "first")
    assert freed == Lease(target="core/production", version=3, fencing=1)


def test_fencing_grows_with_every_owner():
    freed = release(held_by(), "first")
    assert freed is not None
    assert asked(freed, "second").lease.fencing == 2


def test_release_of_a_seat_leaves_the_holder_alone():
    left = release(asked(held_by(), "second", minutes=1).lease, "second")
    assert left is not None
    assert (left.owner, left.waiting) == ("first", {})


def test_release_by_a_stranger_or_twice_releases_nothing():
    assert release(held_by(), "stranger") is None
    assert release(FREE, "first") is None


def test_run_that_was_taken_over_cannot_release_its_successors_lease():
    assert release(asked(held_by(), "second", first="failed").lease, "first") is None


def test_holder_with_its_confirmed_plan_may_write():
    ensure_held(confirm(held_by(), "first", 1, "digest"), "first", 1, "digest")


def refusal(lease: Lease, owner: str, fencing: int, digest: str) -> str:
    with pytest.raises(LeaseLostError) as caught:
        ensure_held(lease, owner, fencing, digest)
    return str(caught.value)


def test_step_that_never_acquired_the_lease_may_not_write():
    assert "it is not leased to anyone, not to first" in refusal(FREE, "first", 1, "digest")


def test_step_of_a_run_that_was_taken_over_may_not_write():
    lease = confirm(asked(held_by(), "second", first="failed").lease, "second", 2, "digest")
    assert "it is leased to second, not to first" in refusal(lease, "first", 1, "digest")


def test_step_with_an_old_fencing_number_may_not_write_although_its_run_holds_the_lease_again():
    freed = release(held_by(), "first")
    assert freed is not None
    lease = confirm(asked(freed, "first").lease, "first", 2, "digest")
    assert refusal(lease, "first", 1, "digest").startswith("This step carries fencing number 1 for core/production")


def test_step_whose_guard_was_turned_green_by_hand_may_not_write():
    message = refusal(held_by(), "first", 1, "0123456789abcdef-and-more")
    assert message.startswith(
        "The guard has not let plan 0123456789abcdef through for core/production (confirmed: none)"
    )


def test_step_with_another_plan_than_was_confirmed_may_not_write():
    assert "(confirmed: other)" in refusal(confirm(held_by(), "first", 1, "other"), "first", 1, "digest")


@pytest.mark.parametrize(("owner", "fencing"), [("second", 1), ("first", 2), ("first", 0)])
def test_plan_is_confirmed_only_by_the_holder_with_the_newest_number(owner: str, fencing: int):
    with pytest.raises(LeaseLostError):
        confirm(held_by(), owner, fencing, "digest")


def test_every_change_of_the_record_has_a_new_version():
    held = held_by()
    seated = asked(held, "second", minutes=1).lease
    confirmed = confirm(seated, "first", 1, "digest")
    freed = release(confirmed, "first")
    assert freed is not None
    taken = asked(freed, "second", minutes=2).lease
    assert [each.version for each in (held, seated, confirmed, freed, taken)] == [1, 2, 3, 4, 5]


def test_kept_target_outlives_its_run_until_a_person_frees_it():
    kept = keep(held_by(), "first", 1, "the release was rolled back")
    assert release(kept, "first") is None
    got = asked(kept, "second", minutes=5, first="failed")
    assert (got.outcome, got.lease.owner) == ("wait", "first")
    assert got.message == (
        "core/production is kept by first (the release was rolled back); it stays so until a person has looked at it and "
        "frees it."
    )
    freed = free(got.lease, "first")
    assert freed is not None
    assert (freed.owner, freed.kept, freed.fencing) == (None, "", 1)
    assert asked(freed, "second", minutes=6).outcome == "acquired"


def test_run_goes_on_writing_under_the_lease_it_keeps():
    ensure_held(keep(held_by(), "first", 1, "so"), "first", 1, None)


def test_only_the_holder_keeps_and_only_what_is_kept_is_freed():
    with pytest.raises(LeaseLostError):
        keep(held_by(), "second", 1, "so")
    with pytest.raises(LeaseLostError):
        keep(held_by(), "first", 2, "so")
    assert free(held_by(), "first") is None
    assert free(keep(held_by(), "first", 1, "so"), "second") is None


def test_waiter_of_a_kept_target_may_leave():
    kept = keep(asked(held_by(), "second").lease, "first", 1, "so")
    left = release(kept, "second")
    assert left is not None
    assert (left.waiting, left.kept, left.owner) == ({}, "so", "first")
