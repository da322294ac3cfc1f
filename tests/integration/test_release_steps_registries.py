"""A builder that pushes to the registries of several accounts: each registry is read with the role of its own target."""

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED
from include.releases.image import steps
from sandbox.commits import COMMITS, commit_sha
from tests.support.release_scene import until_done

NEWEST = commit_sha("example-planning/planning-data", COMMITS)


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """The two environments that one workflow builds for."""
    folder = tmp_path_factory.mktemp("inventory")
    content = yaml.safe_load((SHIPPED / "planning-data.yaml").read_text())
    content["environments"].pop("production")
    (folder / "planning-data.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


def test_one_build_brings_the_image_into_both(release_scene_of):
    scene = release_scene_of("planning-data/staging")
    assert steps.find_images(scene, NEWEST) == {
        "444444444442/planning-data": None,
        "444444444441/planning-data": None,
    }
    build = steps.start_build(scene.step(), NEWEST)
    until_done(scene, lambda: steps.poll_build(scene, build, NEWEST), every=60)
    found = steps.find_images(scene, NEWEST).values()
    assert len({each.digest for each in found}) == 1
