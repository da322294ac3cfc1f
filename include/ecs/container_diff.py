"""Compare task definitions without their values: staging proves an image in one, and production runs it in another (I10)."""

from collections.abc import Mapping
from typing import Any

from include.text import canonical_json

# fields that make a container another program; sizes, values of variables and log groups depend on the environment
SHAPE = ("command", "entryPoint", "essential", "user", "workingDirectory", "readonlyRootFilesystem", "privileged")


def template_of(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a container definition (as AWS gives it) that is the same in every environment."""
    shape = {key: container[key] for key in SHAPE if container.get(key) not in (None, [], "", False)}
    shape["environment"] = sorted(
        {str(variable["name"]) for key in ("environment", "secrets") for variable in _list(container, key)}
    )
    shape["ports"] = sorted(int(port["containerPort"]) for port in _list(container, "portMappings"))
    shape["mounts"] = sorted(str(mount.get("containerPath", "")) for mount in _list(container, "mountPoints"))
    return shape


def differences(proved: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how a container's template differs from the one the image was proved in, as sentences without values."""
    found = []
    missing = sorted(set(proved["environment"]) - set(wanted["environment"]))
    extra = sorted(set(wanted["environment"]) - set(proved["environment"]))
    if missing:
        found.append(f"has no variable {', '.join(missing)}")
    if extra:
        found.append(f"has a variable {', '.join(extra)} that the proof was made without")
    found += [
        f"has another {key}"
        for key in sorted((set(proved) | set(wanted)) - {"environment"})
        if proved.get(key) != wanted.get(key)
    ]
    return tuple(found)


def with_image(definition: Mapping[str, Any], container: str, image: str) -> dict[str, Any]:
    """Return the definition to register: the same one with another image for one container.

    Fields that only AWS may set are left out. All other fields are kept, including ones that this program does not know.
    """
    given = _given(definition)
    given["containerDefinitions"] = [
        {**defined, "image": image} if defined["name"] == container else defined
        for defined in definition["containerDefinitions"]
    ]
    return given


def is_registered(newest: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a family's newest revision is what would be registered, so that a retry need not register another one."""
    return canonical_json(_given(newest)) == canonical_json(_given(wanted))


def _given(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in SET_BY_AWS}


SET_BY_AWS = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
    }
)


def _list(container: Mapping[str, Any], key: str) -> list[Any]:
    return list(container.get(key) or [])
