"""The number of calls that the bucket allows."""

from include.waiters import TokenBucket


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_burst_is_there_at_once_and_comes_back_at_the_rate():
    clock = Clock()
    budget = TokenBucket(rate=2, burst=10, clock=clock)
    budget.spend(10)
    assert budget.left == 0
    clock.now += 3
    assert budget.left == 6


def test_bucket_never_holds_more_than_its_burst():
    clock = Clock()
    budget = TokenBucket(rate=2, burst=10, clock=clock)
    clock.now += 3600
    assert budget.left == 10


def test_overdrawn_bucket_is_paid_back_first():
    clock = Clock()
    budget = TokenBucket(rate=2, burst=10, clock=clock)
    budget.spend(14)
    assert budget.left == -4
    clock.now += 2
    assert budget.left == 0
