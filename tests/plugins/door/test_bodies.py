"""The bodies of requests to the front door are read no further than their limit."""

import asyncio

import pytest

from include.front_door.problem import Problem
from opskit.web.door.bodies import BodyLimit


async def reading(scope, receive, send):
    """An application that reads a body to its end."""
    while (await receive())["more_body"]:
        pass


@pytest.mark.parametrize(
    ("path", "read", "told"),
    [
        ("/door/tokens", 1_049, "at most 1,048,576 bytes are taken"),
        ("/door/github/example-housing", 26_215, "at most 26,214,400 bytes are taken"),
    ],
)
def test_body_that_says_no_length_is_read_until_it_is_too_long(path, read, told):
    pieces = []

    async def receive():
        assert len(pieces) < 30_000, "it is read on"
        pieces.append({"type": "http.request", "body": b" " * 1_000, "more_body": True})
        return pieces[-1]

    with pytest.raises(Problem, match=told):
        asyncio.run(BodyLimit(reading)({"type": "http", "path": path, "headers": []}, receive, None))
    assert len(pieces) == read
