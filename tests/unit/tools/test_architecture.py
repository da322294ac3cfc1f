"""The architecture picture puts packages in rows by what they import."""

import pytest

from tools.architecture import graph, missing_phases, rows

STEPS = """1. `plan_x` a
2. `approve_x` b
3. `acquire_lock` c
4. `confirm_plan_unchanged` d
5. `stop_x` e
6. `part.verify_x` f
7. `release_lock` g
8. `record_x` h
"""


@pytest.mark.parametrize(
    ("arrows", "expected"),
    [
        ({}, []),
        ({"a": {"b"}, "b": set()}, [["a"], ["b"]]),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": set()}, [["a"], ["b"], ["c", "d"]]),
        ({"a": {"b"}, "b": {"a", "c"}, "c": set(), "d": {"a"}}, [["d"], ["a", "b"], ["c"]]),
    ],
    ids=["nothing", "one arrow", "two ways down", "a circle is one row"],
)
def test_rows_hold_packages_above_everything_they_import(arrows, expected):
    assert rows(arrows) == expected


def test_graph_holds_imports_of_packages_and_modules_of_one_folder(tmp_path):
    room = tmp_path / "include"
    (room / "aws").mkdir(parents=True)
    (room / "__init__.py").write_text("")
    (room / "aws" / "__init__.py").write_text("")
    (room / "aws" / "ecs.py").write_text("import boto3\nfrom include.errors import Refused\n")
    (room / "errors.py").write_text("import re\n")
    (room / "waits.py").write_text("from include import aws\nimport include.errors\n")
    assert graph(room) == {"aws": {"errors"}, "errors": set(), "waits": {"aws", "errors"}}


def test_a_page_with_every_part_of_a_run_in_order_misses_none():
    assert missing_phases(STEPS) == []


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (STEPS.replace("`approve_x`", "`ask_x`"), ["Approve"]),
        (STEPS.replace("`acquire_lock`", "`a`").replace("`stop_x`", "`acquire_lock`"), ["Confirm"]),
        (STEPS.replace("`part.verify_x`", "`unverify_x`"), ["Verify"]),
    ],
    ids=["left out", "out of order", "only contains the word"],
)
def test_a_page_misses_a_part_that_is_left_out_or_out_of_order(page, expected):
    assert missing_phases(page) == expected
