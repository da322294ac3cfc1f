"""Every optional param of every runbook is optional in Airflow's form. The runbooks are collected, never listed."""

import pytest
from jsonschema import Draft202012Validator

from opskit.params import filled

UNTOUCHED, EMPTIED = "as the form shows it first", "after a person emptied the field"


def optional(dags):
    """Yield dag_id, name, default and schema of each optional param."""
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            if isinstance(
                param.value, str | int | list | dict | type(None)
            ):  # anything else is Airflow's mark for a missing default
                yield dag.dag_id, name, param.value, param.schema


def sends(value, schema):
    """Return what Airflow 3.3's form sends for a field, or fail as the form does: with *Trigger* disabled."""
    needed = "type" in schema and "null" not in schema["type"]
    assert not (needed and value in (None, "")), "the form wants a value"
    return value


def test_every_dag_with_params_has_one_that_may_be_left_out(dags):
    assert {dag_id for dag_id, *_ in optional(dags)} == {name for name, dag in dags.items() if dag.params}


@pytest.mark.parametrize("state", [UNTOUCHED, EMPTIED])
def test_optional_field_may_stay_empty(dags, state):
    for dag_id, name, default, schema in optional(dags):
        if state == EMPTIED and schema.get("type") == "boolean":
            continue  # a checkbox is never empty
        sent = sends(default if state == UNTOUCHED else None, schema)
        assert list(Draft202012Validator(schema).iter_errors(sent)) == [], (dag_id, name)


def test_emptied_field_means_its_default(dags):
    for dag_id, name, default, schema in optional(dags):
        if "null" in schema["type"]:
            assert filled({name: None}) == {name: default}, dag_id


def test_person_may_answer_for_a_map_without_a_note():
    from opskit.approval.confirm_maps import ConfirmQaOperator

    params = ConfirmQaOperator(task_id="confirm_qa", region="US/PA").params
    assert sends("", params.get_param("note").schema) == ""
    with pytest.raises(AssertionError, match="wants a value"):
        sends("", params.get_param("looked_at").schema)
