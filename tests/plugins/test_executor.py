"""The executor continues after a worker is killed, and its child processes end with their parent."""

import os
import signal
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
from airflow.executors.local_executor import LocalExecutor
from airflow.jobs import scheduler_job_runner

from opskit.airflow_patches.executor import RecordLock, RobustLocalExecutor

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="workers are forked, and die with their parent, on Linux"
)
DEADLINE = 10.0  # seconds
STILL = 3.0  # seconds without a result after which an executor counts as stuck


class Note(SimpleNamespace):
    """A workload as the executor knows them. `do_work` runs it in a worker."""

    running_state = None
    success_state = "success"
    failure_state = "failed"


def wait_until(look, deadline=DEADLINE):
    end = time.monotonic() + deadline
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def start(monkeypatch):
    started = []

    def begin(kind):
        def do_work(work, **_):
            if work.naps:
                pid = os.fork()  # the task's process
                if pid == 0:
                    time.sleep(600)
                work.tell.write_text(str(pid))
                time.sleep(600)

        monkeypatch.setattr("airflow.executors.base_executor.BaseExecutor.run_workload", staticmethod(do_work))
        monkeypatch.setattr(scheduler_job_runner, "time", time)  # which idle_sleep replaces
        executor = kind(parallelism=3)
        executor.start()
        started.append(executor)
        return executor

    yield begin
    for executor in started:
        for worker in executor.workers.values():
            if worker.is_alive():
                worker.kill()


def give(executor, name, **work):
    note = Note(key=name, display_name=name, naps=False, **work)
    executor.activity_queue.put(note)
    with executor._unread_messages:
        executor._unread_messages.value += 1


def hand_over(executor, name, **work):
    """Pass a workload from an executor to its workers, as the scheduler does."""
    note = Note(key=name, display_name=name, naps=False, **work)
    executor.queued_tasks[name] = note
    executor.running.add(name)
    executor._process_workloads([note])


def results(executor, wanted, deadline=DEADLINE):
    """Tell whether so many results arrive, with the workers supervised meanwhile as the scheduler does."""
    got = []

    def look():
        executor._check_workers()
        while not executor.result_queue.empty():
            got.append(executor.result_queue.get()[0])
        return len(got) >= wanted

    return wait_until(look, deadline)


@pytest.mark.parametrize(("kind", "goes_on"), [(LocalExecutor, False), (RobustLocalExecutor, True)])
def test_idle_workers_are_killed_and_the_next_ones_work(start, kind, goes_on):
    """One of the idle ones always holds the lock; that Airflow's own executor stands still is why there is ours."""
    executor = start(kind)
    give(executor, "first")
    assert results(executor, 1)
    for worker in executor.workers.values():
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    give(executor, "second")
    assert results(executor, 1, DEADLINE if goes_on else STILL) is goes_on


def test_a_task_ends_with_the_worker_that_started_it(start, tmp_path):
    executor = start(RobustLocalExecutor)
    executor.activity_queue.put(Note(key="one", display_name="one", naps=True, tell=tmp_path / "pid"))
    assert wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    task = psutil.Process(int((tmp_path / "pid").read_text()))
    os.kill(task.ppid(), signal.SIGKILL)
    assert wait_until(lambda: not task.is_running() or task.status() == psutil.STATUS_ZOMBIE)


def test_end_of_a_task_wakes_the_scheduler(start, monkeypatch):
    executor = start(RobustLocalExecutor)
    hand_over(executor, "one")
    assert wait_until(lambda: not executor.activity_queue._reader.poll())
    scheduler_job_runner.time.sleep(600)  # would outlast the test's run
    assert not executor.result_queue.empty()


def test_a_revoked_task_may_be_queued_again(start):
    executor = start(RobustLocalExecutor)
    executor.running.add("one")
    executor.revoke_task(ti=SimpleNamespace(key="one"))
    assert not executor.running


@pytest.mark.parametrize(("kind", "told_early"), [(LocalExecutor, True), (RobustLocalExecutor, False)])
def test_end_of_a_process_is_not_taken_for_that_of_the_one_in_which_the_try_goes_on(start, kind, told_early):
    """A parked task whose answer comes before its process has ended; that Airflow's own fails it is why there is ours."""
    executor = start(kind)
    executor.activity_queue = SimpleNamespace(put=lambda _: None, empty=lambda: True)  # the ends are reported below
    hand_over(executor, "parked")
    hand_over(executor, "parked")
    assert ends(executor, "parked") is told_early
    assert ends(executor, "parked")


def ends(executor, name):
    """Let a process of a task end. Return whether the scheduler is told."""
    executor.result_queue.put((name, "success", None))
    assert wait_until(lambda: not executor.result_queue.empty())
    executor.sync()
    return name in executor.get_event_buffer()


def test_end_after_a_task_was_revoked_and_queued_again_is_told(start):
    executor = start(RobustLocalExecutor)
    executor._given["one"] = 1  # a worker took it and died
    executor.revoke_task(ti=SimpleNamespace(key="one"))
    hand_over(executor, "one")
    assert wait_until(lambda: executor.sync() or "one" in executor.get_event_buffer())


def test_executor_works_as_airflows_own_where_workers_are_not_forked_and_says_so_in_one_line(monkeypatch, caplog):
    changed = []
    monkeypatch.setattr("opskit.airflow_patches.executor.end_forks_with_parent", lambda: changed.append("forks"))
    monkeypatch.setattr(scheduler_job_runner, "time", time)
    executor = RobustLocalExecutor(parallelism=3)
    executor.is_mp_using_fork = False
    executor.start()
    assert changed == []
    assert not isinstance(executor.activity_queue._rlock, RecordLock)
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("Killed workers are not defended against: that needs Linux and workers that are forked")
    executor.end()
