"""How long each step of a run took, from the first begin to the last end: Airflow's own figure is that of the last look of a wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

GOES_ON = (
    "running",
    "up_for_reschedule",
    "up_for_retry",
    "deferred",
    "awaiting_input",
    "queued",
    "scheduled",
    "restarting",
)


@dataclass(frozen=True)
class StepDuration:
    """One step. `looks` are those of a wait which Airflow starts anew for each of them, `tries` all attempts."""

    step: str
    began: datetime
    lasted: timedelta
    ended: bool
    looks: int = 0
    tries: int = 1

    @property
    def remark(self) -> str:
        """What the time consists of beside one attempt, in words."""
        parts = [f"{self.looks + 1} looks"] if self.looks else []
        parts += [f"{self.tries} attempts"] if self.tries > 1 else []
        return f" ({', '.join(parts)})" if parts else ""


def durations(
    tasks: Iterable[tuple[str, int, datetime | None, datetime | None, str | None, int]],
    earlier: Iterable[tuple[str, int, datetime | None]],
    looks: Iterable[tuple[str, int, datetime | None]],
    now: datetime,
) -> list[StepDuration]:
    """Return the steps that have begun, in the order in which they did.

    `tasks`: id, map index, begin, end, state and number of the attempt of each task. `earlier` and `looks`: the begins of their
    earlier attempts and of the looks before the last one.
    """
    begins: dict[tuple[str, int], list[datetime]] = {}
    counts: dict[tuple[str, int], int] = {}
    for task, index, begin in earlier:
        begins.setdefault((task, index), []).extend([begin] if begin else [])
    for task, index, begin in looks:
        begins.setdefault((task, index), []).extend([begin] if begin else [])
        counts[task, index] = counts.get((task, index), 0) + 1
    found = []
    for task, index, begin, end, state, tries in tasks:
        known = [*begins.get((task, index), []), *([begin] if begin else [])]
        if not known or state in ("skipped", "upstream_failed", "removed"):
            continue
        goes_on = state is None or state in GOES_ON
        until = now if goes_on or end is None else end
        name = task if index < 0 else f"{task}[{index}]"
        lasted = max(until - min(known), timedelta(0))
        found.append(StepDuration(name, min(known), lasted, not goes_on, counts.get((task, index), 0), tries))
    return sorted(found, key=lambda each: each.began)


def read_durations(session: Session, dag_id: str, run_id: str, now: datetime) -> list[StepDuration]:
    """Read a run's steps from Airflow's database."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.models.taskreschedule import TaskReschedule
    from sqlalchemy import select

    def of_run(model: Any) -> tuple[Any, Any]:
        return (model.dag_id == dag_id, model.run_id == run_id)

    task, past, look = TaskInstance, TaskInstanceHistory, TaskReschedule
    tasks = select(task.task_id, task.map_index, task.start_date, task.end_date, task.state, task.try_number)
    earlier = select(past.task_id, past.map_index, past.start_date)
    looks = select(task.task_id, task.map_index, look.start_date).join(task, task.id == look.ti_id)
    began: Any = session.execute(tasks.where(*of_run(task))).all()
    before: Any = session.execute(earlier.where(*of_run(past))).all()
    looked: Any = session.execute(looks.where(*of_run(task))).all()
    return durations(began, before, looked, now)
