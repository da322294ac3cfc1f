"""Mistakes in a promotion section are named with their place."""

import pytest
import yaml

from include.errors import InventoryError
from include.inventory import load
from include.inventory.loader import SHIPPED

FILE = "staff-device-logging.yaml"


@pytest.fixture
def loaded(tmp_path):
    """Return what loads the shipped file after a change of it."""
    content = yaml.safe_load((SHIPPED / FILE).read_text())

    def with_change(change):
        change(content["environments"])
        (tmp_path / FILE).write_text(yaml.safe_dump(content))
        return load(tmp_path)

    return with_change


def test_accounts_come_one_after_the_other(loaded):
    found = loaded(lambda environments: None).target("staff-device-logging/production")
    assert [each.environment_name for each in found.promoted_before] == ["pre-production", "development"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda e: e["development"]["promotion"].update(after="production"),
            "'production' is no environment with a promotion section that comes before it",
        ),
        (lambda e: e["production"]["promotion"].update(after="staging"), "production.promotion.after: 'staging' is no"),
        (lambda e: e["production"].pop("terraform"), "promotion: needs a terraform section"),
        (
            lambda e: e["production"]["promotion"]["log_retention"].update(days=8),
            "days: CloudWatch keeps no lines for 8 days; the nearest that it takes is 7",
        ),
        (
            lambda e: e["production"]["promotion"]["artefact"].update(describe=["functionbeat"]),
            "describe: needs {function}",
        ),
        (
            lambda e: e["production"]["promotion"]["artefact"].update(functions=["a", "a"]),
            "functions: the same function is listed twice",
        ),
        (
            lambda e: e["production"]["promotion"]["artefact"]["variables"].update(ELASTIC_PASSWORD="x"),
            "parameters: 'ELASTIC_PASSWORD' stands in variables as well",
        ),
        (
            lambda e: e["production"]["promotion"]["artefact"].update(folder="../other"),
            "folder: '../other' is no folder of the repository",
        ),
    ],
)
def test_mistake_is_named(loaded, change, said):
    with pytest.raises(InventoryError, match=said):
        loaded(change)
