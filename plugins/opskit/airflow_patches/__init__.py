"""What patches or works round Airflow 3.3.2. Nothing else in this repository imports it, and every runbook works without it.

config/airflow.env switches the pieces on; opskit_plugin.py and config/airflow_local_settings.py only look there.

early_end
    Wrong: a run with a date to come, which the API no longer takes, cannot be ended: marked as failed it stays running or queued,
    since its teardowns wait for that date. No issue is known.
    Off: RUNBOOK_AIRFLOW_PATCHES does not name it. Marking the run's teardowns as failed, one by one, ends it.
    Remove when: Airflow runs the teardowns of such a run at once.

executor (with parent_death)
    Wrong: LocalExecutor stands still for ever when the wrong idle worker is killed, leaves the tasks of a killed worker or
    scheduler running beside their own retries, lacks `revoke_task`, and takes the end of a parked task's process for the
    end of the one in which the task goes on (apache/airflow#72716, #71580, #67287; #68741 mends part of it after 3.3.2).
    For the rest no issue is known; #70526 and #67870 are deadlocks of the same queue.
    Off: AIRFLOW__CORE__EXECUTOR names another executor.
    Remove when: tests/plugins/test_executor.py passes with Airflow's own LocalExecutor.

idle_sleep
    Wrong: the scheduler sleeps for a fixed time after a pass that found nothing to do. So either each step waits for it, or an
    idle scheduler and one whose tasks run for minutes look ten times a second. No issue is known.
    Off: RUNBOOK_AIRFLOW_PATCHES does not name it, or another executor is named.
    Remove when: a task's end wakes Airflow's scheduler.

preload
    Wrong: nothing is loaded before tasks are forked, so each step imports the code and reads the models of AWS again. Airflow
    loads ahead only what DAG files import, and only in the DAG processor (#50371).
    Off: RUNBOOK_AIRFLOW_PATCHES does not name it, or tasks are forked neither from the scheduler nor from a worker of Celery.
    Remove when: Airflow loads a list of modules before its executors fork, and notices when their files change.

trigger_validation
    Wrong: the API takes keys of `conf` that no param declares (#29018, closed without a change), and values that it cannot
    store or serialise. It answers a wrong value with a dump of the JSON schema, and does not say who may answer a question. The ids
    of its runs do not say their target.
    Off: RUNBOOK_AIRFLOW_PATCHES does not name it. The plan task then refuses unknown keys, once there is a run.
    Remove when: Airflow answers 400 to all of tests/journey/test_bad_input.py by itself.
"""
