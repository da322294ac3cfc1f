"""A task definition compared without its values, and a copy of it with another image."""

from typing import Any

from include.ecs.container_diff import differences, is_registered, template_of, with_image


def container(**different: Any) -> dict[str, Any]:
    return {
        "name": "app",
        "image": "core:1",
        "cpu": 256,
        "environment": [{"name": "B", "value": "staging"}, {"name": "A", "value": "1"}],
        "secrets": [{"name": "DB", "valueFrom": "arn:1"}],
        "portMappings": [{"containerPort": 8080, "hostPort": 0}],
        "logConfiguration": {"logDriver": "awslogs"},
        **different,
    }


def test_values_sizes_and_images_make_no_difference():
    other = container(
        image="core:2",
        cpu=512,
        environment=[{"name": "A", "value": "2"}, {"name": "B", "value": "production"}],
        secrets=[{"name": "DB", "valueFrom": "arn:2"}],
        command=[],
    )
    assert template_of(other) == template_of(container())
    assert differences(template_of(container()), template_of(other)) == ()


def test_plain_variable_and_secret_of_one_name_are_the_same():
    other = container(environment=[{"name": "A"}, {"name": "DB"}], secrets=[{"name": "B"}])
    assert template_of(other) == template_of(container())


def test_command_ports_and_missing_variables_make_one_and_are_named_without_values():
    other = container(
        command=["x"], environment=[{"name": "A", "value": "hunter2"}], secrets=[{"name": "KEY"}], portMappings=[]
    )
    assert template_of(other) != template_of(container())
    assert differences(template_of(container()), template_of(other)) == (
        "has no variable B, DB",
        "has a variable KEY that the proof was made without",
        "has another command",
        "has another ports",
    )


def test_new_revision_is_the_old_one_with_another_image_and_nothing_lost():
    definition = {
        "family": "core",
        "taskDefinitionArn": "arn",
        "revision": 41,
        "status": "ACTIVE",
        "registeredAt": "then",
        "registeredBy": "ann",
        "compatibilities": ["FARGATE"],
        "requiresAttributes": [],
        "runtimePlatform": {"cpuArchitecture": "ARM64"},
        "brandNew": {"kept": True},
        "containerDefinitions": [container(), {"name": "proxy", "image": "envoy:1"}],
    }
    assert with_image(definition, "app", "core@sha256:2") == {
        "family": "core",
        "runtimePlatform": {"cpuArchitecture": "ARM64"},
        "brandNew": {"kept": True},
        "containerDefinitions": [container(image="core@sha256:2"), {"name": "proxy", "image": "envoy:1"}],
    }
    assert definition["containerDefinitions"][0]["image"] == "core:1"


def test_retry_finds_the_revision_that_was_registered_already():
    wanted = with_image({"family": "core", "containerDefinitions": [container()]}, "app", "core@sha256:2")
    assert is_registered({**wanted, "revision": 42, "taskDefinitionArn": "arn", "status": "ACTIVE"}, wanted)
    assert not is_registered({**wanted, "cpu": "512"}, wanted)
    assert not is_registered({"family": "core", "containerDefinitions": [container()]}, wanted)
