"""Names of images: what is a host, what is a tag, and which repository of ECR is meant."""

import pytest

from include.aws.image_names import ImageName, read_image_name
from include.inventory.models import Registry

ECR = "111111111110.dkr.ecr.eu-west-2.amazonaws.com"
AT = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (f"{ECR}/core:v1", ImageName(ECR, "core", "v1", "", "111111111110", "eu-west-2")),
        (f"{ECR}/team/core@{AT}", ImageName(ECR, "team/core", "latest", AT, "111111111110", "eu-west-2")),
        (f"{ECR}/core:v1@{AT}", ImageName(ECR, "core", "v1", AT, "111111111110", "eu-west-2")),
        ("localhost:5000/core:v1", ImageName("localhost:5000", "core", "v1", "")),
        ("ghcr.io/example/core", ImageName("ghcr.io", "example/core", "latest", "")),
        ("example/core:v1", ImageName("", "example/core", "v1", "")),
        ("core", ImageName("", "core", "latest", "")),
    ],
)
def test_name_is_read_as_docker_reads_it(name: str, parts: ImageName):
    assert read_image_name(name) == parts


@pytest.mark.parametrize(
    "host",
    [
        "111111111110.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "111111111110.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "111111111110.dkr-ecr.eu-west-2.on.aws",
    ],
)
def test_every_form_of_ecrs_hosts_is_known(host: str):
    assert read_image_name(f"{host}/core:v1").account == "111111111110"


def test_image_is_in_a_registry_only_if_account_region_and_repository_agree():
    own = Registry(account="111111111110", region="eu-west-2", repository="core")
    assert read_image_name(f"{ECR}/core:v1").is_in(own)
    for other in (
        f"{ECR}/core-jobs:v1",
        f"{ECR.replace('0.dkr', '1.dkr')}/core:v1",
        f"{ECR.replace('2', '1')}/core",
        "core:v1",
    ):
        assert not read_image_name(other).is_in(own)
