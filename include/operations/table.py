"""A DynamoDB table as a store of documents: added once, or swapped if nobody was faster; never overwritten blindly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.errors import PreconditionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Document = dict[str, Any]


class OperationsTable:
    """One document per (pk, sk), kept as JSON in the attribute `document` beside its `version`."""

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
        """Return the last sk of a pk that starts with a prefix, and its document, strongly consistent; None if there is none."""
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
        """Write a new document; False if there is one already, which stays as it is."""
        return self._put(pk, sk, document, 1, "attribute_not_exists(pk)", {})

    def swap(self, pk: str, sk: str, document: Mapping[str, Any], *, version: int, expected: int) -> bool:
        """Replace the document of version `expected` (0: none yet); False if somebody was faster."""
        if expected == 0:
            return self._put(pk, sk, document, version, "attribute_not_exists(pk)", {})
        return self._put(pk, sk, document, version, "version = :expected", {":expected": {"N": str(expected)}})

    def _put(
        self, pk: str, sk: str, document: Mapping[str, Any], version: int, condition: str, values: dict[str, Any]
    ) -> bool:
        item = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "version": {"N": str(version)},
            "document": {"S": json.dumps(document, sort_keys=True)},
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
            document = json.loads(item["document"]["S"])
        except (KeyError, ValueError) as error:
            raise PreconditionError(
                f"The document {pk} {sk} in table {self.name} cannot be read ({error}); repair or remove it by hand, "
                "nothing was changed."
            ) from error
        return dict(document)
