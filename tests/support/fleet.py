"""The services of the compose file as a new installation would start them."""

from __future__ import annotations

from deployment import env_file
from tests.support.compose_file import Service, services

# like the sandbox on one machine: a look once a minute of its own time
PACE = {"RUNBOOK_POLL_SECONDS": "1", "RUNBOOK_CALLS_PER_MINUTE": "6000", "SANDBOX_SPEED": "180"}


def prepared(**given: str) -> tuple[dict[str, Service], str]:
    """Return the services of a new installation, and its users."""
    values = {name: make() for name, make in env_file.MADE.items()} | PACE | given
    return services(values), values["RUNBOOK_USERS"]
