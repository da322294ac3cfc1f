"""Differences between two plans of the same run, to explain why the approved one no longer fits."""

from collections.abc import Iterator, Mapping
from typing import Any

from include.run.plan.model import Plan
from include.text import canonical_json, one_line

SHOWN = 4  # differences to name in a sentence
LONGEST = 80  # characters of a value to show


def differences(approved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return in one phrase what differs between a plan and the current one. Both were dumped to JSON values.

    A plan's own fields come before the texts derived from them, which follow from the same change.
    """
    words = [name for name in Plan.model_fields if name in approved or name in now]
    facts = sorted({*approved, *now} - {*words})
    found = [each for name in (*facts, *words) for each in _differ(name, approved.get(name), now.get(name))]
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _differ(path: str, was: Any, now: Any) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            yield from _differ(f"{path}.{key}", was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True), 1):
            yield from _differ(f"{path} {number}", one, other)
    elif was != now:
        yield f"{path} was {_short(was)}, is {_short(now)}"


def _short(value: Any) -> str:
    text = one_line(value if isinstance(value, str) and value else canonical_json(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2 - 2]}...{text[-LONGEST // 2 + 1 :]}"
