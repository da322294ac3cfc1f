"""The number of concurrent requests."""

import asyncio

from include.s3copy.concurrency import FEWEST, MOST, ConcurrencyLimit


def test_doubles_with_every_round_until_the_first_slow_down():
    pace = ConcurrencyLimit(first=8)
    for _ in range(8):
        pace.note_answer()
    assert pace.limit == 16
    for _ in range(2000):
        pace.note_answer()
    assert pace.limit == MOST


def test_one_storm_is_one_cut_and_afterwards_it_feels_its_way():
    now = [0.0]
    pace = ConcurrencyLimit(first=100, clock=lambda: now[0])
    for _ in range(50):
        pace.note_slow_down()
    assert (pace.limit, pace.slowed) == (70, 50)
    for _ in range(70):
        pace.note_answer()
    assert 70.9 < pace.limit < 71.1
    for _ in range(30):
        now[0] += 1
        pace.note_slow_down()
    assert pace.limit == FEWEST


def test_never_more_under_way_than_the_limit():
    async def main() -> int:
        pace, under_way, most = ConcurrencyLimit(first=5), 0, 0

        async def work() -> None:
            nonlocal under_way, most
            await pace.enter()
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            pace.leave()

        await asyncio.gather(*(work() for _ in range(100)))
        return most

    assert asyncio.run(main()) == 5


def test_whoever_is_cancelled_while_waiting_leaves_the_turn_to_the_next():
    async def main() -> None:
        pace = ConcurrencyLimit(first=1)
        await pace.enter()
        first, second = asyncio.create_task(pace.enter()), asyncio.create_task(pace.enter())
        await asyncio.sleep(0)
        pace.leave()  # it is the first one's turn now, but it has not run yet
        first.cancel()
        await asyncio.wait_for(second, 1)
        assert first.cancelled()

    asyncio.run(main())
