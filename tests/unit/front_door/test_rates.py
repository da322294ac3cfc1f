"""Limits of how often a caller may call."""

from types import SimpleNamespace

import pytest

from include.front_door.rates import MOST_CALLERS, RateLimit


@pytest.fixture
def clock():
    return SimpleNamespace(now=0.0)


@pytest.fixture
def limit(clock):
    return RateLimit(at_once=3, a_minute=60, clock=lambda: clock.now)


def test_room_is_for_so_many_at_once_and_grows_again_with_time(limit, clock):
    assert [limit.take("ann") for _ in range(5)] == [0, 0, 0, 1, 1]
    clock.now = 2.0
    assert [limit.take("ann") for _ in range(3)] == [0, 0, 1]
    clock.now = 1000.0
    assert [limit.take("ann") for _ in range(4)] == [0, 0, 0, 1]


def test_callers_do_not_share_their_room(limit):
    for _ in range(4):
        limit.take("ann")
    assert limit.take("bob") == 0


def test_look_counts_nothing(limit):
    assert [limit.wait("ann") for _ in range(10)] == [0] * 10
    for _ in range(3):
        limit.take("ann")
    assert limit.wait("ann") == 1


def test_refused_calls_do_not_make_the_wait_longer(limit, clock):
    for _ in range(100):
        limit.take("ann")
    clock.now = 1.0
    assert limit.take("ann") == 0


def test_memory_has_an_end(limit):
    for number in range(MOST_CALLERS + 100):
        limit.take(f"caller {number}")
    assert len(limit._buckets) == MOST_CALLERS
