"""Refusals of the front door, as RFC 9457 describes them: a kind that programs understand, a sentence, and what is wrong by field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/problem+json"
TITLES = {  # of each kind, and its status
    "bad-request": ("The request cannot be read", 400),
    "wrong-params": ("The params do not fit the runbook", 400),
    "not-signed-in": ("Nobody is signed in", 401),
    "not-allowed": ("The caller may not do this", 403),
    "not-found": ("There is no such thing", 404),
    "key-taken": ("The idempotency key belongs to another request", 409),
    "paused": ("The runbook is paused", 409),
    "run-deleted": ("The run of this idempotency key was deleted", 409),
    "too-large": ("The request is too large", 413),
    "too-many-requests": ("Too many requests", 429),
    "unavailable": ("A service does not answer", 503),
    "partly-done": ("It was done in part", 503),
    "not-set-up": ("The front door is not set up", 503),
}
SCHEMA: dict[str, Any] = {  # of a problem's JSON
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "enum": [f"urn:runbooks:problem:{kind}" for kind in TITLES]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "additionalProperties": False,
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field. `pointer` is a JSON pointer into the request's body, as a URI fragment, or names a header."""

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818  # RFC 9457's own word
    """An answer of the front door other than the wanted one. `wait` is in seconds, for callers who may come again."""

    def __init__(self, kind: str, detail: str, errors: Sequence[FieldProblem] = (), wait: float = 0.0):
        super().__init__(detail)
        self.kind, self.detail, self.errors, self.wait = kind, detail, tuple(errors), wait
        self.title, self.status = TITLES[kind]

    def body(self) -> dict[str, Any]:
        """Return the problem as JSON."""
        errors = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        return {
            "type": f"urn:runbooks:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **({"errors": errors} if errors else {}),
        }


def pointer(*path: str | int) -> str:
    """Return the JSON pointer to a field of the body, as a URI fragment."""
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
