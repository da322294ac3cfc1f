"""Terraform's state in S3, and the two kinds of lock on it: an item in DynamoDB, and an object beside the state.

Both are read, since a bucket may be used by configurations with either: `dynamodb_table` is deprecated, and widely used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from include.errors import PreconditionError
from include.terraform.state import State, parse_state
from include.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

LOCK_FILE = ".tflock"
INFO = re.compile(r"^[\s│|]*(ID|Path|Operation|Who|Version|Created|Info): *(.*?)\s*$", re.MULTILINE)
ZONE = re.compile(
    r" ([+-]\d{2})(\d{2})(?: \w+)?$"
)  # of a time as Go prints it: 2026-11-27 12:01:14.690453396 +0000 UTC

LockKind = Literal["dynamodb", "s3", ""]


@dataclass(frozen=True)
class Lock:
    """Who holds a state. `id` is what `force-unlock` asks for."""

    id: str
    who: str  # user@host
    operation: str  # OperationTypeApply, OperationTypePlan, ...
    created: datetime | None
    path: str  # bucket/key
    kind: LockKind = ""  # empty: not known, such as of a local state

    def __str__(self) -> str:
        since = f" since {self.created:%Y-%m-%d %H:%M} UTC" if self.created else ""
        doing = self.operation.removeprefix("OperationType").lower() or "unknown operation"
        return f"{self.who or 'somebody unknown'}{since} ({doing}, lock id {self.id or 'unknown'})"


def state_key(key: str, workspace: str = "default", prefix: str = "env:") -> str:
    """Return the key of a workspace's state, as the S3 backend builds it. `prefix`: its workspace_key_prefix."""
    return key if workspace == "default" else f"{prefix}/{workspace}/{key}"


def read_dynamodb_lock(client: DynamoDBClient, table: str, bucket: str, key: str) -> Lock | None:
    """Return the lock in a DynamoDB table, None if the state is free. Raises: PreconditionError if there is no such table."""
    try:
        answer = client.get_item(TableName=table, Key={"LockID": {"S": f"{bucket}/{key}"}}, ConsistentRead=True)
    except client.exceptions.ResourceNotFoundException as error:
        raise PreconditionError(
            f"There is no lock table {table} in this account and region; correct the state's lock table in the inventory, nothing was "
            "changed."
        ) from error
    item = answer.get("Item")
    return None if item is None else _lock(item.get("Info", {}).get("S", ""), f"{bucket}/{key}", "dynamodb")


def read_s3_lock(client: S3Client, bucket: str, key: str) -> Lock | None:
    """Return the lock beside the state, None if it is free. Raises: PreconditionError if there is no such bucket."""
    body = _read(client, bucket, f"{key}{LOCK_FILE}")
    return None if body is None else _lock(body[0], f"{bucket}/{key}", "s3")


def read_state(client: S3Client, bucket: str, key: str) -> State | None:
    """Return which state there is, None if there is none yet. Raises: PreconditionError if it cannot be read."""
    body = _read(client, bucket, key)
    return None if body is None else parse_state(body[0], body[1])


def parse_lock_info(text: str, kind: LockKind = "") -> Lock | None:
    """Return the lock that the Lock Info in an error message tells, None if there is none."""
    if "Lock Info:" not in text:
        return None
    told = dict(INFO.findall(text[text.index("Lock Info:") :]))
    return Lock(
        id=one_line(told.get("ID", "")),
        who=one_line(told.get("Who", "")),
        operation=one_line(told.get("Operation", "")),
        created=_time(told.get("Created", "")),
        path=one_line(told.get("Path", "")),
        kind=kind,
    )


def _lock(text: str, path: str, kind: LockKind) -> Lock:
    """Return a lock that is there. What it does not say is empty: the state is held all the same."""
    told = _json(text)
    return Lock(
        id=one_line(str(told.get("ID", ""))),
        who=one_line(str(told.get("Who", ""))),
        operation=one_line(str(told.get("Operation", ""))),
        created=_time(str(told.get("Created", ""))),
        path=one_line(str(told.get("Path") or path)),
        kind=kind,
    )


def _read(client: S3Client, bucket: str, key: str) -> tuple[str, str] | None:
    """Return an object's text and version, None if there is none."""
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
    except client.exceptions.NoSuchKey:
        return None
    except client.exceptions.NoSuchBucket as error:
        raise PreconditionError(
            f"There is no bucket {bucket} for Terraform's state in this account; correct the state's bucket in the inventory, nothing was "
            "changed."
        ) from error
    return answer["Body"].read().decode("utf-8", "replace"), answer.get("VersionId", "")


def _json(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(ZONE.sub(r"\1:\2", text))
    except ValueError:
        return None
