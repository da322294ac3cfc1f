"""The versions by which maps notice new data: set together or not at all, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.errors import StoppedHalfwayError
from include.region_data.region_config import bump_versions, list_regions

OLD, NEW = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 11, 21, 14, 30, tzinfo=UTC)


@pytest.fixture
def regions(connect):
    insert = (
        "INSERT INTO region_config (name, country_code, region_code, s3_uri, version, archived) "
        "VALUES (%s, 'US', %s, %s, %s, %s)"
    )
    connection = connect()
    for name, code, archived in (("Delaware", "DE", False), ("O'Hara; --", "PA", False), ("Old", "PA", True)):
        connection.execute(insert, (name, code, f"s3://maps-data/regions/US/{code}/", OLD, archived))
    return list_regions(connection)


def versions(connect):
    return {region.id: region.version for region in list_regions(connect())}


def live(regions):
    return [region for region in regions if not region.archived]


def test_every_region_is_listed_with_what_it_runs_on(regions):
    assert [(region.region, region.name, region.archived) for region in regions] == [
        ("US/DE", "Delaware", False),
        ("US/PA", "O'Hara; --", False),
        ("US/PA", "Old", True),
    ]
    assert regions[0].s3_uri == "s3://maps-data/regions/US/DE/"
    assert regions[0].version == OLD


def test_only_the_regions_of_the_update_get_the_new_version(connect, regions):
    bump_versions(connect(), regions[:1], NEW)
    found = versions(connect)
    assert [found[region.id] for region in regions] == [NEW, OLD, OLD]


def test_bump_whose_answer_was_lost_is_made_once(connect, regions):
    for _ in range(2):
        bump_versions(connect(), live(regions), NEW)
    assert set(versions(connect).values()) == {NEW, OLD}


def test_version_that_somebody_changed_meanwhile_leaves_all_as_they_were(connect, regions):
    other = OLD + timedelta(days=1)
    connect().execute("UPDATE region_config SET version = %s WHERE id = %s", (other, regions[1].id))
    with pytest.raises(
        StoppedHalfwayError, match=r"The version of region US/PA is not 2026-01-01T12:00:00.*so no version was"
    ):
        bump_versions(connect(), live(regions), NEW)
    found = versions(connect)
    assert [found[region.id] for region in regions] == [OLD, other, OLD]


def test_region_that_was_removed_meanwhile_leaves_all_as_they_were(connect, regions):
    gone = replace(regions[0], id=regions[2].id.__class__(int=7))
    with pytest.raises(StoppedHalfwayError, match="so no version was changed"):
        bump_versions(connect(), [regions[1], gone], NEW)
    assert set(versions(connect).values()) == {OLD}


def test_version_that_goes_back_in_time_is_refused(connect, regions):
    with pytest.raises(StoppedHalfwayError, match=r"is not after 2026-01-01T12:00:00.*look at the clocks"):
        bump_versions(connect(), live(regions), OLD)


def test_connection_that_dies_in_the_middle_changes_nothing(connect, regions):
    doomed, killer = connect(), connect()
    killer.execute("BEGIN")
    last = max(live(regions), key=lambda each: each.id)
    killer.execute(
        "SELECT 1 FROM region_config WHERE id = %s FOR UPDATE", (last.id,)
    )  # so that the second update waits
    with ThreadPoolExecutor(1) as pool:
        bump = pool.submit(bump_versions, doomed, live(regions), NEW)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        while killer.execute(waiting, (doomed.info.backend_pid,)).fetchone() != (1,):
            assert not bump.done()
        killer.execute("SELECT pg_terminate_backend(%s)", (doomed.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            bump.result()
    killer.execute("ROLLBACK")
    assert set(versions(connect).values()) == {OLD}


def test_two_runs_with_regions_in_common_never_both_give_them_a_version(connect, regions):
    later = NEW + timedelta(minutes=1)
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(bump_versions, connect(), order, new)
            for order, new in ((live(regions), NEW), (live(regions)[::-1], later))
        ]
        failed = [each.exception(timeout=30) for each in asked]
    assert sorted(type(each).__name__ for each in failed) == ["NoneType", "StoppedHalfwayError"]
    won = NEW if failed[0] is None else later
    assert {versions(connect)[each.id] for each in live(regions)} == {won}
