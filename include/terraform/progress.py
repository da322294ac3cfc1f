"""How far an apply is: n of m done, what is in progress since when, what failed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from include.terraform.events import ChangeSummary, Event, Operation, PlannedChange
from include.terraform.kinds import kind_of
from include.terraform.plan import TerraformPlan
from include.text import spoken

DOING = {"create": "creating", "update": "changing", "delete": "destroying", "read": "reading"}
OPERATIONS = {"create": 1, "update": 1, "delete": 1, "replace": 2}  # that an apply makes of a planned change
SHOWN = 3  # resources in a sentence


@dataclass(frozen=True)
class Running:
    """An operation that has begun, and not ended as far as is known."""

    address: str
    resource_type: str
    action: str
    id_value: str  # empty for a creation, whose id is known at its end
    since: datetime | None
    elapsed: int = 0  # seconds, as Terraform said last

    def text(self, now: datetime | None = None) -> str:
        """Return it as a phrase, with how long it usually takes if that is long."""
        passed = now - self.since if now and self.since else timedelta(seconds=self.elapsed)
        usual = kind_of(self.resource_type).minutes
        often = f", usually {spoken(timedelta(minutes=usual))}" if usual else ""
        return f"{DOING.get(self.action, self.action)} {self.address} for {spoken(passed)}{often}"


@dataclass
class Progress:
    """What the lines so far say. `total`: the operations of the plan, if they are known before the first line."""

    total: int = 0
    done: list[Operation] = field(default_factory=list)
    failed: list[Operation] = field(default_factory=list)
    finished: bool = False  # Terraform said at the end what it did: it had no error
    _planned: int = 0
    _running: dict[tuple[str, str], Running] = field(default_factory=dict)

    def add(self, events: Iterable[Event]) -> None:
        """Take further events, in the order of their lines."""
        for event in events:
            if isinstance(event, ChangeSummary):
                self.total = max(self.total, event.total)
                self.finished = self.finished or event.operation != "plan"
            elif isinstance(event, PlannedChange) and event.type == "planned_change":
                self._planned += OPERATIONS.get(event.action, 0)  # the apply of a saved plan tells no sum
                self.total = max(self.total, self._planned)
            elif isinstance(event, Operation) and event.action != "read":
                self._take(event)

    @property
    def running(self) -> tuple[Running, ...]:
        """What is in progress, the longest first. After the process is gone: what was begun and may or may not be there."""
        return tuple(self._running.values())

    def text(self, now: datetime | None = None) -> str:
        """Return the progress in one sentence."""
        parts = [self._counted(), *(each.text(now) for each in self.running[:SHOWN])]
        if len(self._running) > SHOWN:
            parts.append(f"{len(self._running) - SHOWN} more in progress")
        if self.failed:
            parts.append(f"failed: {_named([each.address for each in self.failed])}")
        return "; ".join(parts)

    def text_at_end(self) -> str:
        """Return the progress of a process that is gone: what it had in progress may be there or not."""
        parts = [self._counted()]
        if self.failed:
            parts.append(f"failed: {_named([each.address for each in self.failed])}")
        if self._running:
            parts.append(f"begun, and not known whether done: {_named([each.address for each in self.running])}")
        return "; ".join(parts)

    def _counted(self) -> str:
        return f"{len(self.done)} of {max(self.total, len(self.done) + len(self.failed) + len(self._running))} done"

    def _take(self, event: Operation) -> None:
        key = (event.address, event.action)
        if event.type in ("apply_complete", "apply_errored"):
            self._running.pop(key, None)
            (self.done if event.type == "apply_complete" else self.failed).append(event)
        elif event.type == "apply_start":
            self._running[key] = Running(event.address, event.resource_type, event.action, event.id_value, event.at)
        elif known := self._running.get(key):
            self._running[key] = Running(
                known.address, known.resource_type, known.action, known.id_value, known.since, event.elapsed
            )


def _named(addresses: list[str]) -> str:
    more = len(addresses) - SHOWN
    return ", ".join(addresses[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def operations(plan: TerraformPlan) -> int:
    """Return how many operations an apply of this plan makes: a replacement is two, an import and a removal from the state none."""
    single = len(plan.of("create", "change", "destroy"))
    return single + sum(1 if each.forgets_old else 2 for each in plan.of("replace"))
