"""Airflow's LocalExecutor, made to survive the death of any of its processes.

config/airflow.env names it as executor. Any other executor works, too. The package's docstring says what is wrong in
Airflow and when this can be removed.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import multiprocessing
import sys
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.executors.local_executor import LocalExecutor
from airflow.utils.state import TaskInstanceState

from opskit.airflow_patches.parent_death import end_forks_with_parent
from opskit.airflow_patches.switches import is_on

if TYPE_CHECKING:
    from airflow.executors.workloads.types import WorkloadKey
    from airflow.models.taskinstance import TaskInstance

    from opskit.airflow_patches.idle_sleep import IdleSleep

log = logging.getLogger(__name__)


class RecordLock:
    """A lock between forked processes that the kernel releases when its holder dies. A semaphore would stay taken for ever.

    It does not exclude the threads of one process from each other.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the lock lives

    def acquire(self) -> bool:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RobustLocalExecutor(LocalExecutor):
    """Works round four defects of Airflow 3.3.2, three of which show only when a process is killed.

    An idle worker holds the queue's lock while it waits for work. If it is killed then, every other worker waits for that lock
    for ever, and no task runs any more. A killed worker or scheduler leaves its tasks running, beside their own retries. A task
    that a worker took but did not start before it died stays queued, since `revoke_task` is missing.

    The process of a task that waits for a person or a trigger may end after the task has resumed in another process. Its end
    would be taken for the end of the other process, and the scheduler would fail the task and discard the answer.
    """

    def start(self) -> None:
        self._sleep: IdleSleep | None = None
        self._given: Counter[WorkloadKey] = Counter()  # processes of each attempt that have not reported their end
        self._robust = sys.platform == "linux" and self.is_mp_using_fork
        if self._robust:
            end_forks_with_parent()  # the scheduler's end stops the workers, a worker's end its tasks
        else:
            log.warning(
                "Killed workers are not defended against: that needs Linux and workers that are forked, and this is %s, %s. "
                "Tasks run as with Airflow's own LocalExecutor.",
                sys.platform,
                multiprocessing.get_start_method(),
            )
        super().start()
        if is_on("idle_sleep"):
            # the scheduler alone starts an executor; other processes that import this module need not load its loop
            from opskit.airflow_patches.idle_sleep import put_in_place

            self._sleep = put_in_place(self.result_queue._reader)  # type: ignore[attr-defined]

    def _spawn_workers_with_gc_freeze(self, spawn_number: int) -> None:
        # before the first fork
        if self._robust and not isinstance(self.activity_queue._rlock, RecordLock):  # type: ignore[attr-defined]
            self.activity_queue._rlock = RecordLock()  # type: ignore[attr-defined]
            self.result_queue._wlock = RecordLock()  # type: ignore[attr-defined]
            self._unread_messages: Any = multiprocessing.Value(ctypes.c_uint, lock=RecordLock())  # type: ignore[call-overload]
        super()._spawn_workers_with_gc_freeze(spawn_number)  # type: ignore[no-untyped-call]

    def _process_workloads(self, workload_list: Any) -> None:
        if self._sleep:
            self._sleep.news()
        self._given.update(workload.key for workload in workload_list)
        super()._process_workloads(workload_list)  # type: ignore[no-untyped-call]

    def _read_results(self) -> None:
        while not self.result_queue.empty():
            key, state, _ = self.result_queue.get()
            if state != TaskInstanceState.RUNNING:  # this event is a beginning; all others are ends
                self._given[key] -= 1
                if self._given[key] > 0:
                    continue  # the attempt continues in another process
                del self._given[key]
            self.change_state(key, state)

    def revoke_task(self, *, ti: TaskInstance) -> None:
        """Forget a task that is stuck in the queue, so that the scheduler can queue it again."""
        self.queued_tasks.pop(ti.key, None)
        self.running.discard(ti.key)
        self._given.pop(ti.key, None)
