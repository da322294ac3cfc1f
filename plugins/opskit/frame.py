"""Roles of a runbook's tasks: which one is its plan, which are its gates, and so on. Callers need not know the tasks' names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The tasks that the frame gave a runbook, by their ids. `groups` are the titles of its task groups, in order."""

    risk: str
    plan: str
    gates: tuple[str, ...]
    lock: str
    confirm: str
    release: str
    record: str
    groups: tuple[str, ...]
    before_plan: tuple[str, ...] = ()  # waits


_frames: dict[str, Frame] = {}


def remember(dag_id: str, frame: Frame) -> None:
    """Store the frame of a runbook whose file is being read."""
    _frames[dag_id] = frame


def frame_of(dag_id: str) -> Frame:
    """Return a runbook's frame. Raises: LookupError if the DAG is no runbook, or this process has not read its file."""
    if dag_id not in _frames:
        raise LookupError(f"{dag_id} is no runbook that this process has read")
    return _frames[dag_id]
