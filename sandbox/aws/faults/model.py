"""An injected fault, with the count of how often it took effect."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.services.ecs.model import ONE_OFF_SECONDS, Behaviour


class FaultError(ValueError):
    """An invalid fault; the message names the valid choices."""


@dataclass
class Fault:
    id: str
    kind: str
    target: str
    service: str
    fields: dict[str, Any] = field(default_factory=dict)
    account: str = ""  # the target's
    scope: str = ""  # of an external service: the workspace, repository or project of the target's system
    injected: int = 0
    shaped: int = 0  # tasks that were made under it
    suppressed: int | None = None  # times it was kept from taking effect; None where nothing can
    next_at: float = 0.0  # when an infrastructure fault may take effect again
    undo: Callable[[], None] = lambda: None  # what removing it gives back
    kept: list[Behaviour] = field(
        default_factory=list
    )  # tasks that it keeps from what they would do as soon as it is gone
    spared: frozenset[str] = frozenset()  # what was there before it and fares as ever
    since: float = 0.0  # when it was injected
    place: tuple[str, str, str] = ("", "", "")  # account, region and cluster of its target

    def count(self) -> None:
        self.injected += 1

    def keep(self, behaviour: Behaviour) -> None:
        """Hold a task up until the fault is removed."""
        self.kept.append(behaviour)
        self.undo = self._let_go

    def _let_go(self) -> None:
        for behaviour in self.kept:
            if self.kind == "never_healthy":
                behaviour.healthy = True
            elif self.kind == "container_unhealthy":
                behaviour.fails_checks = False
            elif behaviour.crash_after == self.fields["seconds"]:
                behaviour.crash_after, behaviour.usual = ONE_OFF_SECONDS, None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "target": self.target,
            "service": self.service,
            **self.fields,
            "injected": self.injected,
            **({} if self.suppressed is None else {"suppressed": self.suppressed}),
        }
