"""Which task of a runbook is its plan, which are its gates, and so on: asked by whoever would go by their names otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The tasks that the frame gave a runbook, by their ids; `groups` are the titles of its boxes, in order."""

    risk: str
    plan: str
    gates: tuple[str, ...]
    lock: str
    confirm: str
    release: str
    record: str
    groups: tuple[str, ...]


_frames: dict[str, Frame] = {}


def remember(dag_id: str, frame: Frame) -> None:
    """Keep the frame of a runbook whose file is being read."""
    _frames[dag_id] = frame


def frame_of(dag_id: str) -> Frame:
    """Return a runbook's frame. Raises: LookupError of a DAG that is no runbook, or whose file this process has not read."""
    if dag_id not in _frames:
        raise LookupError(f"{dag_id} is no runbook that this process has read")
    return _frames[dag_id]
