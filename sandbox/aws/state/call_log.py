"""A received AWS call: its operation, its caller, and whether it changes anything."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Call:
    service: str
    action: str
    region: str
    mutates: bool
    params: Any = None
    n: int = 0
    at: str = ""
    account: str = "000000000000"
    role: str = "base"
    status: int = 0
    error: str | None = None
    version: str = ""  # of the API, where a request names it
    agent: str = ""  # terraform, if its provider or its backend made the call

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
