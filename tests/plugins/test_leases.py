"""A run that needs several targets has all of their leases or none, and writes to each with its own fencing number."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import ClientError

from include.errors import LeaseLostError, PreconditionError
from include.run.lease.store import confirm_lease, read_lease
from opskit import lease
from opskit.context import CONFIRM, StepContext
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
STAGING, PRODUCTION = "core/staging", "core/production"


@pytest.fixture
def asker(store, monkeypatch):
    """Return a function that returns the context of a run on staging."""
    monkeypatch.setattr("opskit.context.run_store", lambda _: store)
    monkeypatch.setattr(lease, "notify", lambda context: None)

    def context(run_id: str, confirmed: object = None) -> StepContext:
        ti = SimpleNamespace(
            task_id="acquire_lock",
            xcom_pull=lambda task_ids: confirmed if task_ids == CONFIRM else None,
            get_dagrun_state=lambda **_: "running",
        )
        run = SimpleNamespace(dag_id="account_promotion", run_id=run_id, triggering_user_name="operator")
        return StepContext({"ti": ti, "dag_run": run, "params": {"target": STAGING, "reason": "to try both"}})

    return context


def test_one_target_is_leased_with_its_fencing_number(asker):
    asked = lease.ask_for_leases(asker("one"), ())
    assert (asked.is_done, asked.xcom_value) == (True, {STAGING: 1})


def test_two_targets_are_leased_together(asker, store):
    asked = lease.ask_for_leases(asker("one"), (PRODUCTION,))
    assert (asked.is_done, asked.xcom_value) == (True, {PRODUCTION: 1, STAGING: 1})
    assert [read_lease(store, name).owner for name in (STAGING, PRODUCTION)] == ["account_promotion/one"] * 2


def test_a_run_that_has_to_wait_for_one_of_two_holds_neither(asker, store):
    lease.ask_for_leases(asker("first"), (PRODUCTION,))
    lease.give_leases_back(asker("first"), (), None, None)  # staging only
    asked = lease.ask_for_leases(asker("second"), (PRODUCTION,))
    assert (asked.is_done, asked.xcom_value) == (False, None)
    assert read_lease(store, STAGING).owner is None


def test_all_leases_are_given_back(asker, store):
    lease.ask_for_leases(asker("one"), (PRODUCTION,))
    lease.give_leases_back(asker("one"), (PRODUCTION,), None, None)
    assert [read_lease(store, name).owner for name in (STAGING, PRODUCTION)] == [None, None]


def test_a_write_to_another_target_is_made_under_that_targets_lease(asker, store):
    lease.ask_for_leases(asker("one"), (PRODUCTION,))
    for name in (STAGING, PRODUCTION):
        confirm_lease(store, name, "account_promotion/one", 1, "digest")
    confirmed = {"fencing": 1, "leases": {STAGING: 1, PRODUCTION: 1}, "digest": "digest"}
    asker("one", confirmed).writer_of(PRODUCTION).check()
    lease.give_leases_back(asker("one"), (PRODUCTION,), None, None)
    with pytest.raises(LeaseLostError):
        asker("one", confirmed).writer_of(PRODUCTION).check()


def test_a_target_that_the_run_has_not_leased_is_not_written_to(asker):
    confirmed = {"fencing": 1, "leases": {STAGING: 1}, "digest": "digest"}
    with pytest.raises(PreconditionError, match="This run has not leased core/production"):
        asker("one", confirmed).writer_of(PRODUCTION)


@pytest.mark.parametrize("leased", [False, True])
def test_run_without_a_lease_hands_nothing_back_although_aws_does_not_answer(asker, monkeypatch, leased):
    ctx = asker("one")
    monkeypatch.setattr("opskit.context.frame_of", lambda _: SimpleNamespace(lock="acquire_lock"))
    if leased:
        ctx.context["ti"].xcom_pull = lambda task_ids: {STAGING: 1} if task_ids == "acquire_lock" else None

    def throttled(*_):
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetItem")

    monkeypatch.setattr("opskit.context.read_lease", throttled)
    with pytest.raises(ClientError if leased else AirflowSkipException):
        ctx.skip_unless_begun()
