"""The runs of a chain know each other by their names, and an alarm that fires or is missing ends it."""

from datetime import UTC, datetime

import pytest

from include.aws.cloudwatch import Alarm
from include.errors import PreconditionError
from include.infrastructure.promotion.chain import refuse_firing, run_for, wanted_by
from include.inventory import load

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PRODUCTION = load().target("staff-device-logging/production")


def test_run_of_an_earlier_account_is_named_after_the_run_that_wants_it():
    before, first = PRODUCTION.promoted_before
    for_before = run_for("account_promotion/r", before)
    assert for_before == "account_promotion/r--pre-production"
    assert run_for(for_before, first) == "account_promotion/r--pre-production--development"
    assert wanted_by(for_before, before) == "account_promotion/r"
    assert wanted_by("account_promotion/r--pre-production--development", first) == for_before
    assert wanted_by("account_promotion/r", PRODUCTION) == ""


def test_alarm_that_fires_is_named_with_its_reason():
    firing = Alarm("errors", "ALARM", NOON, "6 errors in a minute")
    with pytest.raises(PreconditionError, match=r"On s/e these alarms fire: errors \(6 errors in a minute\)"):
        refuse_firing("s/e", ["errors"], [firing])


def test_alarm_that_there_is_not_would_tell_nobody():
    with pytest.raises(PreconditionError, match="no alarm delays, errors for s/e, so nobody would notice"):
        refuse_firing("s/e", ["errors", "delays"], [])


def test_alarm_without_data_does_not_fire():
    refuse_firing("s/e", ["errors"], [Alarm("errors", "INSUFFICIENT_DATA", NOON)])
