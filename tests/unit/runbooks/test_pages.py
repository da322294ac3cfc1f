"""The operator's pages and the document that collects them."""

import pytest

from include.runbooks import operator_page
from include.runbooks.pages import document, runbooks, task_ids


def test_steps_are_found_by_the_task_in_backticks_and_by_hand_steps_are_not_tasks():
    page = "# Restart\n\n1. `plan_restart` looks.\n2. *by hand*: telephone, see `nothing`.\n10. `surge.stop_old_tasks` stops.\n"
    assert task_ids(page) == ["plan_restart", "surge.stop_old_tasks"]


def test_every_page_names_tasks_each_once_or_more_and_has_the_four_headings():
    for name in runbooks():
        page = operator_page(name)
        assert page.startswith("# ")
        assert task_ids(page)
        for heading in ("**Use when**", "**Takes**", "**Asks**", "**Safe to stop**"):
            assert heading in page


def test_document_holds_every_page_one_heading_deeper():
    collected = document()
    assert collected.startswith("# Runbooks\n")
    assert collected.count("\n# ") == 0
    for name in runbooks():
        assert "\n#" + operator_page(name).splitlines()[0] + "\n" in collected


def test_restart_has_a_page():
    assert "service_restart" in runbooks()


def test_runbook_without_a_page_is_an_error():
    with pytest.raises(FileNotFoundError):
        operator_page("no_such_runbook")
