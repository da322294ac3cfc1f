"""Registered targets of target groups."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Target:
    """A registered target and what its health checks have seen."""

    id: str
    port: int
    registered: float
    state: str = "initial"
    next_check: float = 0.0
    passed: int = 0  # in a row
    failed: int = 0  # in a row
    draining: float | None = None
