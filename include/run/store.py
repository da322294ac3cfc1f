"""A DynamoDB table as a store of documents: each is added once, or swapped by version, and never overwritten blindly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.errors import PreconditionError
from include.run import documents, large

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Document = dict[str, Any]
NEW = "attribute_not_exists(pk)"  # the condition of a write that must replace nothing


class RunStore:
    """One document per (pk, sk), kept as JSON in the attribute `document` beside its `version` and its `schema_version`.

    A document that is too large for one item is stored in several, see `documents`.
    """

    def __init__(self, client: DynamoDBClient, name: str):
        self._client = client
        self.name = name

    def get(self, pk: str, sk: str) -> Document | None:
        """Return a document, strongly consistent, or None."""
        try:
            item = self._client.get_item(
                TableName=self.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            ).get("Item")
        except self._client.exceptions.ResourceNotFoundException as error:
            raise PreconditionError(
                f"There is no DynamoDB table {self.name} in this account and region; create it with the string keys "
                "pk and sk, or name another one as operations_table in the inventory."
            ) from error
        return self._document(pk, sk, item) if item else None

    def list(self, pk: str, prefix: str) -> Iterator[Document]:
        """Yield the documents of a pk whose sk starts with a prefix, in the order of sk."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": {"S": pk}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield self._document(pk, item["sk"]["S"], item)

    def last(self, pk: str, prefix: str) -> tuple[str, Document] | None:
        """Return the last sk of a pk that starts with a prefix, and its document, strongly consistent, or None if there is none."""
        items = self._client.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": {"S": pk}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )["Items"]
        return (items[0]["sk"]["S"], self._document(pk, items[0]["sk"]["S"], items[0])) if items else None

    def add(self, pk: str, sk: str, document: Mapping[str, Any]) -> bool:
        """Write a new document. Return False if there is one already, which stays as it is."""
        return self._put(pk, sk, document, 1, NEW, {})

    def swap(self, pk: str, sk: str, document: Mapping[str, Any], *, version: int, expected: int) -> bool:
        """Replace the document of version `expected` (0: none yet). Return False if another process was faster."""
        if expected == 0:
            return self._put(pk, sk, document, version, NEW, {})
        return self._put(pk, sk, document, version, "version = :expected", {":expected": {"N": str(expected)}})

    def _put(
        self, pk: str, sk: str, document: Mapping[str, Any], version: int, condition: str, values: dict[str, Any]
    ) -> bool:
        text = json.dumps(document, sort_keys=True)
        if len(text) > large.LARGEST:
            text = json.dumps(self._put_parts(pk, text), sort_keys=True)
        return self._put_text(pk, sk, text, version, condition, values)

    def _put_parts(self, pk: str, text: str) -> documents.HeadDocument:
        """Store a large document's text in parts, before the head that names them: a crash never leaves a head without parts."""
        at, digest = datetime.now(UTC).isoformat(), sha256(text.encode()).hexdigest()
        texts = [text[start : start + large.PART] for start in range(0, len(text), large.PART)]
        for number, each in enumerate(texts):
            part: documents.PartDocument = {"at": at, "text": each}
            self._put_text(*documents.body_part(pk, digest, number), json.dumps(part), 1, NEW, {})
        return large.head_of(at, digest, len(texts))

    def _put_text(self, pk: str, sk: str, text: str, version: int, condition: str, values: dict[str, Any]) -> bool:
        item = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "version": {"N": str(version)},
            "schema_version": {"N": str(documents.SCHEMA_VERSION)},
            "document": {"S": text},
        }
        extra = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._client.put_item(TableName=self.name, Item=item, ConditionExpression=condition, **extra)  # type: ignore[arg-type]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _document(self, pk: str, sk: str, item: Mapping[str, Any]) -> Document:
        try:
            document = dict(json.loads(item["document"]["S"]))
            version = int(item["schema_version"]["N"]) if "schema_version" in item else documents.UNVERSIONED
            if parts := large.parts_of(pk, document):
                document = large.join_parts(document, (self._text(*place) for place in parts))
        except (KeyError, ValueError, TypeError) as error:
            raise PreconditionError(
                f"The document {pk} {sk} in table {self.name} cannot be read ({error}); repair or remove it by hand, "
                "nothing was changed."
            ) from error
        return documents.upgrade(documents.DocumentKey(pk, sk), version, document)

    def _text(self, pk: str, sk: str) -> str:
        part = self.get(pk, sk)
        if part is None:
            raise ValueError(f"its part {sk} is missing")
        return str(part["text"])
