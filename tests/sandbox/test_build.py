"""Worlds built from inventories other than the shipped one."""

import copy

import pytest
import yaml

from include.errors import InventoryError
from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.aws.seed.build import build


@pytest.fixture
def maps():
    """The staging environment of the system on instances, to be changed."""
    content = yaml.safe_load((SHIPPED / "districtbuilder.yaml").read_text())
    content["environments"] = {"staging": content["environments"]["staging"]}
    return content


def build_from(cloud, tmp_path, *systems):
    for content in systems:
        (tmp_path / f"{content['system']}.yaml").write_text(yaml.safe_dump(content))
    build(cloud.world, cloud.url, load(tmp_path))
    return next(region for region in cloud.world.regions.values() if region.groups)


def healthy(region):
    return {
        service.name: sum(region.is_healthy(task) for task in region.tasks_of(service))
        for service in region.services.values()
    }


def test_two_services_share_the_instances_of_one_group(cloud, tmp_path, maps):
    (first,) = maps["environments"]["staging"]["services"]
    first["cpu"], first["memory"], first["tasks"] = 4096, 30000, 4
    first["scaling_group"]["max"] = 8
    second = {**copy.deepcopy(first), "name": "Worker", "family": "Worker", "tasks": 3, "loads": None}
    del second["load_balancing"]
    maps["environments"]["staging"]["services"].append(second)
    region = build_from(cloud, tmp_path, maps)
    assert healthy(region) == {"StagingApp_EC2LaunchType": 4, "Worker": 3}
    (group,) = region.groups.values()
    assert (group.desired, len(group.instances)) == (4, 4)


def test_tasks_that_do_not_fit_are_reported_with_both_values(cloud, tmp_path, maps):
    maps["environments"]["staging"]["services"][0]["memory"] = 64000
    with pytest.raises(
        InventoryError, match=r"the 2 tasks of .* do not fit on the 5 instances .* 8192 CPU units, 62259 MiB"
    ):
        build_from(cloud, tmp_path, maps)


def test_unknown_instance_type_is_reported_by_name(cloud, tmp_path, maps):
    maps["environments"]["staging"]["services"][0]["scaling_group"]["instance_type"] = "r5.huge"
    with pytest.raises(InventoryError, match=r"'r5.huge' of asgStagingContainerInstance is no EC2 instance type"):
        build_from(cloud, tmp_path, maps)


def test_other_instance_types_hold_what_they_hold_on_aws(cloud, tmp_path, maps):
    service = maps["environments"]["staging"]["services"][0]
    service["scaling_group"]["instance_type"], service["cpu"], service["memory"] = "m5.large", 1024, 3500
    region = build_from(cloud, tmp_path, maps)
    assert healthy(region) == {"StagingApp_EC2LaunchType": 2}
    ecs = cloud.client("ecs")
    arns = ecs.list_container_instances(cluster="ecsStagingCluster")["containerInstanceArns"]
    found = ecs.describe_container_instances(cluster="ecsStagingCluster", containerInstances=arns)
    registered = {
        resource["name"]: resource["integerValue"] for resource in found["containerInstances"][0]["registeredResources"]
    }
    assert registered == {"CPU": 2048, "MEMORY": 7782}


def test_two_systems_may_share_an_account_and_a_log_group(cloud, tmp_path, maps):
    other = copy.deepcopy(maps)
    other["system"] = "atlas"
    staging = other["environments"]["staging"]
    staging["cluster"] = "atlas"
    staging["services"][0]["scaling_group"]["name"] = "asgAtlas"
    staging["services"][0]["load_balancing"]["target_group"] = "tgAtlas"
    region = build_from(cloud, tmp_path, maps, other)
    assert [service.cluster for service in region.services.values()] == ["atlas", "ecsStagingCluster"]
    assert set(region.groups) == {"asgAtlas", "asgStagingContainerInstance"}
