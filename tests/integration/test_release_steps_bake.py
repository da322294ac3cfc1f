"""The bake of a release: an alarm that fired since causes a rollback, an alarm that fired before does not."""

from dataclasses import replace

import pytest
import yaml

from include.aws import cloudwatch
from include.errors import BakeFailedError, PreconditionError
from include.inventory import load
from include.inventory.loader import SHIPPED
from include.releases.bake import steps
from opskit.connections.external_services import sentry_client

RUN = "production_release/one"
CPU, RDS, ANOMALY = "core-prod-app-average-cpu", "core-prod-rds-cpu", "core-prod-rds-cpu-anomaly"
BAKE = 35 * 60  # seconds, as the inventory says


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """One whole system: only production has a bake."""
    folder = tmp_path_factory.mktemp("production")
    content = yaml.safe_load((SHIPPED / "core.yaml").read_text())
    (folder / "core.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.fixture
def scene(release_scene_of):
    return replace(release_scene_of("core/production"), run=RUN)


def keep(scene):
    return steps.keep_baseline(scene.step(RUN), sentry_client(scene.target))


def look(scene):
    return steps.poll_bake(scene, sentry_client(scene.target))


def bake(scene, seconds=BAKE, step=300):
    """Look repeatedly until the seconds have passed. Return the last look."""
    found = look(scene)
    for _ in range(0, seconds, step):
        assert not found.done, "before its time"
        scene.cloud.advance(step)
        found = look(scene)
    return found


def state(scene, name):
    (alarm,) = cloudwatch.describe_alarms(scene.clients.cloudwatch, [name])
    return alarm.state


def test_quiet_release_is_over_its_bake_when_its_time_is_and_not_before(scene):
    assert keep(scene) == "12 alarms on record as they were, 0 of them firing"
    scene.cloud.advance(1800)  # the services are deployed meanwhile: the bake begins with its first look
    found = bake(scene)
    assert found.done
    assert "12 alarms as before" in found.text
    assert "not read" not in found.text


def test_alarm_that_fires_after_the_release_sends_it_back_with_its_reason(scene):
    keep(scene)
    bake(scene, 600)
    fault = scene.inject("alarm", name=RDS)
    with pytest.raises(BakeFailedError, match=rf"^1 alarm fired after the release: {RDS} \(OK; now: "):
        look(scene)
    assert scene.injected(fault) == 1


def test_alarm_that_fired_before_is_not_held_against_the_release(scene):
    fault = scene.inject("alarm", name=CPU)
    assert keep(scene) == "12 alarms on record as they were, 1 of them firing"
    found = bake(scene)
    assert (found.done, scene.injected(fault), state(scene, CPU)) == (True, 1, "ALARM")
    assert f"firing since before: {CPU}" in found.text


def test_baseline_is_kept_once_so_a_retry_does_not_take_the_release_for_the_world_before(scene):
    keep(scene)
    fault = scene.inject("alarm", name=RDS)
    assert keep(scene) == "12 alarms on record as they were, 0 of them firing"
    assert scene.injected(fault) == 1
    with pytest.raises(BakeFailedError, match=RDS):
        look(scene)


def test_alarm_that_was_well_in_between_counts(scene):
    fault = scene.inject("alarm", name=CPU)
    keep(scene)
    look(scene)
    scene.control.delete(f"/faults/{fault}")
    scene.cloud.advance(300)
    assert state(scene, CPU) == "OK"
    assert not look(scene).done
    again = scene.inject("alarm", name=CPU)
    with pytest.raises(BakeFailedError, match="ALARM before, well in between"):
        look(scene)
    assert scene.injected(again) == 1


def test_alarm_that_goes_blind_is_waited_for_and_then_fails_the_bake(scene):
    keep(scene)
    fault = scene.inject("alarm", name=RDS, state="INSUFFICIENT_DATA")
    found = bake(scene)
    assert (found.done, scene.injected(fault)) == (False, 1)
    assert f"no data yet for {RDS}" in found.text
    scene.cloud.advance(600)
    with pytest.raises(BakeFailedError, match=f"Alarm {RDS} has had no data since the release"):
        look(scene)


def test_alarm_that_may_be_quiet_decides_nothing(scene):
    keep(scene)
    fault = scene.inject("alarm", name=ANOMALY, state="INSUFFICIENT_DATA")
    assert bake(scene).done
    assert scene.injected(fault) == 1


def test_sentry_that_is_away_stops_nothing_and_alarms_still_do(scene):
    down = scene.inject("sentry_down", status=503)
    keep(scene)
    found = look(scene)
    assert "Sentry not read" in found.text
    assert scene.injected(down) >= 2
    fault = scene.inject("alarm", name=RDS)
    with pytest.raises(BakeFailedError, match=RDS):
        look(scene)
    assert scene.injected(fault) == 1


def test_new_errors_in_sentry_send_the_release_back_and_known_ones_do_not(scene):
    before = scene.inject("sentry_spike", release="old", issues=2, count=5)
    keep(scene)
    assert not look(scene).done
    assert scene.injected(before) >= 1
    scene.cloud.advance(60)
    after = scene.inject("sentry_spike", release="new", issues=3, count=40)
    with pytest.raises(BakeFailedError, match=r"^Sentry has 3 new errors since the release, 0 allowed"):
        look(scene)
    assert scene.injected(after) >= 1


def test_errors_first_seen_while_the_services_are_deployed_send_the_release_back(scene):
    keep(scene)
    scene.cloud.advance(600)
    fault = scene.inject("sentry_spike", release="new", issues=1, count=5)
    scene.cloud.advance(600)  # the bake begins only now
    with pytest.raises(BakeFailedError, match=r"^Sentry has 1 new error since the release, 0 allowed"):
        look(scene)
    assert scene.injected(fault) >= 1


def test_resolved_error_that_the_release_reopens_sends_it_back(scene):
    keep(scene)
    assert not look(scene).done
    scene.cloud.advance(60)
    fault = scene.inject("sentry_reopened", release="new", count=5000)
    with pytest.raises(
        BakeFailedError, match=r"^Sentry has 1 reopened error since the release, 0 allowed; .*Redis::Cannot"
    ):
        look(scene)
    assert scene.injected(fault) >= 1


def test_environment_that_has_another_name_in_sentry_is_looked_for_there(scene):
    fault = scene.inject("sentry_environment_renamed", name="live")
    assert steps.read_environments(sentry_client(scene.target), scene.target) == ("live", "staging")
    assert scene.injected(fault) == 1
    place = scene.target.system.sentry.model_copy(update={"environments": {"production": "live"}})
    system = scene.target.system.model_copy(update={"sentry": place})
    renamed = replace(scene, target=replace(scene.target, system=system))
    keep(renamed)
    assert "Sentry not read" not in look(renamed).text
    assert "Sentry not read" in look(scene).text


def test_errors_in_the_logs_beyond_the_usual_send_the_release_back(scene):
    keep(scene)
    look(scene)
    scene.cloud.advance(120)
    at = int(scene.cloud.world.clock.now() * 1000)
    group, logs = "core-prod-app", scene.somebody.logs
    logs.create_log_stream(logGroupName=group, logStreamName="worse")
    for count in (20, 1):
        events = [{"timestamp": at, "message": f"ERROR: Timeout {number}"} for number in range(count)]
        if count == 1:
            assert not look(scene).done, "twenty never count"
        logs.put_log_events(logGroupName=group, logStreamName="worse", logEvents=events)
    with pytest.raises(BakeFailedError, match=r"The logs hold 21 errors in .* the first: ERROR: Timeout 0"):
        look(scene)


def test_bake_without_a_baseline_is_no_bake(scene):
    with pytest.raises(PreconditionError, match=r"^No baseline is on record"):
        look(scene)
