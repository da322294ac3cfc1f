"""A temporary target is recognised by a pattern, and stays in the account of its template."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from include.errors import InventoryError
from include.inventory import load
from include.inventory.templates import Template
from tests.unit.inventory.conftest import LIBRARY

Library = Callable[..., Path]
Complaint = Callable[[Path], str]


def review(**different: Any) -> dict[str, Any]:
    service = {
        **deepcopy(LIBRARY["environments"]["staging"]["services"][0]),
        "name": "{name}-catalogue",
        "log_group": "/library/{name}",
    }
    service.pop("load_balancing")
    return {
        "pattern": "review-<number>",
        "environment": {
            "account": "555555555553",
            "region": "eu-west-1",
            "purpose": "review",
            "role": "library-review-runbooks",
            "cluster": "library-review",
            "services": [service],
            "approval": {"approvers": ["ann"], "respond_within": "2h"},
            **different,
        },
    }


def with_review(library: Library, **different: Any) -> Path:
    return library({"templates": {"review": review(**different)}})


def test_name_that_fits_gives_a_target_with_its_names_filled_in(library: Library):
    target = load(with_review(library)).target("library/review-1234")
    assert (target.name, target.template) == ("library/review-1234", "review")
    assert target.environment.account == "555555555553"
    assert [(service.name, service.log_group) for service in target.environment.services] == [
        ("review-1234-catalogue", "/library/review-1234")
    ]


def test_all_targets_of_a_template_are_reached_by_one_connection(library: Library):
    inventory = load(with_review(library))
    assert [inventory.target(f"library/review-{each}").aws_conn_id for each in (7, 8)] == ["aws_library_review"] * 2


def test_number_alone_can_be_filled_in(library: Library):
    inventory = load(with_review(library, cluster="pull-request-{number}"))
    assert inventory.target("library/review-1234").environment.cluster == "pull-request-1234"


@pytest.mark.parametrize(
    "name",
    [
        "library/review",
        "library/review-",
        "library/review-0",
        "library/review-01",
        "library/review-1234567890",
        "library/review-12a",
        "library/review-1\n",
        "library/review-\u0661",
        "library/review-1/x",
        "library/Review-1",
        "library/preview-1",
        "other/review-1",
        "review-1",
    ],
)
def test_name_that_does_not_fit_is_refused_with_what_there_is(library: Library, name: str):
    with pytest.raises(InventoryError) as caught:
        load(with_review(library)).target(name)
    assert str(caught.value) == (
        f"{name!r} is no target of the inventory; choose one of library/staging, library/review-<number>."
    )


def test_targets_of_a_template_are_in_no_list_of_what_there_is(library: Library):
    inventory = load(with_review(library))
    assert list(inventory.targets) == ["library/staging"]
    assert inventory.patterns == ["library/review-<number>"]


def test_target_that_would_be_in_another_account_is_refused():
    # the loader refuses such a template, so this one bypasses it
    section = {**review()["environment"], "account": "55555555555{number}"}
    template = Template.model_construct(pattern="review-<number>", environment=section)
    with pytest.raises(ValueError, match=r"'review-3' would be in account 555555555553, not in 55555555555\{number\}"):
        template.fill("review-3")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"templates": {"review": review(account="55555555555{number}")}},
            "templates.review.environment.account: must not depend on the name.",
        ),
        (
            {"templates": {"review": review(slack_channel="#library-{name}")}},
            "templates.review.environment.slack_channel: must not depend on the name.",
        ),
        (
            {"templates": {"review": {**review(), "pattern": "<number>"}}},
            "templates.review.pattern: '<number>' does not fit ^[a-z][a-z0-9]*(-[a-z0-9]+)*-<number>$.",
        ),
        (
            {"templates": {"review": review(clutser="library")}},
            "templates.review.environment.clutser: Extra inputs are not permitted.",
        ),
        (
            {"templates": {"staging": review()}},
            "templates.staging: there is an environment 'staging', too; rename one of the two.",
        ),
        (
            {"templates": {"review": review(), "second": review()}},
            "templates.second.pattern: 'review' has the same one.",
        ),
        (
            {
                "environments": {**LIBRARY["environments"], "review-7": LIBRARY["environments"]["staging"]},
                "templates": {"review": review()},
            },
            "templates.review.pattern: the environment 'review-7' fits it; rename one of the two.",
        ),
    ],
)
def test_template_that_cannot_be_kept_apart_is_refused(
    library: Library, complaint: Complaint, change: dict[str, Any], message: str
):
    assert complaint(library(change)) == f"library.yaml: {message}"


def test_targets_of_a_template_may_not_share_a_service(library: Library, complaint: Complaint):
    services = [{**review()["environment"]["services"][0], "name": "catalogue"}]
    assert complaint(with_review(library, services=services)) == (
        "library/review-2 and library/review-1 both have service catalogue of cluster library-review in account 555555555553, "
        "eu-west-1; a service belongs to one target, correct the copy."
    )
