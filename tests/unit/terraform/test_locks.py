"""Locks of both kinds and the identity of a state, as Terraform writes them."""

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from botocore.response import StreamingBody

from include.errors import PreconditionError
from include.terraform.locks import (
    Lock,
    parse_lock_info,
    read_dynamodb_lock,
    read_s3_lock,
    read_state,
    state_key,
)
from include.terraform.state import State, parse_state

INFO = (  # as Terraform 1.11.4 wrote it
    '{"ID":"5bebed12-c510-4c41-dbe8-a83914e385dd","Operation":"OperationTypeApply","Info":"","Who":"root@vm","Version":"1.11.4",'
    '"Created":"2026-11-27T12:08:59.527548395Z","Path":"core-state/app/terraform.tfstate"}'
)
CREATED = datetime(2026, 11, 27, 12, 8, 59, 527548, UTC)
LOCK_ID = "5bebed12-c510-4c41-dbe8-a83914e385dd"
ITEM = {"TableName": "core-lock", "Key": {"LockID": {"S": "core-state/app/terraform.tfstate"}}, "ConsistentRead": True}
OBJECT = {"Bucket": "core-state", "Key": "app/terraform.tfstate"}
STATE = '{"version":4,"terraform_version":"1.11.4","serial":3,"lineage":"17f917e3-825b-6aa7-bfc5-aadf0fb7bac9","resources":[]}'


def body(text: str, **more: Any) -> dict[str, Any]:
    data = text.encode()
    return {"Body": StreamingBody(BytesIO(data), len(data)), **more}


def test_lock_of_a_table_is_read_with_all_it_tells(script):
    aws = script("dynamodb")
    aws.answer("get_item", ITEM, {"Item": {"LockID": {"S": "core-state/app/terraform.tfstate"}, "Info": {"S": INFO}}})
    assert read_dynamodb_lock(aws.client, "core-lock", "core-state", "app/terraform.tfstate") == Lock(
        LOCK_ID, "root@vm", "OperationTypeApply", CREATED, "core-state/app/terraform.tfstate", "dynamodb"
    )


def test_lock_beside_the_state_is_read_with_all_it_tells(script):
    aws = script("s3")
    aws.answer("get_object", {**OBJECT, "Key": "app/terraform.tfstate.tflock"}, body(INFO))
    assert read_s3_lock(aws.client, "core-state", "app/terraform.tfstate") == Lock(
        LOCK_ID, "root@vm", "OperationTypeApply", CREATED, "core-state/app/terraform.tfstate", "s3"
    )


def test_state_without_a_lock_is_free(script):
    aws = script("dynamodb")
    aws.answer("get_item", ITEM)
    assert read_dynamodb_lock(aws.client, "core-lock", "core-state", "app/terraform.tfstate") is None
    aws = script("s3")
    aws.fail("get_object", "NoSuchKey")
    assert read_s3_lock(aws.client, "core-state", "app/terraform.tfstate") is None


@pytest.mark.parametrize("info", ["", "not json", "[]"])
def test_lock_that_tells_nothing_is_a_lock_all_the_same(script, info):
    aws = script("dynamodb")
    aws.answer("get_item", ITEM, {"Item": {"LockID": {"S": "x"}, "Info": {"S": info}}})
    found = read_dynamodb_lock(aws.client, "core-lock", "core-state", "app/terraform.tfstate")
    assert found == Lock("", "", "", None, "core-state/app/terraform.tfstate", "dynamodb")
    assert str(found) == "somebody unknown (unknown operation, lock id unknown)"


def test_missing_table_and_missing_bucket_are_not_taken_for_a_free_state(script):
    aws = script("dynamodb")
    aws.fail("get_item", "ResourceNotFoundException")
    with pytest.raises(PreconditionError, match=r"^There is no lock table core-lock in this account and region"):
        read_dynamodb_lock(aws.client, "core-lock", "core-state", "app/terraform.tfstate")
    aws = script("s3")
    for read in (read_s3_lock, read_state):
        aws.fail("get_object", "NoSuchBucket")
        with pytest.raises(PreconditionError, match=r"^There is no bucket core-state for Terraform's state"):
            read(aws.client, "core-state", "app/terraform.tfstate")


def test_denied_access_is_not_taken_for_a_free_state(script):
    aws = script("s3")
    aws.fail("get_object", "AccessDenied")
    with pytest.raises(aws.client.exceptions.ClientError):
        read_s3_lock(aws.client, "core-state", "app/terraform.tfstate")


def test_lock_is_told_in_one_phrase():
    lock = Lock(LOCK_ID, "root@vm", "OperationTypeApply", CREATED, "core-state/app/terraform.tfstate", "s3")
    assert str(lock) == f"root@vm since 2026-11-27 12:08 UTC (apply, lock id {LOCK_ID})"


def test_state_is_known_by_lineage_serial_and_version(script):
    aws = script("s3")
    aws.answer("get_object", OBJECT, body(STATE, VersionId="v7"))
    found = read_state(aws.client, "core-state", "app/terraform.tfstate")
    assert found == State("17f917e3-825b-6aa7-bfc5-aadf0fb7bac9", 3, "v7", found.ids)


def test_state_of_a_bucket_without_versions_has_none(script):
    aws = script("s3")
    aws.answer("get_object", OBJECT, body(STATE))
    assert read_state(aws.client, "core-state", "app/terraform.tfstate").version == ""


def test_no_state_yet_is_no_error(script):
    aws = script("s3")
    aws.fail("get_object", "NoSuchKey")
    assert read_state(aws.client, "core-state", "app/terraform.tfstate") is None


@pytest.mark.parametrize(
    "text", ["", "<html>", "{}", '{"lineage":"x"}', '{"lineage":"","serial":1}', '{"lineage":"x","serial":true}', "[]"]
)
def test_what_is_no_state_is_refused(text):
    with pytest.raises(PreconditionError, match=r"^The state cannot be read"):
        parse_state(text)


def test_state_of_a_workspace_is_under_its_prefix():
    assert state_key("app.tfstate") == "app.tfstate"
    assert state_key("app.tfstate", "staging") == "env:/staging/app.tfstate"
    assert state_key("app.tfstate", "staging", "workspaces") == "workspaces/staging/app.tfstate"


def test_lock_info_of_a_real_message_is_read(captured):
    for kind, lock_id in (
        ("dynamodb", "d398eb42-6278-22d3-d388-8b0fb18b08dc"),
        ("s3", "3d76f24e-d0f1-1b4e-d6a0-b5211298e8f4"),
    ):
        text = json.loads(captured(f"lock_{kind}.jsonl"))["diagnostic"]["detail"]
        found = parse_lock_info(text, kind)
        assert (found.id, found.who, found.operation, found.kind) == (lock_id, "root@vm", "OperationTypeApply", kind)
        assert found.created.strftime("%Y-%m-%d %H:%M %z") == "2026-11-27 12:01 +0000"


def test_message_without_lock_info_tells_no_lock():
    assert parse_lock_info("Error acquiring the state lock") is None
