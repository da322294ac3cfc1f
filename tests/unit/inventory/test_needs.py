"""People, connections and channels that an inventory names and nobody has are named in a sentence each."""

from collections.abc import Callable
from pathlib import Path

from include.inventory import load
from include.inventory.needs import lacking, needs_of

Library = Callable[..., Path]
STAGING = "environments/staging"
WHOLE = {
    "slack_workspace": "library",
    "github": "example-library/catalogue",
    f"{STAGING}/slack_channel": "#library-staging",
    f"{STAGING}/database": {"instance": "library", "name": "library", "connection": "postgres_library"},
}
CONNECTIONS = ["aws_library_staging", "slack_library", "github_example_library", "postgres_library"]


def test_what_an_inventory_relies_on_is_collected_with_its_targets(library: Library):
    needs = needs_of(load(library(WHOLE)))
    assert needs.approvers == {"ann": ["library/staging"], "bob": ["library/staging"]}
    assert list(needs.connections) == CONNECTIONS
    assert needs.channels == {("slack_library", "#library-staging"): ["library/staging"]}


def test_nothing_is_lacking_where_everything_exists(library: Library):
    needs = needs_of(load(library(WHOLE)))
    assert lacking(needs, {"ann", "bob", "eve"}, CONNECTIONS, {"slack_library": {"library-staging", "C1"}}) == []


def test_what_nobody_has_is_named(library: Library):
    needs = needs_of(load(library(WHOLE)))
    assert lacking(needs, {"anne", "bob"}, CONNECTIONS[:2], {"slack_library": {"library-stagin"}}) == [
        "ann approves on library/staging, but is no user of Airflow (did you mean anne?); there are anne, bob.",
        "library/staging needs the Airflow connection github_example_library, which there is not.",
        "library/staging needs the Airflow connection postgres_library, which there is not.",
        "library/staging writes to #library-staging, which is no public channel that slack_library lists (did you mean "
        "library-stagin?); create it, or give the id of a private one.",
    ]


def test_what_could_not_be_looked_at_is_not_said_to_be_lacking(library: Library):
    assert lacking(needs_of(load(library(WHOLE))), None, CONNECTIONS, {}) == []
