"""A process that dies repeatedly is not restarted for ever."""

import signal

from sandbox.stack.restart_limit import RestartLimit, describe


def note_at(*times):
    now = iter(times)
    limit = RestartLimit(lambda: next(now))
    return [limit.note("scheduler") for _ in times]


def test_fifth_death_within_a_minute_is_one_too_many():
    assert note_at(0, 10, 20, 30, 59) == [True, True, True, True, False]


def test_deaths_long_ago_do_not_count():
    assert note_at(0, 10, 20, 30, 61, 71) == [True, True, True, True, True, True]


def test_each_process_is_counted_for_itself():
    limit = RestartLimit(lambda: 0.0)
    assert [limit.note("scheduler") for _ in range(4)] == [True] * 4
    assert limit.note("triggerer")
    assert not limit.note("scheduler")


def test_how_it_ended_is_said_in_words():
    assert describe(-signal.SIGKILL) == "was ended by SIGKILL"
    assert describe(3) == "ended by itself with exit code 3"
