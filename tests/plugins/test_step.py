"""What a failed step leaves on record: the message of a RunbookError, or that of an unexpected error."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSensorTimeout
from botocore.exceptions import ClientError

from include.errors import RolloutFailedError
from include.run.journal import list_causes, list_events
from include.run.stop import StandsAsideError, Stop
from include.waiters.progress import Progress
from opskit import step
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
RUN = "production_release/one"
LATE = AirflowSensorTimeout("Sensor has timed out; run duration of 7201 seconds exceeds the specified timeout of 7200.")


@pytest.fixture
def failed(store, monkeypatch):
    """Return a function that passes a failed task to the callback and returns the run's causes."""
    monkeypatch.setattr("opskit.context.run_store", lambda _: store)

    def fail_of(error: BaseException | None, hostname: str = "", **params: object) -> list[str]:
        context = {
            "ti": SimpleNamespace(task_id="await_checks_green", hostname=hostname),
            "task": SimpleNamespace(queue="terraform"),
            "dag_run": SimpleNamespace(dag_id="production_release", run_id="one"),
            "params": {"target": "core/production", **params},
            "exception": error,
        }
        step.note_failure(context)
        return list_causes(store, RUN)

    return fail_of


def test_a_sensor_that_ran_out_of_time_is_on_record(failed):
    assert failed(LATE) == [f"await_checks_green ran out of time: {LATE}"]


def test_what_nobody_foresaw_is_on_record_with_its_kind(failed):
    assert failed(OSError("no route")) == ["await_checks_green gave up after its last retry: OSError: no route"]


def test_what_the_step_told_itself_is_not_told_twice(failed):
    assert failed(AirflowFailException("told already")) == []


def test_step_that_no_worker_took_is_on_record_with_its_queue(failed):
    assert failed(None) == [
        "await_checks_green was lost: no worker took it from the queue terraform; see that a worker runs that serves it "
        "(airflow celery worker --queues terraform)"
    ]


def test_step_whose_process_died_for_the_last_time_is_on_record_with_its_worker(failed):
    assert failed(None, hostname="worker-2") == [
        "await_checks_green was lost: its process on worker-2 ended without a word, or no worker of the queue terraform took its "
        "next try"
    ]


def test_a_run_that_only_plans_leaves_nothing(failed):
    assert failed(LATE, plan_only=True) == []


def test_a_failure_is_told_in_its_own_words_and_its_class_kept_beside_them(failed, store):
    context = {
        "ti": SimpleNamespace(task_id="verify_rollout"),
        "dag_run": SimpleNamespace(dag_id="production_release", run_id="one"),
        "params": {"target": "core/production"},
    }
    with pytest.raises(AirflowFailException, match=r"^Only 1 of 3 is healthy\.$"), step.running(context):
        raise RolloutFailedError("Only 1 of 3 is healthy.")
    [event] = list_events(store, RUN)
    assert (event["text"], event["error"]) == ("Only 1 of 3 is healthy.", "RolloutFailedError")


def a_try(number: int = 1, **returned: object) -> dict[str, object]:
    """Return the context of a task's attempt, in a run whose tasks have returned something."""
    instance = SimpleNamespace(
        task_id="back_up_data", try_number=number, xcom_pull=lambda task_ids: returned.get(task_ids)
    )
    run = SimpleNamespace(dag_id="region_data_update", run_id="one")
    return {"ti": instance, "dag_run": run, "params": {"target": "core/production"}}


@pytest.mark.parametrize(("waited", "given_up"), [(None, False), (7190, False), (7201, True)])
def test_a_wait_that_has_lasted_too_long_says_for_what(failed, store, monkeypatch, waited, given_up):
    looking = step.poll(timeout=7200, name="await_staging")(
        lambda ctx: Progress(False, "waits for staging_deployment/one")
    )
    context, since = a_try(), None if waited is None else datetime.now(UTC) - timedelta(seconds=waited)
    context["ti"].get_first_reschedule_date = lambda context: since
    monkeypatch.setattr(step, "get_current_context", lambda: context)
    if given_up:
        told = r"back_up_data has waited 2 hours, as long as it may; the last look: waits for staging_deployment/one\.$"
        with pytest.raises(AirflowFailException, match=told):
            looking.run()
    else:
        assert looking.run().is_done is False


def test_a_mistake_in_the_code_is_not_tried_again_and_is_on_record(failed, store):
    told = r"^back_up_data met an error that nobody foresaw: KeyError: 'tag'$"
    with pytest.raises(AirflowFailException, match=told), step.running(a_try()):
        raise KeyError("tag")
    assert [event["text"] for event in list_events(store, "region_data_update/one")] == [
        "back_up_data met an error that nobody foresaw: KeyError: 'tag'"
    ]


def answered(code: str, status: int = 400) -> ClientError:
    said = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "RunTask")


def test_a_refusal_of_aws_is_not_tried_again_and_is_on_record_with_the_way_out(failed, store):
    told = r"^AWS refuses RunTask \(AccessDenied: no\); give the role of the target's Airflow connection that right"
    with pytest.raises(AirflowFailException, match=told), step.running(a_try()):
        raise answered("AccessDenied")
    [event] = list_events(store, "region_data_update/one")
    assert event["error"] == "RefusedError"


@pytest.mark.parametrize("error", [answered("Throttling"), answered("ExpiredToken"), answered("Denied", status=503)])
def test_an_error_of_aws_that_may_pass_is_left_to_the_retries(failed, error):
    with pytest.raises(ClientError), step.running(a_try()):
        raise error


def test_an_error_of_aws_that_outlasts_the_retries_is_told_with_the_way_out(failed):
    (told,) = failed(answered("ExpiredToken"))
    assert told.startswith(
        "await_checks_green gave up after its last retry: AWS refuses RunTask (ExpiredToken: no); put valid"
    )


def test_an_error_that_may_pass_is_left_to_the_retries_of_the_step(failed):
    with pytest.raises(OSError, match="no route"), step.running(a_try()):
        raise OSError("no route")


@pytest.mark.parametrize(("repeat", "retries"), [(step.Repeat.SAFE, 8), (step.Repeat.NEVER, 0)])
def test_a_step_declares_how_often_it_may_be_tried(repeat, retries):
    from airflow.sdk import DAG

    apply = step.step(name="apply_plan", repeat=repeat)(lambda ctx: None)
    with DAG("tried", schedule=None) as dag:
        apply()
    assert dag.get_task("apply_plan").retries == retries


@pytest.mark.parametrize(
    ("number", "seen", "result", "applied"),
    [(1, "arn:found", "made", 1), (2, "arn:found", "arn:found", 0), (2, None, "made", 1)],
    ids=["first try", "begun before", "never begun"],
)
def test_a_step_that_must_look_first_looks_before_its_second_try(monkeypatch, number, seen, result, applied):
    made = []
    monkeypatch.setattr(step, "get_current_context", lambda: a_try(number))

    @step.step(look=lambda ctx: seen)
    def start_task(ctx):
        made.append(ctx.name)
        return "made"

    assert start_task.run() == result
    assert len(made) == applied


def test_step_that_stands_aside_in_an_emergency_stop_comes_again_without_a_failure_on_record(store, monkeypatch):
    monkeypatch.setattr("opskit.context.run_store", lambda _: store)
    context = {
        "ti": SimpleNamespace(task_id="stop_old_tasks"),
        "dag_run": SimpleNamespace(dag_id="production_release", run_id="one"),
        "params": {"target": "core/production"},
    }
    before = datetime.now(UTC)
    shown = []
    monkeypatch.setattr(step, "show_step", lambda ctx: None)
    monkeypatch.setattr(step, "show_wait", lambda ctx, text: shown.append(text))
    with pytest.raises(AirflowRescheduleException) as again, step.running(context):
        raise StandsAsideError(Stop("ann", before, "A wrong image goes everywhere."))
    assert again.value.reschedule_date - before >= timedelta(seconds=15)
    assert shown == [f"emergency stop by ann at {before:%H:%M} UTC: A wrong image goes everywhere"]
    assert list_events(store, RUN) == []


@pytest.mark.parametrize(
    ("repeat", "look", "aside"),
    [(step.Repeat.SAFE, None, True), (step.Repeat.NEVER, None, False), (step.Repeat.SAFE, lambda ctx: None, False)],
)
def test_only_a_step_that_may_begin_again_stands_aside(monkeypatch, repeat, look, aside):
    context = {"ti": SimpleNamespace(task_id="stop_old_tasks", try_number=1)}
    monkeypatch.setattr(step, "get_current_context", lambda: context)
    monkeypatch.setattr(step, "show_step", lambda ctx: None)
    seen = []
    step.FunctionStep(
        lambda ctx: seen.append(ctx.may_stand_aside), name="stop_old_tasks", repeat=repeat, look=look
    ).run()
    assert seen == [aside]
