"""Every document has one place and a schema version. Documents from before there was a version are still read."""

import json
from typing import Any

import pytest

from include.errors import PreconditionError
from include.run import documents
from include.run.image_attestations import read_attestation
from include.run.journal import list_decisions, list_events, read_confirmation
from include.run.lease import Lease
from include.run.lease.store import read_lease
from include.run.migration_attempts import list_attempts
from include.run.store import RunStore

RUN, TARGET = "service_restart/manual-1", "core/production"


@pytest.fixture
def stored(client: Any) -> Any:
    """Return a function that stores an item as earlier versions did, without a schema version."""

    def store(pk: str, sk: str, document: str, **more: Any) -> None:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "version": {"N": "1"}, "document": {"S": document}, **more}
        client.put_item(TableName="runbook-operations", Item=item)

    return store


def test_decision_and_event_of_the_version_before_are_still_read(stored: Any, store: RunStore):
    stored(
        "run#service_restart/manual-1",
        "decision#1",
        '{"at": "2026-11-20T14:02:00Z", "by": "ann", "digest": "d", "outcome": "approved", "seat": 1, "why": "ann approved"}',
    )
    stored(
        "run#service_restart/manual-1",
        "event#00000000000000000001",
        '{"at": "2026-11-20T14:03:00+00:00", "key": "k", "number": 1, "phase": "note", "step": "s", "text": "begun"}',
    )
    assert [(decision.by, decision.outcome) for decision in list_decisions(store, RUN)] == [("ann", "approved")]
    assert [(event["number"], event["text"]) for event in list_events(store, RUN)] == [(1, "begun")]


def test_lease_and_confirmation_of_the_version_before_are_still_read(stored: Any, store: RunStore):
    stored(
        "target#core/production",
        "lease",
        '{"confirmed_plan": null, "fencing": 7, "kept": "", "owner": "service_restart/manual-1", "reason": "r", '
        '"since": "2026-11-20T14:02:00Z", "taken_over_from": null, "target": "core/production", "version": 1, "waiting": {}}',
    )
    stored("run#service_restart/manual-1", "confirmed", '{"digest": "d", "fencing": 7, "target": "core/production"}')
    assert (read_lease(store, TARGET).owner, read_lease(store, TARGET).fencing) == ("service_restart/manual-1", 7)
    assert read_confirmation(store, RUN) == {"digest": "d", "fencing": 7, "target": "core/production"}


def test_what_a_target_keeps_of_the_version_before_is_still_read(stored: Any, store: RunStore):
    stored(
        "target#core/staging",
        "proof#sha256:1#abc",
        '{"at": "2026-11-20T14:02:00+00:00", "commit": "abc", "digest": "sha256:1", "run": "r", "target": "core/staging", '
        '"templates": {"app": "t"}}',
    )
    stored(
        "target#core/staging",
        "migration#key#0001#0-begun",
        '{"at": "2026-11-20T14:02:00+00:00", "begun_at": "2026-11-20T14:02:00+00:00", "number": 1, "run": "r"}',
    )
    proof = read_attestation(store, "core/staging", "sha256:1", "abc")
    assert proof is not None
    assert proof.templates == {"app": "t"}
    assert [(attempt.number, attempt.run) for attempt in list_attempts(store, "core/staging", "key")] == [(1, "r")]


def test_what_is_written_now_carries_its_schema_version(client: Any, store: RunStore):
    store.add(*documents.record(RUN), {"outcome": "success"})
    key = {"pk": {"S": "run#service_restart/manual-1"}, "sk": {"S": "record"}}
    item = client.get_item(TableName="runbook-operations", Key=key)["Item"]
    assert item["schema_version"] == {"N": "1"}


def test_document_of_a_newer_deployment_is_refused_and_named(stored: Any, store: RunStore):
    stored("run#1", "record", "{}", schema_version={"N": "2"})
    with pytest.raises(PreconditionError) as caught:
        store.get(*documents.record("1"))
    assert str(caught.value) == (
        "The document run#1 record has schema version 2, and this deployment knows 1 at most; deploy the version that wrote it, "
        "nothing was changed."
    )


def test_lease_as_it_is_stored_has_exactly_the_documented_fields():
    assert Lease(target=TARGET).model_dump().keys() == documents.LeaseDocument.__annotations__.keys()


LARGE = {"digest": "d", "plan": {"changes": [f'change {number}: ü " \\ 🚢' for number in range(50_000)]}}


def test_plan_of_one_and_a_half_megabytes_comes_back_as_it_was_written(client: Any, store: RunStore):
    assert len(json.dumps(LARGE)) > 1_500_000
    assert store.add(*documents.confirmed(RUN), LARGE)
    assert store.get(*documents.confirmed(RUN)) == LARGE
    assert list(store.list(documents.run_key(RUN), "confirmed")) == [LARGE]
    pages = client.get_paginator("scan").paginate(TableName="runbook-operations")
    sizes = [len(item["document"]["S"]) for page in pages for item in page["Items"]]
    assert len(sizes) > 5
    assert max(sizes) < 390_000


def test_second_add_of_a_large_plan_is_refused_and_the_first_stands(store: RunStore):
    assert store.add(*documents.confirmed(RUN), LARGE)
    assert not store.add(*documents.confirmed(RUN), {**LARGE, "digest": "another"})
    assert store.get(*documents.confirmed(RUN)) == LARGE


class Killed(BaseException):
    """The process dies."""


def test_write_of_a_large_plan_that_was_killed_half_way_leaves_none_and_can_be_repeated(client: Any, store: RunStore):
    class Dying(RunStore):
        left = 4

        def _put_text(self, *args: Any) -> bool:
            self.left -= 1
            if not self.left:
                raise Killed
            return super()._put_text(*args)

    with pytest.raises(Killed):
        Dying(client, "runbook-operations").add(*documents.confirmed(RUN), LARGE)
    assert store.get(*documents.confirmed(RUN)) is None
    assert store.add(*documents.confirmed(RUN), LARGE)
    assert store.get(*documents.confirmed(RUN)) == LARGE


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_large_plan_whose_parts_are_not_what_was_stored_is_refused(how: str, client: Any, store: RunStore):
    store.add(*documents.confirmed(RUN), LARGE)
    part = client.query(
        TableName="runbook-operations",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": "run#service_restart/manual-1"}, ":sk": {"S": "body#"}},
        Limit=1,
    )["Items"][0]
    if how == "missing":
        client.delete_item(TableName="runbook-operations", Key={"pk": part["pk"], "sk": part["sk"]})
    else:
        changed = {**part, "document": {"S": '{"at": "2026-11-20", "text": "{"}'}}
        client.put_item(TableName="runbook-operations", Item=changed)
    with pytest.raises(
        PreconditionError, match=r"The document run#service_restart/manual-1 confirmed .* cannot be read"
    ):
        store.get(*documents.confirmed(RUN))
