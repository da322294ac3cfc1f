"""Every write operation of a gateway, and how AWS's own log names the resources of such a call."""

from importlib import import_module
from pkgutil import walk_packages

from include import aws, s3copy
from include.write import Action


def _collect() -> dict[str, Action]:
    found: dict[str, Action] = {}
    for module in (
        *walk_packages(aws.__path__, f"{aws.__name__}."),
        *walk_packages(s3copy.__path__, f"{s3copy.__name__}."),
    ):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Action):
                assert found.setdefault(str(value), value) is value, f"{value} stands in two gateways"
    return found


ACTIONS = _collect()
