"""EC2 where moto mixes things up: a launch template's own tags are no part of what it launches."""

from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate

_moto_makes = LaunchTemplate.__init__


def install() -> None:
    """Replace moto's way of making a launch template."""
    setattr(LaunchTemplate, "__init__", _make)  # noqa: B010  # moto's own, replaced


def _make(self: LaunchTemplate, backend: Any, name: str, data: dict[str, Any], *more: Any, **named: Any) -> None:
    tags = [each for each in data.get("TagSpecifications", []) if each["ResourceType"] != "launch-template"]
    kept = {key: value for key, value in data.items() if key != "TagSpecifications"}
    _moto_makes(self, backend, name, {**kept, **({"TagSpecifications": tags} if tags else {})}, *more, **named)
