"""The source of a restart's plan: the runbook's own plan, or one made in the middle of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.restart.plan import ServiceRestart


@dataclass(frozen=True)
class RestartSource:
    """The services to restart, and AWS's clock just before the reads that the plan rests on."""

    strategy: str
    services: tuple[ServiceRestart, ...]
    since: datetime

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> RestartSource:
        """Read the source from a task's result: a plan that names the services, and since."""
        services = tuple(ServiceRestart.model_validate(service) for service in found["plan"]["services"])
        return cls(found["plan"]["strategy"], services, datetime.fromisoformat(found["since"]))
