"""A step before it becomes a task: runbooks consist of steps, and steps refer to each other instead of to task ids."""

from __future__ import annotations

from typing import Any


class StepDefinition:
    """A named step. Calling it inside a DAG makes its task, and stores that task's id.

    A step may stand in several runbooks, and twice in one, in different task groups.
    """

    def __init__(self, name: str):
        self.name = name
        self._task_ids: dict[str, dict[str, None]] = {}  # by runbook, in its order
        self.last: Any = None  # the task that was made last

    def __call__(self) -> Any:
        made = self.make()
        operator = getattr(made, "operator", made)  # an XComArg stands for its operator
        self._task_ids.setdefault(operator.dag.dag_id, {})[operator.task_id] = None
        self.last = operator
        return made

    def make(self) -> Any:
        """Return this step's task, made in the current DAG and task group."""
        raise NotImplementedError

    def is_part_of(self, dag_id: str) -> bool:
        """Tell whether the runbook contains this step."""
        return dag_id in self._task_ids

    def task_ids(self, dag_id: str) -> list[str]:
        """Return the ids of this step's tasks, in the order of the runbook."""
        return list(self._task_ids.get(dag_id, ()))

    def task_id(self, dag_id: str, *, seen_from: str = "") -> str:
        """Return the id of this step's task: of several, the one whose task group is nearest to another task's.

        Raises: LookupError if the runbook does not contain this step.
        """
        if not self.is_part_of(dag_id):
            raise LookupError(f"{dag_id} has no step {self.name}")
        groups = seen_from.split(".")[:-1]

        def distance(task_id: str) -> tuple[int, int]:
            own = task_id.split(".")[:-1]
            shared = next((n for n, pair in enumerate(zip(own, groups, strict=False)) if pair[0] != pair[1]), None)
            return -(min(len(own), len(groups)) if shared is None else shared), len(own)

        return min(self._task_ids[dag_id], key=distance)


def display_name(name: str) -> str:
    """Return a task's display name: `await_new_tasks_healthy` is "Await new tasks healthy"."""
    return name.rsplit(".", 1)[-1].replace("_", " ").capitalize()
