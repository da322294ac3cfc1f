"""The bodies of requests, read no further than a limit."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from include import trigger_request
from include.front_door.events import LARGEST
from include.front_door.problem import MEDIA_TYPE, Problem

WEBHOOKS = "/github/"


class BodyLimit:
    """ASGI middleware that ends a request whose body is too large. FastAPI reads bodies before it asks who sends them."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = LARGEST if WEBHOOKS in scope["path"] else trigger_request.LARGEST
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > most:
            await _refuse(send, _too_large(most))
            return
        read = 0

        async def counted() -> Any:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            return message

        await self.app(scope, counted, send)


async def _refuse(send: Any, problem: Problem) -> None:
    body = json.dumps(problem.body()).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(request: Request, most: int) -> bytes:
    """Return the body. Raises: Problem as soon as it is longer than `most` bytes, or says that it will be."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"The request is too large: at most {most:,} bytes are taken.")
