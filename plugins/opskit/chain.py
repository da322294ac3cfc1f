"""The order of a runbook's tasks, and the task groups in which Airflow's graph shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG, TaskGroup
from airflow.sdk.definitions.mappedoperator import MappedOperator

from include.runbooks import Page
from opskit.step_definition import StepDefinition

Part = Callable[[], Any]  # a step, or a function that makes a task group of several


@dataclass(frozen=True)
class Stage:
    """Steps that are shown as one task group, one after the other. The steps of a list run side by side.

    The operator's page has them under a heading of the same title.
    """

    title: str
    parts: tuple[Part | list[Part], ...]

    def __init__(self, title: str, *parts: Part | list[Part]):
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class Aside:
    """A step beside the main chain: only the end of the run waits for it, and it decides nothing."""

    after: StepDefinition
    step: StepDefinition


class Chain:
    """Links each part to the one before it. Task ids do not depend on the group that contains them."""

    def __init__(self, dag: DAG, page: Page):
        self.dag = dag
        self.page = page
        self._groups: dict[str, TaskGroup] = {}
        self._last: Any = None

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(self._groups)

    def add(self, title: str, *parts: Part | list[Part]) -> list[Any]:
        """Make the parts in the group of this title, each after the one before it, and return what was made."""
        made: list[Any] = []
        if not parts:
            return made
        with self._group(title):
            for part in parts:
                now = [make() for make in part] if isinstance(part, list) else part()
                if self._last is not None:
                    _link(self._last, now)
                made.append(now)
                self._last = now
        return made

    def set_aside(self, aside: Aside, end: Any) -> None:
        """Add a step for which only the end of the run waits."""
        with self._group("Close"):
            self.task_of(aside.after) >> aside.step() >> end

    def task_of(self, step: StepDefinition) -> Any:
        """Return the task that a step became."""
        return self.dag.get_task(step.task_id(self.dag.dag_id))

    def describe(self) -> None:
        """Give each task its sentence from the operator's page."""
        for task in self.dag.tasks:
            sentence = self.page.steps.get(task.task_id)
            if isinstance(task, MappedOperator):
                task.partial_kwargs["doc_md"] = sentence
            else:
                task.doc_md = sentence

    def _group(self, title: str) -> TaskGroup:
        if title not in self._groups:
            self._groups[title] = TaskGroup(
                group_id=title.lower().replace(" ", "_"),
                group_display_name=title,
                prefix_group_id=False,
                tooltip=self.page.groups.get(title, ""),
                dag=self.dag,
                parent_group=self.dag.task_group,
            )
        return self._groups[title]


def _link(before: Any, now: Any) -> None:
    if isinstance(before, list):
        for each in before:
            each >> now
    else:
        before >> now
