"""A component that does not fit the others is refused at its start, in a sentence that shows no secret."""

from datetime import UTC, datetime, timedelta

import pytest

from deployment.installation import SHARED, fingerprint, other_secrets, wrong_clock

OURS = {name: f"secret of {name}" for name in SHARED}
KNOWN = {name: fingerprint(name, secret) for name, secret in OURS.items()}
SCHEDULER, WORKER = ["airflow", "scheduler"], ["airflow", "celery", "worker"]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_same_secrets_fit():
    assert other_secrets(OURS, KNOWN, SCHEDULER) == []


@pytest.mark.parametrize(("name", "effect"), SHARED.items())
@pytest.mark.parametrize("given", ["another", ""])
def test_other_secret_is_named_with_its_effect(name, effect, given):
    assert other_secrets({**OURS, name: given}, KNOWN, SCHEDULER) == [
        f"{name} is not the one of the other components, so {effect}; give all of them the same .env, or start `init` again if "
        "the secret has changed."
    ]


@pytest.mark.parametrize("component", [WORKER, ["airflow", "triggerer"], ["airflow", "dag-processor"]])
def test_component_that_signs_nothing_may_lack_the_secret_for_it_but_not_have_another_one(component):
    signing = "AIRFLOW__API_AUTH__JWT_SECRET"
    without = {name: secret for name, secret in OURS.items() if name != signing}
    assert other_secrets(without, KNOWN, component) == []
    assert len(other_secrets(without, KNOWN, SCHEDULER)) == 1
    assert len(other_secrets({**OURS, signing: "another"}, KNOWN, component)) == 1


def test_fingerprint_tells_no_secret():
    assert all(secret not in KNOWN[name] for name, secret in OURS.items())
    assert fingerprint("A", "same") != fingerprint("B", "same")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (30, []),
        (-30, []),
        (600, ["The clock of this machine is 600 s ahead of the database's; have it set by NTP, and start again."]),
        (-600, ["The clock of this machine is 600 s behind the database's; have it set by NTP, and start again."]),
    ],
)
def test_clock_that_is_off_is_refused_from_half_a_minute_on(seconds, said):
    assert wrong_clock(NOW, NOW + timedelta(seconds=seconds)) == said
