"""The architecture page matches the code."""

import pytest

from include.runbooks import pages
from tools import architecture


def test_picture_is_what_would_be_drawn_now():
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.picture(), "run `make docs` and commit it"


def test_picture_shows_every_runbook():
    drawn = architecture.PICTURE.read_text(encoding="utf-8")
    assert pages.runbooks()
    assert [name for name in pages.runbooks() if f">{name}</text>" not in drawn] == []


@pytest.mark.parametrize(
    "runbook", [name for name in pages.runbooks() if "`stop_if_plan_only`" in pages.operator_page(name)]
)
def test_runbook_has_the_parts_of_a_run_that_the_picture_shows_in_that_order(runbook):
    assert architecture.missing_phases(pages.operator_page(runbook)) == []
