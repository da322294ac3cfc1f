"""The policy of each runbook, written from the rights that its code needs."""

import json

import pytest

from tools import policies, rights

ON_EVERYTHING = {  # writes that AWS narrows to no resource
    "codedeploy:StopDeployment",
    "ecs:DeregisterTaskDefinition",
}


def test_files_are_those_that_the_code_needs_now():
    wanted = policies.files()
    assert {path: path.read_text(encoding="utf-8") for path in wanted} == wanted, "run python -m tools.rights"
    assert set(policies.FOLDER.glob("*.json")) == {path for path in wanted if path.parent == policies.FOLDER}


@pytest.mark.parametrize("runbook", rights.runbooks())
def test_policy_grants_the_rights_of_the_table_and_no_others(runbook):
    granted = {right for each in policies.policy(runbook)["Statement"] for right in each["Action"]}
    assert granted == rights.rights_of_runbook(runbook)
    assert "*" not in json.dumps(sorted(granted))


@pytest.mark.parametrize("runbook", rights.runbooks())
def test_no_write_is_granted_on_everything(runbook):
    for statement in policies.policy(runbook)["Statement"]:
        writes = {right for right in statement["Action"] if not rights.is_read(right)}
        if statement["Resource"] == ["*"] and "Condition" not in statement:
            assert writes <= ON_EVERYTHING


def test_runbook_that_works_on_state_is_granted_its_bucket_and_its_locks_and_no_data():
    text = json.dumps(policies.policy("infrastructure_change"))
    assert "${state_object}" in text
    assert "${lock_table}" in text
    assert "data_bucket" not in text
    assert "${data_bucket}" in json.dumps(policies.policy("region_data_update"))


def test_runbook_is_offered_by_the_list_that_its_dag_names():
    assert policies.offered()["service_restart"] == "restartable"
    assert "slack_delivery" not in policies.offered()
