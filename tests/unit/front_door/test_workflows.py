"""OIDC tokens of GitHub Actions, as the sandbox's issuer signs them, held against the inventory."""

import time

import jwt
import pytest

from include.front_door import workflows
from include.front_door.problem import Problem
from include.front_door.signing_keys import SigningKeys
from include.inventory import load
from sandbox.external_services.github.oidc import Issuer

CORE = {"repository": "example-housing/core", "ref": "refs/heads/main", "event": "push", "audience": "runbooks"}


@pytest.fixture(scope="module")
def issuer():
    return Issuer(time.time)


@pytest.fixture
def check(issuer):
    keys = SigningKeys("https://keys.example.org", lambda _: issuer.keys())
    return lambda text: workflows.check(text, load(), lambda _issuer, _owner, key_id: keys.key(key_id))


def token(issuer, **other):
    return issuer.token(**{**CORE, "actor": "amelia", "environment": None, "lasts": 600, **other})


def test_workflow_of_the_inventory_gets_what_its_entry_says(issuer, check):
    assert workflows.is_from_github(token(issuer), load())
    caller = check(token(issuer))
    assert caller.name == "github:amelia via Deploy of example-housing/core"
    assert caller.identity == "workflow of example-housing/core"
    assert caller.grants == {"core/staging": {"staging_deployment", "service_restart"}}


def test_name_of_a_repository_counts_in_any_case(issuer, check):
    assert check(token(issuer, repository="Example-Housing/Core")).identity == "workflow of example-housing/core"


@pytest.mark.parametrize(
    "other",
    [
        {"repository": "example-housing/core-fork"},
        {"repository": "eve/core"},
        {"ref": "refs/heads/mainline"},
        {"ref": "refs/heads/feature/main"},
        {"ref": "refs/pull/7/merge", "event": "pull_request"},
        {"event": "pull_request_target"},  # it runs with the ref of the default branch, for anybody's pull request
        {"event": "workflow_run"},
        {"audience": "https://github.com/example-housing"},
    ],
    ids=lambda other: str(next(iter(other.values()))),
)
def test_everybody_else_is_refused_with_what_the_token_says(issuer, check, other):
    with pytest.raises(Problem) as refused:
        check(token(issuer, **other))
    assert refused.value.status == 403
    assert refused.value.detail.startswith(
        "No entry front_door.workflows of the inventory accepts this token: repository "
    )


def test_expired_token_is_refused(issuer, check):
    with pytest.raises(Problem, match="has expired"):
        check(token(issuer, lasts=-31))


def test_token_signed_by_another_key_is_refused(issuer, check):
    forger = Issuer(time.time)
    with pytest.raises(Problem, match="Signature verification failed") as refused:
        check(token(forger))
    assert refused.value.status == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_algorithm_is_not_the_tokens_choice(issuer, check, algorithm):
    claims = jwt.decode(token(issuer), options={"verify_signature": False})
    secret = "" if algorithm == "none" else "a secret that everybody knows, of 32 bytes"
    forged = jwt.encode(claims, secret, algorithm, headers={"kid": issuer.key_id})
    with pytest.raises(Problem, match="specified alg value is not allowed"):
        check(forged)


def test_tokens_of_airflow_and_nonsense_are_not_githubs():
    ours = jwt.encode({"sub": "ann", "iss": "airflow"}, "x" * 64, "HS512")
    assert not workflows.is_from_github(ours, load())
    assert not workflows.is_from_github("nonsense", load())


def test_token_without_an_expiry_is_refused(issuer, check):
    claims = jwt.decode(token(issuer), options={"verify_signature": False})
    del claims["exp"]
    endless = jwt.encode(claims, issuer.key, "RS256", headers={"kid": issuer.key_id})
    with pytest.raises(Problem, match='missing the "exp" claim'):
        check(endless)
