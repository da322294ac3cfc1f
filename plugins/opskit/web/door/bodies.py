"""The bodies of requests, read no further than a limit."""

from __future__ import annotations

from fastapi import Request

from include.front_door.problem import Problem


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
