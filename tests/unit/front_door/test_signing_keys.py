"""The keys of an issuer are fetched when they are needed, and not for every made-up key."""

import time
from types import SimpleNamespace

import pytest

from include.errors import ServiceUnavailableError
from include.front_door.problem import Problem
from include.front_door.signing_keys import SigningKeys
from sandbox.external_services.github.oidc import Issuer


@pytest.fixture
def issuer():
    issuer = Issuer(time.time)
    state = SimpleNamespace(now=0.0, calls=0, away=False, issuer=issuer)

    def read(_url):
        state.calls += 1
        if state.away:
            raise ServiceUnavailableError("The keys cannot be read.")
        return issuer.keys()

    state.keys = SigningKeys("https://keys.example.org", read, lambda: state.now)
    return state


def test_keys_are_fetched_once_an_hour(issuer):
    for issuer.now in (0.0, 10.0, 3599.0):
        assert issuer.keys.key("sandbox-1")
    assert issuer.calls == 1
    issuer.now = 3601.0
    issuer.keys.key("sandbox-1")
    assert issuer.calls == 2


def test_rotated_key_is_fetched_at_its_first_use(issuer):
    issuer.keys.key("sandbox-1")
    issuer.issuer.rotate()
    issuer.now = 31.0
    assert issuer.keys.key("sandbox-2")
    issuer.now = 100.0
    with pytest.raises(Problem):
        issuer.keys.key("sandbox-1")  # which is not published any more


def test_made_up_keys_make_one_fetch_in_half_a_minute(issuer):
    for number in range(50):
        issuer.now = number / 2
        with pytest.raises(Problem, match="signed by a key that its issuer does not have"):
            issuer.keys.key(f"made-up-{number}")
    assert issuer.calls == 1


def test_outage_of_the_issuer_leaves_known_keys_right_and_is_told_for_others(issuer):
    issuer.keys.key("sandbox-1")
    issuer.away, issuer.now = True, 4000.0
    assert issuer.keys.key("sandbox-1")
    with pytest.raises(ServiceUnavailableError):
        issuer.keys.key("sandbox-2")
    assert issuer.calls == 2


def test_something_else_in_place_of_keys_is_an_outage():
    for answer in ([], {}, {"keys": []}, {"keys": [{"kty": "none"}]}, "text"):
        with pytest.raises(ServiceUnavailableError, match="something else"):
            SigningKeys("https://keys.example.org", lambda _, answer=answer: answer).key("a")
