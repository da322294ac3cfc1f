"""The bake: effects of the release, conditions from before, and missing data."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.aws.cloudwatch import Alarm
from include.errors import BakeFailedError, PreconditionError
from include.inventory import load
from include.inventory.releases import Bake
from include.releases.bake.rules import (
    Baseline,
    Seen,
    judge_bake,
    refuse_unwatched,
    states,
    unwatched_environment,
)
from include.sentry import Trouble
from include.waiters.progress import Progress
from tests.unit.facts import at

BAKE = Bake(duration=timedelta(minutes=35), blind_grace=timedelta(minutes=10), quiet=("anomaly",), slow=("slow",))


def alarm(name: str = "cpu", state: str = "OK", minutes: float = -60, window: int = 300) -> Alarm:
    return Alarm(name, state, at(minutes), "threshold crossed", window)


def judged(
    *alarms: Alarm, before: dict[str, str] | None = None, minutes: float = 20, base: Any = None, **seen: Any
) -> Progress:
    baseline = Baseline(before if before is not None else {"cpu": "OK"}, **(base or {}))
    return judge_bake(BAKE, baseline, Seen(alarms, at(minutes), **seen), at(0))


def refusal(*alarms: Alarm, **different: Any) -> str:
    with pytest.raises(BakeFailedError) as caught:
        judged(*alarms, **different)
    return str(caught.value)


def test_bake_lasts_as_long_as_the_inventory_says():
    assert not judged(alarm(), minutes=34).done
    assert judged(alarm(), minutes=35).done


@pytest.mark.parametrize("before", ["OK", "INSUFFICIENT_DATA", "MISSING"])
def test_alarm_that_fires_after_the_release_sends_it_back(before: str):
    assert refusal(alarm(state="ALARM", minutes=3), before={"cpu": before}) == (
        f"1 alarm fired after the release: cpu ({before}; now: threshold crossed); find out whether the release is "
        "the reason."
    )


def test_alarm_that_fired_before_is_not_the_releases_doing_and_is_told():
    progress = judged(alarm(state="ALARM"), before={"cpu": "ALARM"}, minutes=35)
    assert progress.done
    assert "firing since before: cpu" in progress.text


def test_alarm_that_was_well_in_between_fires_anew():
    assert "ALARM before, well in between" in refusal(alarm(state="ALARM", minutes=3), before={"cpu": "ALARM"})


def test_alarm_nobody_listed_is_not_looked_at():
    assert judged(alarm(), alarm("other", "ALARM", 3), minutes=35).done


@pytest.mark.parametrize("blind", [[alarm(state="INSUFFICIENT_DATA", minutes=1)], []], ids=["no data", "deleted"])
def test_alarm_that_went_blind_is_waited_for_beyond_the_bake_and_then_fails_it(blind: list[Alarm]):
    assert not judged(*blind, minutes=35).done
    assert "no data yet for cpu" in judged(*blind, minutes=44).text
    assert refusal(*blind, minutes=45) == (
        "Alarm cpu has had no data since the release (45 min), though it had before: what it watches cannot be judged; look "
        "at its metric."
    )


@pytest.mark.parametrize("before", ["INSUFFICIENT_DATA", "MISSING"])
def test_alarm_without_data_before_decides_nothing_and_is_told(before: str):
    progress = judged(alarm(state="INSUFFICIENT_DATA"), before={"cpu": before}, minutes=35)
    assert progress.done
    assert "without data before, so not judged: cpu" in progress.text


def test_alarm_listed_as_quiet_may_go_blind_but_not_fire():
    assert judged(alarm("anomaly", "INSUFFICIENT_DATA", 3), before={"anomaly": "OK"}, minutes=35).done
    assert "anomaly (OK; now" in refusal(alarm("anomaly", "ALARM", 3), before={"anomaly": "OK"})


def trouble(name: str = "9", *, first: float = 2, level: str = "error", count: int = 3) -> Trouble:
    return Trouble(name, "NoMethodError", level, at(first), count, "https://sentry.example/9")


def test_new_error_of_the_release_sends_it_back():
    assert refusal(alarm(), base={"troubles": {}}, troubles=[trouble()]) == (
        "Sentry has 1 new error since the release, 0 allowed; the one with the most events (3, first seen 2026-11-18 12:02): "
        "NoMethodError https://sentry.example/9; look at it before the next release."
    )


def test_error_that_was_resolved_before_and_occurs_again_sends_the_release_back():
    reopened = trouble(first=-60 * 24 * 90, count=5000)
    assert refusal(alarm(), base={"troubles": {"known": 2}, "at": at(-20)}, troubles=[reopened, trouble("known")]) == (
        "Sentry has 1 reopened error since the release, 0 allowed; the one with the most events (5000, first seen 2026-08-20 "
        "12:00): NoMethodError https://sentry.example/9; look at it before the next release."
    )
    assert "Sentry has 2 new errors and 1 reopened error since the release" in refusal(
        alarm(), base={"troubles": {}}, troubles=[reopened, trouble("10"), trouble("11")]
    )


def test_error_first_seen_while_the_services_were_deployed_is_the_releases():
    assert "Sentry has 1 new error since the release" in refusal(
        alarm(), base={"troubles": {}, "at": at(-20)}, troubles=[trouble(first=-19)]
    )


def test_without_a_baseline_the_first_sight_of_an_error_decides():
    unread = {"troubles": None, "at": at(-20)}
    assert "Sentry not read" in judged(alarm(), base=unread, troubles=[trouble(first=-21, count=5000)]).text
    assert "Sentry has 1 new error since the release" in refusal(alarm(), base=unread, troubles=[trouble(first=-19)])


@pytest.mark.parametrize("seen", [trouble(level="warning"), trouble("known", first=-5)], ids=["a warning", "known"])
def test_error_that_is_not_new_or_not_grave_does_not(seen: Trouble):
    assert judged(alarm(), minutes=35, base={"troubles": {"known": 2}}, troubles=[seen]).done


def test_spike_of_a_known_error_sends_it_back():
    known = {"troubles": {"9": 50}}
    assert judged(alarm(), base=known, troubles=[trouble(first=-5, count=150)])
    assert "Sentry counts 101 more events since the release (allowed: 100)" in refusal(
        alarm(), base=known, troubles=[trouble(first=-5, count=151)]
    )


CORE = load().target("core/production")


@pytest.mark.parametrize("known", [None, ("production", "staging")])
def test_environment_that_sentry_knows_or_that_cannot_be_asked_for_is_not_told(known: tuple[str, ...] | None):
    assert unwatched_environment(CORE, known) == ""


def test_environment_that_sentry_does_not_know_is_told_with_those_that_it_knows():
    assert unwatched_environment(CORE, ("live", "staging")) == (
        "Sentry has had no event from an environment production of example-housing/core (it knows live, staging), so the bake may "
        "see none of its errors; if it has another name there, list it as sentry.environments.production."
    )
    place = CORE.system.sentry.model_copy(update={"environments": {"production": "live"}})
    renamed = replace(CORE, system=CORE.system.model_copy(update={"sentry": place}))
    assert unwatched_environment(renamed, ("live", "staging")) == ""
    assert "no event from an environment live of" in unwatched_environment(renamed, ())


def test_more_error_lines_than_usual_send_it_back():
    usual = {"errors_per_hour": 30.0}
    assert judged(alarm(), base=usual, errors=30)  # 10 in 20 minutes would be usual
    assert refusal(alarm(), base=usual, errors=31, first_error="boom") == (
        "The logs hold 31 errors in 20 min since the release, where 10 would be usual and 30 are allowed; the first: boom; "
        "look at it before the next release."
    )


def test_few_error_lines_never_do():
    assert judged(alarm(), base={"errors_per_hour": 0.0}, errors=20)
    assert "31 errors" in refusal(alarm(), base={"errors_per_hour": 0.0}, errors=31)


def test_service_that_does_not_answer_stops_nothing_and_is_told():
    progress = judged(alarm(), minutes=35)
    assert progress.done
    assert progress.text.endswith("Sentry not read; error logs not read")


def test_alarm_of_the_inventory_that_does_not_exist_is_refused_before():
    assert states([alarm()], ["cpu", "typo"]) == {"cpu": "OK", "typo": "MISSING"}
    with pytest.raises(PreconditionError, match=r"^CloudWatch has no alarm typo, so nobody would watch what it should"):
        refuse_unwatched(["cpu", "typo"], [alarm()], BAKE)


def test_bake_shorter_than_its_slowest_alarm_is_refused_before():
    refuse_unwatched(["cpu", "slow"], [alarm(window=2100), alarm("slow", window=9999)], BAKE)
    with pytest.raises(
        PreconditionError, match=r"^Alarm cpu takes 36 min to notice anything, longer than the bake of 35 min"
    ):
        refuse_unwatched(["cpu"], [alarm(window=2160)], BAKE)


alarm_states = st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA", "MISSING"])


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(alarm_states, alarm_states, st.booleans())), st.integers(0, 60)
)
def test_success_means_no_alarm_fired_anew_and_none_that_saw_is_blind(
    alarms: dict[str, tuple[str, str, bool]], minutes: int
):
    seen = [alarm(name, now, 1 if moved else -1) for name, (_, now, moved) in alarms.items() if now != "MISSING"]
    before = {name: state for name, (state, _, _) in alarms.items()}
    try:
        progress = judged(*seen, before=before, minutes=minutes)
    except BakeFailedError:
        fired = any(now == "ALARM" and (was != "ALARM" or moved) for was, now, moved in alarms.values())
        blind = any(
            was in ("OK", "ALARM") and now in ("INSUFFICIENT_DATA", "MISSING") for was, now, _ in alarms.values()
        )
        assert fired or (blind and minutes >= 45)
        return
    assert not any(now == "ALARM" and was != "ALARM" for was, now, _ in alarms.values())
    if progress.done:
        assert minutes >= 35
        assert all(now in ("OK", "ALARM") for was, now, _ in alarms.values() if was in ("OK", "ALARM"))
