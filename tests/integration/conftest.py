"""The product's gateways and steps, over HTTP against the simulated AWS and external services."""

from tests.sandbox.conftest import (  # noqa: F401  # fixtures
    bare,
    cloud,
    control,
    neighbourhood,
    scene_of,
    server,
    settled,
    small_inventory,
    town_scene_of,
)
