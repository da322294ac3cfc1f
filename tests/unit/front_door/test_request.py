"""Requests are read and judged before Airflow is asked."""

import pytest

from include.front_door.problem import Problem, pointer
from include.front_door.request import StartRequest, read_request, refuse_wrong
from include.run.params import Declared

DECLARED = {
    "target": Declared({"type": "string", "enum": ["core/staging"]}),
    "regions": Declared(
        {"type": "array", "items": {"type": "object", "properties": {"data": {"type": "string"}}}}, has_default=True
    ),
}


def test_pointer_escapes_what_json_pointers_escape():
    assert pointer("params", "a/b~c", 0) == "#/params/a~1b~0c/0"


def test_right_request_is_read():
    read = read_request("service_restart", "release-1", b'{"params": {"target": "core/staging"}}')
    assert (read.runbook, read.key, read.target) == ("service_restart", "release-1", "core/staging")


def test_wrong_entry_deep_in_a_list_is_named_by_its_place():
    request = StartRequest("x", {"target": "core/staging", "regions": [{"data": "s3://a"}, {"data": 1}]}, "k")
    with pytest.raises(Problem) as refused:
        refuse_wrong(request, DECLARED)
    assert [(error.pointer, error.detail) for error in refused.value.errors] == [
        ("#/params/regions/1/data", "regions[1].data must be a text, not 1.")
    ]


def test_missing_param_is_named():
    with pytest.raises(Problem) as refused:
        refuse_wrong(StartRequest("x", {}, "k"), DECLARED)
    assert [error.pointer for error in refused.value.errors] == ["#/params/target"]
    assert refused.value.body()["detail"] == "target is missing, and this runbook needs it, such as core/staging."


def test_whole_number_beyond_64_bits_is_refused():
    with pytest.raises(Problem, match="is a whole number of more than 64 bits"):
        read_request("x", "k", b'{"params": {"cpu": 99999999999999999999}}')


def test_deep_nesting_is_refused():
    with pytest.raises(Problem, match="nested too deeply"):
        read_request("x", "k", b'{"params": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
