"""A request that Airflow accepts but cannot store, pass on or start is refused in one sentence that names the field."""

import json
import math
from datetime import UTC, datetime

import pytest

from include.trigger_request import TOO_DEEP, cannot_be_kept, cannot_be_started, loggable, parse

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
OUTSIDE = "is a whole number of more than 64 bits, which Airflow cannot pass on"


def kept(body):
    return cannot_be_kept(parse(body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.mark.parametrize(
    "body",
    [
        {"logical_date": None, "conf": {"target": "core/staging", "cpu": 1024, "regions": [{"region": "US/PA"}]}},
        {"conf": {"least": -(2**63), "most": 2**63 - 1, "part": 1e300, "text": "\U0001f6a2\n"}},
        {},
    ],
)
def test_what_airflow_keeps_is_no_complaint(body):
    assert kept(body) is None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"conf": {"cpu": 2**63}}, f"cpu 9223372036854775808 {OUTSIDE}."),
        ({"conf": {"cpu": -(2**63) - 1}}, f"cpu -9223372036854775809 {OUTSIDE}."),
        ({"conf": {"regions": [{}, {"n": [10**20]}]}}, f"regions[1].n[0] 100000000000000000000 {OUTSIDE}."),
        ({"conf": {"x": float("nan")}}, "x nan is no number that a database takes."),
        (b'{"conf": {"x": -1e999}}', "x -inf is no number that a database takes."),
        (
            {"conf": {"regions": [{"data": "a\x00b"}]}},
            r"regions[0].data 'a\x00b' holds a character that no database takes.",
        ),
        ({"conf": {"x": "\ud83d"}}, r"x '\ud83d' holds a character that no database takes."),
        ({"conf": {"x": {"a\x00": 1}}}, r"The name 'a\x00' in x holds a character that no database takes."),
        ({"note": "a\x00"}, r"note 'a\x00' holds a character that no database takes."),
        ({"params_input": {"note": 10**20}}, f"params_input.note 100000000000000000000 {OUTSIDE}."),
    ],
)
def test_what_airflow_cannot_keep_is_named_with_its_place(body, sentence):
    assert kept(body) == sentence


def test_number_longer_than_python_reads_is_named_and_cut():
    sentence = kept(b'{"conf": {"cpu": ' + b"9" * 5000 + b"}}")
    assert sentence == f"cpu {'9' * 80}... (5,000 digits) {OUTSIDE}."


def nested(depth):
    return b'{"conf": {"x": ' + b"[" * depth + b"]" * depth + b"}}"


def test_nesting_is_taken_to_twenty_levels():
    assert kept(nested(18)) is None
    assert kept(nested(19)) is None
    assert kept(nested(20)) == TOO_DEEP
    assert kept(nested(900)) == TOO_DEEP


def test_nesting_that_python_does_not_read_is_an_error_of_its_own():
    with pytest.raises(RecursionError):
        parse(nested(50_000))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"logical_date": "2999-01-01T00:00:00Z"},
            "logical_date '2999-01-01T00:00:00Z' is to come: at most 10 minutes from now are taken; leave it out, and the run "
            "starts now.",
        ),
        (
            {"logical_date": 19000000000},
            "logical_date 19000000000 is to come: at most 10 minutes from now are taken; leave it out, and the run starts now.",
        ),
        (
            {"run_after": "2026-12-05T12:00:00"},
            "run_after '2026-12-05T12:00:00' is to come: at most 7 days from now are taken; leave it out, and the run starts now.",
        ),
        (
            {"run_after": "2026-11-20T12:00:00Z"},
            "run_after '2026-11-20T12:00:00Z' is too long ago: 2026-11-26T12:00Z is the earliest that is taken.",
        ),
        (
            {"logical_date": "0001-01-01T00:00:00+14:00"},
            "logical_date '0001-01-01T00:00:00+14:00' is too long ago: 1970-01-01T00:00Z is the earliest that is taken.",
        ),
        (
            {"data_interval_end": "9999-12-31T23:59:59-14:00"},
            "data_interval_end '9999-12-31T23:59:59-14:00' is to come: at most 7 days from now are taken; leave it out, and the "
            "run starts now.",
        ),
        (
            {"logical_date": "2026-11-27T11:00:00"},
            "logical_date '2026-11-27T11:00:00' has no time zone; write it such as 2026-11-27T12:00:00Z.",
        ),
        ({"logical_date": "tomorrow"}, "logical_date 'tomorrow' is no time such as 2026-11-27T12:00:00Z."),
        ({"dag_run_id": {"a": 1}}, "dag_run_id must be a text, not {'a': 1}."),
        (
            {"dag_run_id": "x" * 251},
            f"dag_run_id '{'x' * 79}... (251 characters) is too long: at most 250 characters are taken.",
        ),
        (
            {"note": "x" * 1001},
            f"note '{'x' * 79}... (1,001 characters) is too long: at most 1,000 characters are taken.",
        ),
        (
            {"config": {}},
            "A request to start a run has no 'config'; it has conf, dag_run_id, data_interval_end, data_interval_start, logical_date, "
            "note, partition_key, run_after.",
        ),
    ],
)
def test_request_whose_run_would_not_start_or_end_is_refused(given, sentence):
    assert cannot_be_started(given, NOW) == sentence


@pytest.mark.parametrize(
    "given",
    [
        {"logical_date": None, "conf": {}},
        {"logical_date": "2026-11-27T12:09:00Z", "note": "x" * 1000},
        {"logical_date": "2026-11-27T14:05:00+02:00", "run_after": "2026-12-04T11:00:00Z"},
        {"logical_date": "2026-11-01T00:00:00Z", "run_after": None, "dag_run_id": "x" * 250},
    ],
)
def test_request_whose_run_starts_now_or_within_a_week_is_taken(given):
    assert cannot_be_started(given, NOW) is None


def test_refused_request_is_logged_without_what_cannot_be_kept_and_what_airflow_requires():
    given = parse(nested(900)) | {
        "logical_date": None,
        "task_id": 7,
        "dag_run_id": ["x"] * 300,
        "note": "nul\x00",
        "chosen_options": ["Approve"],
    }
    given["conf"] |= {"cpu": parse(b"1" + b"0" * 20), "y": math.inf, "ok": 1}
    logged = loggable(given)
    assert set(logged) == {"conf", "dag_run_id", "note"}
    assert len(logged["dag_run_id"]) == 250
    assert logged["note"] == r"'nul\x00'"
    assert {name: logged["conf"][name] for name in ("cpu", "y", "ok")} == {"cpu": "1" + "0" * 20, "y": "inf", "ok": 1}
    assert '"..."' in json.dumps(logged, allow_nan=False)
