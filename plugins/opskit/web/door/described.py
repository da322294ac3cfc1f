"""The OpenAPI document of the front door: what FastAPI finds out by itself, and what it cannot know."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from include.front_door.problem import MEDIA_TYPE, SCHEMA, TITLES
from include.front_door.request import KEY_FORM, KEY_HEADER
from include.front_door.signature import HEADER as SIGNATURE_HEADER

START_PARAMS = {
    "type": "object",
    "required": ["target", "reason"],
    "properties": {
        "target": {"type": "string"},
        "reason": {"type": "string", "minLength": 10, "maxLength": 500},
        "plan_only": {"type": "boolean"},
    },
}
START: dict[str, Any] = {  # the key and the body, which the endpoint reads itself, to answer in one sentence
    "parameters": [
        {
            "name": KEY_HEADER,
            "in": "header",
            "required": True,
            "description": "Your name for this run; the same again finds it",
            "schema": {"type": "string", "pattern": f"^{KEY_FORM.pattern}$"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["params"],
                    "additionalProperties": False,
                    "properties": {"params": START_PARAMS},
                }
            }
        },
    },
}
DELIVERY: dict[str, Any] = {
    "parameters": [
        {
            "name": SIGNATURE_HEADER,
            "in": "header",
            "required": True,
            "description": "GitHub's signature of the body",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}
NEVER = 422  # FastAPI's own status for wrong fields, which the front door answers as a problem with 400


def problems() -> dict[int | str, dict[str, Any]]:
    """Return the answers of every endpoint other than a success, by status."""
    titles: dict[int, list[str]] = {}
    for title, status in TITLES.values():
        titles.setdefault(status, []).append(title)
    content = {MEDIA_TYPE: {"schema": SCHEMA}}
    return {status: {"description": "; ".join(found), "content": content} for status, found in sorted(titles.items())}


def describe(app: FastAPI, server: str) -> dict[str, Any]:
    """Return the document for callers who reach the app at `server`."""
    document = app.openapi() | {"servers": [{"url": server}]}
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop(str(NEVER), None)
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document
