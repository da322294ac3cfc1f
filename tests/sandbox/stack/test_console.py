"""What the sandbox prints while it starts."""

import asyncio
import io

from rich.console import Console

from sandbox.stack import console
from sandbox.stack.console import Screen


def test_start_says_now_and_then_what_it_still_waits_for(monkeypatch):
    monkeypatch.setattr(console, "TOLD_ELSEWHERE", 0.01)
    screen, told = Screen(), asyncio.Event()
    screen.console = Console(file=io.StringIO(), width=200)

    def say(text):
        said.append(text)
        told.set()

    async def start():
        screen.awaits("pretend AWS")
        screen.awaits("PostgreSQL")
        screen.up("PostgreSQL")
        async with screen.telling_what_is_awaited():
            await asyncio.wait_for(told.wait(), 30)

    said: list[str] = []
    monkeypatch.setattr(screen, "say", say)
    asyncio.run(start())
    assert said[0] == "  waiting for pretend AWS (0 s)"
