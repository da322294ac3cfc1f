"""Rules for every DAG, chosen by its tags. The DAGs are collected, never listed.

A DAG is a runbook, which works on a target, or it carries the tag kind:housekeeping and changes no target, or kind:cleanup: it changes by
itself what the inventory lets it, and takes nothing away but by runs of runbooks.
"""

from pathlib import Path

import pytest

from include.inventory import load
from include.runbooks.pages import DOCUMENT, document, operator_page, read_page, runbooks, task_ids
from opskit.frame import frame_of

ROOT = Path(__file__).resolve().parents[2]
RISKS = {"risk:read", "risk:safe", "risk:disruptive", "risk:destructive"}
HARMLESS = {"risk:read", "risk:safe"}
STARTED_BY_RUNS = {
    "account_promotion": ["operator_triggered"],  # for the person who asked for the first one
    "review_app_deployment": ["operator_triggered"],  # by the clean-up
    "review_app_teardown": ["operator_triggered"],
}
HOUSEKEEPING, CLEANUP = "kind:housekeeping", "kind:cleanup"


@pytest.fixture(scope="session")
def housekeeping(dags):
    return {name: dag for name, dag in dags.items() if HOUSEKEEPING in dag.tags}


@pytest.fixture(scope="session")
def runbook_dags(dags, housekeeping):
    found = {name: dag for name, dag in dags.items() if name not in housekeeping and CLEANUP not in dag.tags}
    assert found, "no runbook was found"
    return found


def framed(dags):
    """Each DAG with its frame."""
    return [(dag, frame_of(name)) for name, dag in dags.items()]


def test_dag_id_is_the_name_of_its_file(dags):
    assert {dag.dag_id: Path(dag.fileloc).stem for dag in dags.values()} == {name: name for name in dags}
    assert sorted(file.stem for file in (ROOT / "dags").glob("*.py")) == sorted(dags)


def test_every_task_is_before_the_confirmation_or_downstream_of_it(runbook_dags):
    for dag, frame in framed(runbook_dags):
        before = {*frame.before_plan, frame.plan, "stop_if_plan_only", *frame.gates, frame.lock, frame.confirm}
        after = dag.get_task(frame.confirm).get_flat_relative_ids(upstream=False)
        assert set(dag.task_ids) - before - after == set(), dag.dag_id


def test_the_confirmation_comes_after_every_approval_and_the_lock(runbook_dags):
    for dag, frame in framed(runbook_dags):
        before = dag.get_task(frame.confirm).get_flat_relative_ids(upstream=True)
        assert len(frame.gates) == 2
        assert {frame.plan, *frame.gates, frame.lock} <= before


def test_the_lock_is_a_setup_and_its_release_its_teardown(runbook_dags):
    for dag, frame in framed(runbook_dags):
        assert dag.get_task(frame.lock).is_setup
        release = dag.get_task(frame.release)
        assert release.is_teardown
        assert frame.lock in release.upstream_task_ids


def test_an_approval_outlives_its_process_and_never_defaults_to_yes(runbook_dags):
    from airflow.providers.standard.operators.hitl import HITLOperator

    for dag, frame in framed(runbook_dags):
        people = [task for task in dag.tasks if isinstance(task, HITLOperator)]
        assert people
        assert [task.task_id for task in people if task.retries < 5] == []
        assert {task.task_id: task.defaults for task in people if task.task_id in frame.gates and task.defaults} == {}


def test_no_run_is_cut_off_by_a_time_out_that_would_skip_the_release(dags):
    assert {name: dag.dagrun_timeout for name, dag in dags.items()} == dict.fromkeys(dags)


def test_step_of_a_run_under_way_goes_before_the_first_step_of_another(runbook_dags):
    for dag in runbook_dags.values():
        assert {task.task_id for task in dag.tasks if task.weight_rule != "upstream"} == set(), dag.dag_id
        assert {task.task_id for task in dag.tasks if task.priority_weight != 1} == set(), dag.dag_id


def test_every_dag_says_its_risk(dags):
    risks = {name: sorted(RISKS & set(dag.tags)) for name, dag in dags.items()}
    assert {name: found for name, found in risks.items() if len(found) != 1} == {}


def test_a_disruptive_runbook_runs_only_when_a_person_or_ci_asks(dags):
    for dag in dags.values():
        if not (HARMLESS | {CLEANUP}) & set(dag.tags):
            assert dag.allowed_run_types, dag.dag_id
            allowed = {str(getattr(each, "value", each)) for each in dag.allowed_run_types}
            assert allowed == {"manual", *STARTED_BY_RUNS.get(dag.dag_id, ())}, dag.dag_id


def test_housekeeping_is_harmless_asks_nobody_and_takes_no_lease(housekeeping):
    from airflow.providers.standard.operators.hitl import HITLOperator

    for name, dag in housekeeping.items():
        assert HARMLESS & set(dag.tags), name
        assert [task.task_id for task in dag.tasks if isinstance(task, HITLOperator)] == [], name
        assert "acquire_lock" not in dag.task_ids, name
        assert list(dag.params) == [], name


def test_a_cleanup_asks_nobody_and_does_nothing_for_a_person_unless_told_to(dags):
    from airflow.providers.standard.operators.hitl import HITLOperator

    found = {name: dag for name, dag in dags.items() if CLEANUP in dag.tags}
    assert found
    for name, dag in found.items():
        assert [task.task_id for task in dag.tasks if isinstance(task, HITLOperator)] == [], name
        assert {key: dag.params[key] for key in dag.params} == {"plan_only": True}, name
        assert {str(getattr(each, "value", each)) for each in dag.allowed_run_types} == {"manual", "scheduled"}, name


def test_what_runs_by_itself_does_not_pile_up(dags):
    for name, dag in dags.items():
        if dag.timetable.can_be_scheduled:
            assert (dag.max_active_runs, dag.catchup) == (1, False), name


def test_every_runbook_asks_for_target_reason_and_plan_only(runbook_dags):
    names = list(load().targets)
    for dag in runbook_dags.values():
        schema = {name: dag.params.get_param(name).schema for name in ("target", "reason", "plan_only")}
        if "pattern" in schema["target"]:  # its targets come and go
            assert all(load().target(name).environment.review_app for name in schema["target"]["examples"])
        else:
            assert set(schema["target"]["enum"]) <= set(names)
            assert schema["target"]["enum"]
        assert schema["reason"]["minLength"] == 10
        assert schema["plan_only"]["type"] == "boolean"


def test_every_dag_shows_its_operators_page(dags):
    assert {name: dag.doc_md for name, dag in dags.items()} == {name: operator_page(name) for name in dags}


def test_every_step_of_a_page_is_a_task_and_every_task_is_on_the_page(dags):
    for name, dag in dags.items():
        assert sorted(task_ids(operator_page(name))) == sorted(dag.task_ids)


def test_every_page_says_when_how_long_who_and_where_it_may_be_stopped(dags):
    assert runbooks() == sorted(dags)
    for name in dags:
        page = operator_page(name)
        assert [
            mark for mark in ("**Use when**", "**Takes**", "**Asks**", "**Safe to stop**") if mark not in page
        ] == []


def test_the_collected_document_is_fresh():
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run `make docs`"


def test_the_record_comes_last_runs_whatever_happened_and_decides_the_runs_colour(runbook_dags):
    # a teardown, since only those still run after "mark as failed"; and outside the lock's scope, since within it Airflow
    # runs nothing if the lock was never taken, as after a rejection
    for dag, frame in framed(runbook_dags):
        leaves = [task for task in dag.tasks if not task.downstream_task_ids]
        assert [task.task_id for task in leaves] == [frame.record]
        assert leaves[0].is_teardown
        assert leaves[0].on_failure_fail_dagrun
        assert leaves[0].upstream_task_ids == {frame.release}


def test_the_graph_shows_the_boxes_of_the_operators_page_in_its_order_and_nothing_beside_them(runbook_dags):
    for name, dag in runbook_dags.items():
        page = read_page(name)
        boxes = dag.task_group.children.values()
        assert [box.label for box in boxes] == list(page.groups) == list(frame_of(name).groups)
        assert 4 <= len(page.groups) <= 9
        assert [box for box in boxes if not hasattr(box, "children")] == []


def test_every_task_and_dag_says_what_it_is_in_words(runbook_dags):
    for name, dag in runbook_dags.items():
        page = read_page(name)
        assert (dag.dag_display_name, dag.description) == (page.title, page.summary)
        assert {task.task_id: task.doc_md for task in dag.tasks} == dict(page.steps)
        assert [task.task_id for task in dag.tasks if task.task_display_name == task.task_id] == []


def test_retries_come_from_the_step_and_never_from_the_dag(runbook_dags):
    for dag in runbook_dags.values():
        assert dag.default_args["retries"] == 0
