"""An idle scheduler sleeps long, and a task's end wakes it."""

import multiprocessing

import pytest

from opskit.airflow_patches import idle_sleep
from opskit.airflow_patches.idle_sleep import IdleSleep


@pytest.fixture
def pauses(monkeypatch):
    """The time-outs of the sleeps, in seconds. No sleep takes any time, and none has news."""
    asked: list[float] = []

    def wait(_, seconds):
        asked.append(seconds)
        return []

    monkeypatch.setattr(idle_sleep, "wait", wait)
    return asked


def test_first_passes_after_news_come_at_the_usual_pace_and_later_ones_seldom(pauses):
    sleep = IdleSleep(None)
    for _ in range(32):
        sleep.sleep(0.1)
    sleep.news()
    sleep.sleep(0.1)
    assert pauses == [0.1] * 10 + [0.5] * 20 + [1.0] * 2 + [0.1]


def test_longer_pace_of_the_settings_stays(pauses):
    sleep = IdleSleep(None)
    for _ in range(11):
        sleep.sleep(1.0)
    assert pauses == [1.0] * 11


def test_report_of_a_worker_ends_the_sleep(monkeypatch):
    results, worker = multiprocessing.Pipe(duplex=False)
    sleep = IdleSleep(results)
    monkeypatch.setattr(idle_sleep, "SHORT_PASSES", 0)
    worker.send("ended")
    sleep.sleep(600)  # would outlast the test's run
    results.recv()
    told: list[float] = []
    monkeypatch.setattr(idle_sleep, "wait", lambda _, seconds: told.append(seconds))
    monkeypatch.setattr(idle_sleep, "SHORT_PASSES", 1)
    sleep.sleep(0.1)
    assert told == [0.1]
