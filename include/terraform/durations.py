"""How long the changes of a plan take: as long as in the target's last applies, or as their kind usually takes."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from include.terraform.events import Operation
from include.terraform.kinds import kind_of
from include.terraform.plan import Action, ResourceChange
from include.text import spoken

# Terraform's operations of a change, as its output calls them
OPERATIONS: dict[Action, tuple[str, ...]] = {
    "create": ("create",),
    "change": ("update",),
    "destroy": ("delete",),
    "replace": ("delete", "create"),
}
LONG = 30  # seconds; what is shorter is not worth a word

Took = Mapping[str, int]  # seconds by operation and type, such as "create aws_lb"


def longest(done: Iterable[Operation]) -> dict[str, int]:
    """Return how long the slowest operation of each kind took."""
    found: dict[str, int] = {}
    for each in done:
        name = f"{each.action} {each.resource_type}"
        found[name] = max(found.get(name, 0), each.elapsed)
    return found


def expected(change: ResourceChange, took: Took) -> int:
    """Return how many seconds the apply of a change takes; a replacement destroys and creates."""
    usual = kind_of(change.type).minutes * 60
    return sum(took.get(f"{each} {change.type}", usual) for each in OPERATIONS.get(change.action, ()))


def last_times(changes: Iterable[ResourceChange], took: Took) -> tuple[str, ...]:
    """Return how long operations of this plan took the last times, the longest first, as far as that is on record."""
    names = {f"{each} {change.type}" for change in changes for each in OPERATIONS.get(change.action, ())}
    known = sorted(
        (name for name in names if name in took and took[name] >= LONG), key=lambda name: (-took[name], name)
    )
    return tuple(f"{name} {spoken(timedelta(seconds=took[name]))}" for name in known)
