"""Only AWS's clock distinguishes old and new tasks: a worker's clock may be wrong, and its time zone may jump."""

import time
from datetime import UTC, datetime, timedelta

import pytest

MAPS, HOUSING = "districtbuilder/staging", "core/staging"
SKEW = timedelta(minutes=10)


@pytest.fixture
def restart(cloud, airflow):
    """Restart a target while AWS's clock starts at a moment. The worker's clock is the machine's."""

    def play(target, moment):
        cloud.reset(moment.timestamp())
        old = {task["id"] for service in cloud.look()[target]["services"] for task in service["tasks"]}
        run = airflow.trigger(target)
        assert run.to_end() == "success", run.errors
        for service in cloud.look()[target]["services"]:
            alive = {task["id"] for task in service["tasks"] if task["desired_status"] == "RUNNING"}
            assert len(alive) == service["desired"] == service["healthy"]
            assert alive.isdisjoint(old)
        assert cloud.violations() == []

    return play


@pytest.mark.parametrize("target", [MAPS, HOUSING])
@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["worker behind", "worker ahead"])
def test_clock_of_the_worker_is_ten_minutes_wrong(restart, target, skew):
    restart(target, datetime.now(UTC) + skew)


@pytest.mark.parametrize("target", [MAPS, HOUSING])
@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/London", "2026-10-25T01:00+00:00"),
        ("America/New_York", "2026-11-01T06:00+00:00"),
        ("America/New_York", "2027-03-14T07:00+00:00"),
    ],
)
def test_daylight_saving_changes_during_the_restart(restart, monkeypatch, target, zone, change):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        changes = datetime.fromisoformat(change)
        assert (changes - SKEW).astimezone().utcoffset() != (changes + SKEW).astimezone().utcoffset()
        restart(target, changes - timedelta(minutes=3))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_schedule_that_lowers_the_count_in_the_evening_breaks_no_promise(restart, cloud):
    restart(HOUSING, datetime(2026, 11, 25, 18, 0, tzinfo=UTC))
    cloud.advance(2 * 3600)  # it does so at 19:30
    assert cloud.service(HOUSING)["desired"] == 2
    assert cloud.violations() == []
