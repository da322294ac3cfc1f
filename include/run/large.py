"""Documents too large for one DynamoDB item: cut into parts when stored, joined when read."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from include.run import documents

LARGEST = 300_000  # characters of JSON in one item; stored text is ASCII, so a character is a byte
PART = 150_000  # characters in one part: JSON in JSON may need two bytes per character


def head_of(at: str, digest: str, parts: int) -> documents.HeadDocument:
    """Return the head that is stored in place of a large document."""
    return {"at": at, "body": {"parts": parts, "sha256": digest}}


def parts_of(pk: str, document: Mapping[str, Any]) -> tuple[documents.DocumentKey, ...]:
    """Return the keys of a large document's parts, or none if the document is stored whole."""
    body = document.get("body")
    if not isinstance(body, dict) or body.keys() != {"parts", "sha256"}:
        return ()
    return tuple(documents.body_part(pk, body["sha256"], number) for number in range(body["parts"]))


def join_parts(head: Mapping[str, Any], texts: Iterable[str]) -> dict[str, Any]:
    """Return a large document from the texts of its parts. Raises: ValueError if they are not what was stored."""
    whole = "".join(texts)
    if sha256(whole.encode()).hexdigest() != head["body"]["sha256"]:
        raise ValueError("its parts do not have the digest that was stored")
    return dict(json.loads(whole))
