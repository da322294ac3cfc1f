"""Slack's state: workspaces, their channels, and the messages in them."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from include.inventory import Inventory
from sandbox.aws.state.clock import as_text
from sandbox.external_services.credentials import slack_token

BOT = "URUNBOOKS1"
BURST = 30.0  # messages a channel takes at once; afterwards one a second, which is Slack's own tier


class SlackError(Exception):
    """An error of Slack; the text is its error code."""


@dataclass
class Message:
    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    blocks: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    edited: str | None = None


@dataclass
class Channel:
    id: str
    name: str
    messages: list[Message] = field(default_factory=list)
    tokens: float = BURST
    filled: float = 0.0

    def message(self, ts: str) -> Message | None:
        return next((message for message in self.messages if message.ts == ts), None)

    def replies(self, ts: str) -> list[Message]:
        return [message for message in self.messages if message.thread_ts == ts and message.ts != ts]


@dataclass
class Workspace:
    name: str
    channels: dict[str, Channel] = field(default_factory=dict)  # by id

    @property
    def token(self) -> str:
        return slack_token(self.name)


class Slack:
    """Every workspace of the inventory, each with the channels its environments name. All calls go through `lock`."""

    def __init__(self, inventory: Inventory, now: Callable[[], float] = time.time):
        self.lock = threading.RLock()
        self.inventory = inventory
        self.workspaces: dict[str, Workspace] = {}
        self._now = now
        self._last = 0
        self.clear()

    def clear(self) -> None:
        """Forget every message."""
        with self.lock:
            self.workspaces.clear()
            for target in self.inventory.with_samples:
                name, channel = target.system.slack_workspace, target.environment.slack_channel
                if name and channel:
                    workspace = self.workspaces.setdefault(name, Workspace(name))
                    given = channel.removeprefix("#")
                    number = hashlib.sha256(f"{name} {given}".encode()).hexdigest()[:9].upper()
                    workspace.channels.setdefault(f"C{number}", Channel(f"C{number}", given))

    def find_workspace(self, token: str) -> Workspace | None:
        return next((workspace for workspace in self.workspaces.values() if workspace.token == token), None)

    def take_turn(self, channel: Channel) -> int:
        """Count one message against the channel's rate. Return the seconds to wait, 0 if there is room."""
        now = self._now()
        channel.tokens = min(BURST, channel.tokens + max(0.0, now - channel.filled)) if channel.filled else BURST
        channel.filled = now
        if channel.tokens < 1:
            return 1
        channel.tokens -= 1
        return 0

    def post(self, channel: Channel, user: str, text: str, thread_ts: str | None = None, **rest: Any) -> Message:
        """Add a message. Raises: SlackError."""
        if thread_ts is not None:
            parent = channel.message(thread_ts)
            if parent is None or parent.thread_ts not in (None, parent.ts):
                raise SlackError("thread_not_found")
            parent.thread_ts = parent.ts
        message = Message(self._stamp(), user, text, thread_ts, **rest)
        channel.messages.append(message)
        return message

    def update(self, channel: Channel, user: str, ts: str, text: str, **rest: Any) -> Message:
        """Change a message of one's own. Raises: SlackError."""
        message = channel.message(ts)
        if message is None:
            raise SlackError("message_not_found")
        if message.user != user:
            raise SlackError("cant_update_message")
        message.text, message.edited = text, self._stamp()
        for name, value in rest.items():
            if value:
                setattr(message, name, value)
        return message

    def as_json(self, shown_at: Callable[[datetime], float] = datetime.timestamp) -> dict[str, Any]:
        """Return every message, threads below their parents; `shown_at` turns a moment into that of the clock they are shown by."""
        with self.lock:
            return {
                "workspaces": [
                    {
                        "name": workspace.name,
                        "channels": [_channel(channel, shown_at) for channel in workspace.channels.values()],
                    }
                    for workspace in self.workspaces.values()
                ]
            }

    def _stamp(self) -> str:
        self._last = max(self._last + 1, int(self._now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


def _channel(channel: Channel, shown_at: Callable[[datetime], float]) -> dict[str, Any]:
    tops = [message for message in channel.messages if message.thread_ts in (None, message.ts)]
    return {
        "id": channel.id,
        "name": channel.name,
        "messages": [
            {
                **_message(top, shown_at),
                "replies": [_message(reply, shown_at) for reply in channel.replies(top.ts)],
            }
            for top in tops
        ],
    }


def _message(message: Message, shown_at: Callable[[datetime], float]) -> dict[str, Any]:
    return {
        "ts": message.ts,
        "at": as_text(shown_at(datetime.fromtimestamp(float(message.ts), UTC))),
        "user": message.user,
        "text": message.text,
        "edited": message.edited,
        "metadata": message.metadata,
    }
