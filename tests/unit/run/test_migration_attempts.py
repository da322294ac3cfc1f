"""Recorded attempts and attestations: added in order, never overwritten, found by every later run."""

from datetime import UTC, datetime

from include.run.image_attestations import add_attestation, read_attestation
from include.run.migration_attempts import Attempt, add_attempt, add_end, keep_arn, list_attempts
from include.run.store import RunStore

TARGET, KEY = "core/staging", "k" * 32
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
DIGEST, COMMIT, OTHER = f"sha256:{'a' * 64}", "c" * 40, "d" * 40


def test_attempt_grows_from_begun_to_started_to_ended(store: RunStore):
    assert list_attempts(store, TARGET, KEY) == []
    assert add_attempt(store, TARGET, KEY, 1, "run/1", NOON)
    assert list_attempts(store, TARGET, KEY) == [Attempt(1, "run/1", NOON)]
    keep_arn(store, TARGET, KEY, 1, "arn:1")
    assert list_attempts(store, TARGET, KEY) == [Attempt(1, "run/1", NOON, "arn:1")]
    add_end(store, TARGET, KEY, 1, "failed", {"exit_code": 1, "text": "exited with 1", "log": "https://x"})
    assert list_attempts(store, TARGET, KEY) == [Attempt(1, "run/1", NOON, "arn:1", "failed", 1)]


def test_retry_finds_its_own_attempt_and_another_run_does_not_take_it(store: RunStore):
    assert add_attempt(store, TARGET, KEY, 1, "run/1", NOON)
    assert add_attempt(store, TARGET, KEY, 1, "run/1", NOON)
    assert not add_attempt(store, TARGET, KEY, 1, "run/2", NOON)


def test_first_arn_and_first_end_stand(store: RunStore):
    add_attempt(store, TARGET, KEY, 1, "run/1", NOON)
    keep_arn(store, TARGET, KEY, 1, "arn:1")
    keep_arn(store, TARGET, KEY, 1, "arn:2")
    add_end(store, TARGET, KEY, 1, "succeeded", {"exit_code": 0})
    add_end(store, TARGET, KEY, 1, "failed", {"exit_code": 1})
    assert list_attempts(store, TARGET, KEY) == [Attempt(1, "run/1", NOON, "arn:1", "succeeded", 0)]


def test_attempts_are_in_order_and_of_this_migration_on_this_target(store: RunStore):
    for number in (10, 2, 1):
        add_attempt(store, TARGET, KEY, number, f"run/{number}", NOON)
    add_attempt(store, "core/production", KEY, 3, "run/3", NOON)
    add_attempt(store, TARGET, "x" * 32, 4, "run/4", NOON)
    assert [attempt.number for attempt in list_attempts(store, TARGET, KEY)] == [1, 2, 10]


def test_proof_is_of_a_digest_and_a_commit_and_the_first_stands(store: RunStore):
    assert read_attestation(store, TARGET, DIGEST, COMMIT) is None
    assert add_attestation(store, TARGET, DIGEST, COMMIT, "run/1", {"app": "t"})
    assert not add_attestation(store, TARGET, DIGEST, COMMIT, "run/2", {})
    proof = read_attestation(store, TARGET, DIGEST, COMMIT)
    assert proof is not None
    assert (proof.digest, proof.commit, proof.target, proof.run, proof.templates) == (
        DIGEST,
        COMMIT,
        TARGET,
        "run/1",
        {"app": "t"},
    )
    assert read_attestation(store, "core/production", DIGEST, COMMIT) is None


def test_proof_of_another_commit_is_shown_if_there_is_no_other(store: RunStore):
    add_attestation(store, TARGET, DIGEST, COMMIT, "run/1", {})
    other = read_attestation(store, TARGET, DIGEST, OTHER)
    assert other is not None
    assert other.commit == COMMIT
    add_attestation(store, TARGET, DIGEST, OTHER, "run/2", {})
    again = read_attestation(store, TARGET, DIGEST, OTHER)
    assert again is not None
    assert again.commit == OTHER
