"""The outbox's transport to Slack, through the provider's hook: every call is short, and none is retried blindly."""

from __future__ import annotations

import logging
import math
import time
from copy import copy
from datetime import datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from include.notifications.outbox import PAUSE, SlackUnavailableError, ThreadPosition

if TYPE_CHECKING:
    from airflow.sdk import Connection

TIMEOUT = 3.0  # seconds to connect, and to answer
SHORTEST = 0.1  # seconds; no call is made with less time left
QUIET = 20.0  # seconds in which a call that timed out may still take effect
EVENT = "runbook_story"
PAGE = 200

log = logging.getLogger(__name__)


class SlackThread:
    """The messages of one run in one channel. No call is retried here: only the outbox knows whether it took effect."""

    def __init__(self, connection: Connection, channel: str, run: str):
        from airflow.providers.slack.hooks.slack import SlackHook

        self._hook = SlackHook(slack_conn_id=str(connection.conn_id), retry_handlers=[], logger=log)
        # the connection is given and its client made here: only the task's own thread can ask Airflow, and making a client
        # tells Airflow which values to mask
        self._hook.get_connection = lambda _: connection  # type: ignore[method-assign,assignment]
        _ = self._hook.client
        self._channel = channel
        self._run = run
        self._deadline = math.inf

    def until(self, deadline: float) -> SlackThread:
        """Return a copy whose calls end before a monotonic deadline."""
        other = copy(self)
        other._deadline = deadline
        return other

    def post(self, text: str, key: str, thread: ThreadPosition | None) -> ThreadPosition:
        """Post a message, into a thread if one is given."""
        body = {"channel": thread.channel if thread else self._channel, "unfurl_links": False, "unfurl_media": False}
        if thread:
            body["thread_ts"] = thread.ts
        answer = self._call("chat.postMessage", {**body, **self._content(text, key)})
        return ThreadPosition(str(answer["channel"]), str(answer["ts"]))

    def update(self, place: ThreadPosition, text: str, key: str) -> None:
        """Change the text of a message."""
        self._call("chat.update", {"channel": place.channel, "ts": place.ts, **self._content(text, key)})

    def find(self, key: str, thread: ThreadPosition | None, since: datetime) -> ThreadPosition | None:
        """Return the position of the message with that key, or None: in the thread, or in the channel since then."""
        channel = thread.channel if thread else self._channel_id()
        method = "conversations.replies" if thread else "conversations.history"
        where = {"ts": thread.ts} if thread else {"oldest": f"{since.timestamp():.6f}"}
        for message in self._pages(method, "messages", {"channel": channel, **where, "include_all_metadata": True}):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT and metadata.get("event_payload") == self._payload(key):
                return ThreadPosition(channel, str(message["ts"]))
        return None

    def _channel_id(self) -> str:
        """Return the channel's id, which Slack requires for its history. An inventory may contain it instead of the name."""
        if not self._channel.startswith("#"):
            return self._channel
        for channel in self._pages(
            "conversations.list", "channels", {"types": "public_channel", "exclude_archived": True}
        ):
            if channel["name"] == self._channel.removeprefix("#"):
                return str(channel["id"])
        raise SlackUnavailableError(
            f"Slack lists no public channel {self._channel}; name its id as slack_channel in the inventory."
        )

    def _content(self, text: str, key: str) -> dict[str, Any]:
        return {"text": text, "metadata": {"event_type": EVENT, "event_payload": self._payload(key)}}

    def _payload(self, key: str) -> dict[str, str]:
        return {"run": self._run, "key": key}

    def _pages(self, method: str, name: str, arguments: dict[str, Any]) -> Any:
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = self._call(method, {**arguments, "limit": PAGE, **more}, form=True)
            yield from answer[name]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _call(self, method: str, arguments: dict[str, Any], *, form: bool = False) -> dict[str, Any]:
        """Make one call. Raises: SlackUnavailableError."""
        from slack_sdk.errors import SlackApiError, SlackClientError

        timeout = min(TIMEOUT, self._deadline - time.monotonic())
        if timeout < SHORTEST:
            raise SlackUnavailableError(f"There was no time left for {method}.", wait=0.0)
        self._hook.client.timeout = timeout  # type: ignore[assignment]  # of the calls from here on; it is passed on to urllib
        try:
            given = {"params": arguments} if form else {"json": arguments}  # methods that read take no JSON
            answer = self._hook.call(method, **given)
        except SlackApiError as error:
            response = error.response
            told = response.get("error") if isinstance(response.data, dict) else "an answer that is not Slack's"
            wait = response.headers.get("Retry-After") or response.headers.get("retry-after")
            seconds = float(wait) if wait and str(wait).isdecimal() else PAUSE
            raise SlackUnavailableError(
                f"Slack answered {method} with {told} (HTTP {response.status_code}).", wait=seconds
            ) from error
        except TimeoutError as error:
            raise SlackUnavailableError(
                f"Slack did not answer {method} within {timeout:.1f} s.", quiet=QUIET
            ) from error
        except URLError as error:
            raise SlackUnavailableError(
                f"Slack cannot be reached for {method} ({error.reason}).", quiet=_quiet(error)
            ) from error
        except (OSError, HTTPException, SlackClientError, ValueError) as error:
            raise SlackUnavailableError(f"Slack did not answer {method} properly ({error!r}).") from error
        if not isinstance(answer.data, dict):
            raise SlackUnavailableError(f"Slack answered {method} with something that is not JSON.")
        return answer.data


def list_channels(connection: Connection) -> set[str]:
    """Return the names and ids of a workspace's public channels. Raises: SlackUnavailableError."""
    asked = SlackThread(connection, "", "")
    given = {"types": "public_channel", "exclude_archived": True}
    return {
        str(channel[key]) for channel in asked._pages("conversations.list", "channels", given) for key in ("name", "id")
    }


def _quiet(error: URLError) -> float:
    return QUIET if isinstance(error.reason, TimeoutError) else 0.0
