"""Which platform tasks need, and whether an index lists it."""

from typing import Any

import pytest

from include.errors import PreconditionError
from include.releases.image.platforms import platforms_of, refuse_missing

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("asked", "instances", "platforms"),
    [
        ({}, [], {"linux/amd64"}),
        ({"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}, [], {"linux/amd64"}),
        ({"cpuArchitecture": "ARM64"}, [], {"linux/arm64"}),
        ({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}, [], {"windows/amd64"}),
        ({}, ["arm64"], {"linux/arm64"}),
        ({}, ["x86_64", "arm64", "x86_64"], {"linux/amd64", "linux/arm64"}),
        ({"cpuArchitecture": "ARM64"}, ["x86_64"], {"linux/arm64"}),  # it is placed on others, or nowhere
        ({}, ["of_tomorrow"], set()),
    ],
)
def test_platform_is_what_the_definition_asks_for_or_what_its_instances_are(
    asked: dict[str, str], instances: list[str], platforms: set[str]
):
    found = [{"ecs.cpu-architecture": instance} for instance in instances]
    definition: dict[str, Any] = {"runtimePlatform": asked} if asked else {}
    assert platforms_of(definition, found) == platforms


@pytest.mark.parametrize(
    ("listed", "needed"),
    [
        (["linux/amd64"], {"linux/amd64"}),
        (["linux/arm64/v8", "linux/amd64"], {"linux/arm64"}),
        (["linux/amd64/v1"], {"linux/amd64"}),
        (["linux/arm64"], set()),
    ],
)
def test_index_with_the_platform_is_let_pass(listed: list[str], needed: set[str]):
    refuse_missing(DIGEST, listed, "app:3", needed)


@pytest.mark.parametrize(("listed", "lacks"), [("linux/amd64/v3", "linux/amd64"), ("linux/arm/v7", "linux/arm64")])
def test_other_variant_is_another_platform(listed: str, lacks: str):
    with pytest.raises(PreconditionError, match=f"is an index of {listed}, and tasks of app:3 need {lacks}, so none"):
        refuse_missing(DIGEST, [listed], "arn:aws:ecs:eu-west-2:1:task-definition/app:3", {lacks})
