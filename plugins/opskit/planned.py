"""Where a group of steps that restarts finds what it restarts: one runbook's plan, or one made half way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.restart.plan import ServiceRestart
from opskit.step import Step


@dataclass(frozen=True)
class Planned:
    """What is to be renewed, and AWS's clock just before the reads that the plan rests on."""

    strategy: str
    services: tuple[ServiceRestart, ...]
    since: datetime

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Planned:
        """Read it from what a task has left: a plan that names the services, and since."""
        services = tuple(ServiceRestart.model_validate(each) for each in found["plan"]["services"])
        return cls(found["plan"]["strategy"], services, datetime.fromisoformat(found["since"]))


Source = Callable[[Step], Planned]  # where a step finds it


def confirmed(here: Step) -> Planned:
    """Return what the guard let through."""
    return Planned.read(here.guard)


def left_by(task_id: str) -> Source:
    """Return what finds the plan that a task of the run has left."""
    return lambda here: Planned.read(here.proof_of(task_id))
