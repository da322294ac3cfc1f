"""All leases or none, also when two runs ask at the same moment or a process dies half way."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.run.lease.several_store import acquire_all, release_all
from include.run.lease.store import read_lease, release_lease, try_claim
from include.run.store import RunStore
from tests.unit.run.conftest import Interrupted

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
A, B = "core/a", "core/b"


def ask(store: RunStore, owner: str, *targets: str) -> str:
    return acquire_all(dict.fromkeys(targets, store), owner, "a reason", NOW, lambda _: "running").outcome


def owners(store: RunStore) -> tuple[str | None, str | None]:
    return read_lease(store, A).owner, read_lease(store, B).owner


def test_two_runs_that_want_the_same_in_another_order_do_not_wait_for_each_other(store: RunStore):
    assert ask(store, "one", A, B) == "held"
    assert ask(store, "two", B, A) == "wait"
    assert owners(store) == ("one", "one")
    assert release_all({A: store, B: store}, "one") == [B, A]
    assert ask(store, "two", B, A) == "held"
    assert owners(store) == ("two", "two")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_two_runs_that_ask_at_the_same_moment_never_share(client: Any, store: RunStore, times: int):
    outcomes: list[str] = []
    raced = Interrupted(client, lambda: outcomes.append(ask(store, "two", B, A)), times)
    outcomes.append(ask(raced, "one", A, B))
    held = owners(store)
    assert held in (("one", "one"), ("two", "two"))
    assert "held" in outcomes


def test_single_run_that_is_faster_with_the_second_target_leaves_none_held(client: Any, store: RunStore):
    raced = SecondSwap(client, lambda: try_claim(store, B, "single", "a reason", NOW, lambda _: "running"))
    assert ask(raced, "one", A, B) == "wait"
    assert owners(store) == (None, "single")
    release_lease(store, B, "single")
    assert ask(store, "one", A, B) == "held"


class SecondSwap(RunStore):
    """A table in which something happens just before the second swap."""

    def __init__(self, client: Any, happens: Callable[[], object]):
        super().__init__(client, "runbook-operations")
        self.happens, self.left = happens, 2

    def swap(self, *args: Any, **kwargs: Any) -> bool:
        self.left -= 1
        if self.left == 0:
            self.happens()
        return super().swap(*args, **kwargs)


class Killed(BaseException):
    """The process dies."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize(("blocked", "after"), [(False, ("one", "one")), (True, (None, "single"))])
def test_retry_of_a_process_that_died_half_way_goes_on_or_gives_back(
    client: Any, store: RunStore, blocked: bool, after: tuple[str | None, str]
):
    with pytest.raises(Killed):
        ask(SecondSwap(client, die), "one", A, B)
    assert owners(store) == ("one", None)
    if blocked:
        try_claim(store, B, "single", "a reason", NOW, lambda _: "running")
    assert ask(store, "one", A, B) == ("wait" if blocked else "held")
    assert owners(store) == after


def test_asking_again_changes_nothing_for_who_holds_all(store: RunStore):
    first = acquire_all({A: store, B: store}, "one", "a reason", NOW, lambda _: "running")
    again = acquire_all({B: store, A: store}, "one", "a reason", NOW, lambda _: "running")
    assert again.fencing == first.fencing == {A: 1, B: 1}
