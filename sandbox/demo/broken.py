"""A fault that lasts as long as a rehearsed run, and what it did."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape

from sandbox.demo.client import Client

OF_ITSELF = ("id", "kind", "target", "service", "injected", "suppressed")  # the rest of a fault's JSON are its fields
ONCE = ("instance_dies", "lease_record", "scheduled_scaling", "task_stopped")


@contextmanager
def broken(client: Client, fault: dict[str, Any], console: Console) -> Iterator[Callable[[], str]]:
    """Break what a fault breaks until the run has ended, if there is one; what is yielded says how often it took effect."""
    if not fault:
        yield lambda: ""
        return
    injected = client.inject(fault)
    console.print(f"Broken on purpose: {escape(announce(injected))}", soft_wrap=True)
    try:
        yield lambda: effect(injected["kind"], client.struck(injected["id"]))
    finally:
        client.heal(injected["id"])


def announce(fault: dict[str, Any]) -> str:
    """Say which fault is on, where, and when it ends."""
    fields = ", ".join(
        f"{name} {value}" for name, value in fault.items() if name not in OF_ITSELF and value not in (None, "")
    )
    where = " of ".join(filter(None, [fault.get("service"), fault.get("target")])) or "everything"
    if fault["kind"] in ONCE:
        end = "It strikes once, as soon as it can."
    elif times := fault.get("times"):
        end = "It strikes once and then no more." if times == 1 else f"It strikes {times} times and then no more."
    else:
        end = "It does not end by itself: it stays until this run has ended."
    return f"{fault['kind']}{f' ({fields})' if fields else ''} on {where}. {end}"


def effect(kind: str, times: int) -> str:
    """Say how often a fault took effect."""
    return f"{kind}, which {'never took effect' if not times else f'took effect {times} time' + 's' * (times != 1)}"
