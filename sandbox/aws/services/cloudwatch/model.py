"""The state of a CloudWatch alarm, with simulated timestamps."""

from __future__ import annotations

from typing import Any

from sandbox.aws.state.clock import as_datetime


def set_alarm(alarm: Any, state: str, now: float) -> None:
    """Put an alarm into a state, at a moment of the world's time."""
    changed = alarm.state_value != state
    alarm.update_state("Threshold Crossed: 1 datapoint was above the threshold", "{}", state)
    stamp(alarm, now, changed=changed)


def stamp(alarm: Any, now: float, *, changed: bool) -> None:
    """Record when an alarm's state was set and when it changed; moto does not distinguish the two."""
    alarm.state_updated_timestamp = as_datetime(now).replace(tzinfo=None)
    if changed:
        alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
