"""Where the steps that restart find what they restart: in the runbook's own plan, or in one that was made half way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.restart.plan import ServiceRestart


@dataclass(frozen=True)
class RestartSource:
    """What is to be restarted, and AWS's clock just before the reads that the plan rests on."""

    strategy: str
    services: tuple[ServiceRestart, ...]
    since: datetime

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> RestartSource:
        """Read it from what a task has left: a plan that names the services, and since."""
        services = tuple(ServiceRestart.model_validate(service) for service in found["plan"]["services"])
        return cls(found["plan"]["strategy"], services, datetime.fromisoformat(found["since"]))
