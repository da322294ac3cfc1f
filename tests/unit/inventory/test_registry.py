"""The registry of a target's images."""

import pytest

from include.errors import InventoryError
from include.inventory import load


@pytest.fixture(scope="module")
def inventory():
    return load()


def test_environments_may_share_a_registry_in_an_account_of_its_own(inventory):
    found = [inventory.target(f"core/{each}").registry for each in ("staging", "production")]
    assert [(each.account, each.repository, each.commit_length) for each in found] == [("111111111110", "core", 40)] * 2
    assert found[1].keep == {"production-": 3, "staging-": 10}


def test_registry_left_out_is_the_systems_in_the_environments_own_account(inventory):
    found = inventory.target("planning-data/production").registry
    assert (found.account, found.region, found.repository) == ("444444444443", "eu-west-2", "planning-data")


def test_target_without_images_says_how_to_name_its_registry(inventory):
    with pytest.raises(InventoryError, match="has no registry in the inventory; add one, or an image_repository"):
        _ = inventory.target("staff-device-logging/production").registry
