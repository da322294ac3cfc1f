"""Documents are added once or swapped, never overwritten blindly, and never read in part."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from include.errors import PreconditionError
from include.run.store import RunStore


def test_document_comes_back_as_it_was_written(store: RunStore):
    document = {"text": "Grüße 🚢 \x00", "number": 0.1, "none": None, "list": [1, {"a": "b"}], "empty": ""}
    assert store.add("run#1", "record", document)
    assert store.get("run#1", "record") == document


def test_document_that_is_not_there_is_none(store: RunStore):
    assert store.get("run#1", "record") is None


def test_second_add_is_refused_and_changes_nothing(store: RunStore):
    assert store.add("run#1", "record", {"first": True})
    assert not store.add("run#1", "record", {"first": False})
    assert store.get("run#1", "record") == {"first": True}


def test_swap_needs_the_version_that_was_read(store: RunStore):
    assert store.swap("target#a", "lease", {"n": 1}, version=1, expected=0)
    assert not store.swap("target#a", "lease", {"n": 9}, version=1, expected=0), "somebody was faster"
    assert store.swap("target#a", "lease", {"n": 2}, version=2, expected=1)
    assert not store.swap("target#a", "lease", {"n": 9}, version=2, expected=1)
    assert store.get("target#a", "lease") == {"n": 2}


def test_swap_of_a_document_that_was_removed_by_hand_is_refused(store: RunStore):
    assert not store.swap("target#a", "lease", {"n": 2}, version=2, expected=1)
    assert store.get("target#a", "lease") is None


def test_list_gives_the_documents_with_the_prefix_in_order_and_no_others(store: RunStore):
    for sk in ("event#2", "event#10", "event#1", "decision#1"):
        store.add("run#1", sk, {"sk": sk})
    store.add("run#2", "event#0", {"sk": "another run's"})
    assert [each["sk"] for each in store.list("run#1", "event#")] == ["event#1", "event#10", "event#2"]


def test_list_goes_on_after_dynamodbs_first_megabyte(store: RunStore):
    for number in range(6):
        store.add("run#1", f"event#{number}", {"n": number, "text": "x" * 300_000})
    assert [each["n"] for each in store.list("run#1", "event#")] == [0, 1, 2, 3, 4, 5]


def test_table_that_is_not_there_is_refused_with_the_way_out(client: Any):
    with pytest.raises(PreconditionError) as caught:
        RunStore(client, "operations").get("run#1", "record")
    assert str(caught.value) == (
        "There is no DynamoDB table operations in this account and region; create it with the string keys pk and sk, or "
        "name another one as operations_table in the inventory."
    )


@pytest.mark.parametrize("item", [{"document": {"S": "{not json"}}, {}, {"document": {"N": "1"}}])
def test_document_that_cannot_be_read_is_named_not_skipped(item: dict[str, Any], client: Any, store: RunStore):
    client.put_item(TableName="runbook-operations", Item={"pk": {"S": "run#1"}, "sk": {"S": "decision#1"}, **item})
    for read in (lambda: store.get("run#1", "decision#1"), lambda: list(store.list("run#1", "decision#"))):
        with pytest.raises(PreconditionError, match="The document run#1 decision#1 in table runbook-operations cannot"):
            read()


def test_any_other_refusal_of_aws_is_no_lost_race():
    client = boto3.client("dynamodb", region_name="eu-west-2", aws_access_key_id="none", aws_secret_access_key="none")
    with Stubber(client) as stub:
        stub.add_client_error("put_item", service_error_code="AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDenied"):
            RunStore(client, "runbook-operations").add("run#1", "record", {})


def test_reads_are_strongly_consistent_and_writes_conditional():
    client = boto3.client("dynamodb", region_name="eu-west-2", aws_access_key_id="none", aws_secret_access_key="none")
    store, key = RunStore(client, "t"), {"pk": {"S": "p"}, "sk": {"S": "s"}}
    item = {**key, "version": {"N": "3"}, "schema_version": {"N": "1"}, "document": {"S": '{"a": 1, "b": 2}'}}
    with Stubber(client) as stub:
        stub.add_response("get_item", {}, {"TableName": "t", "Key": key, "ConsistentRead": True})
        expected = {
            "TableName": "t",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": "p"}, ":prefix": {"S": "s"}},
            "ConsistentRead": True,
        }
        stub.add_response("query", {"Items": [item]}, expected)
        expected = {
            "TableName": "t",
            "Item": item,
            "ConditionExpression": "version = :expected",
            "ExpressionAttributeValues": {":expected": {"N": "2"}},
        }
        stub.add_response("put_item", {}, expected)
        assert store.get("p", "s") is None
        assert list(store.list("p", "s")) == [{"a": 1, "b": 2}]
        assert store.swap("p", "s", {"b": 2, "a": 1}, version=3, expected=2)
        stub.assert_no_pending_responses()
