"""The source of a restart's plan: the runbook's own plan, or one made in the middle of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from include.restart.plan import ServiceRestart


@dataclass(frozen=True)
class RestartSource:
    """The services to restart, and AWS's clock just before the reads that the plan rests on."""

    services: tuple[ServiceRestart, ...]
    since: datetime

    def of_kind(self, kind: Literal["surge", "rolling"]) -> tuple[ServiceRestart, ...]:
        """Return the services that are restarted in this way."""
        return tuple(service for service in self.services if service.kind == kind)

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> RestartSource:
        """Read the source from a task's result: a plan that names the services, and since."""
        services = tuple(ServiceRestart.model_validate(service) for service in found["plan"]["services"])
        return cls(services, datetime.fromisoformat(found["since"]))
