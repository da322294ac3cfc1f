"""Slack's Web API: its methods, its JSON, and its errors with HTTP 200."""

import json
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.aws.http.routes import QuickFlask
from sandbox.external_services.slack.state import BOT, Channel, Message, Slack, SlackError, Workspace

LONGEST = 40_000  # characters
PAGE, LARGEST_PAGE = 100, 1000
Answer = dict[str, Any]


class RateLimitedError(Exception):
    """Too many messages; the argument is how long to wait."""


def make_slack(slack: Slack) -> Flask:
    """Return the API as a WSGI application whose methods are at /slack/api/<method>."""
    app = QuickFlask(__name__, static_folder=None)

    @app.route("/slack/api/<method>", methods=["GET", "POST"])
    def call(method: str) -> Any:
        with slack.lock:
            try:
                found = METHODS.get(method)
                if found is None:
                    raise SlackError("unknown_method")
                workspace, given = _caller(slack), _arguments()
                return jsonify({"ok": True, **found(slack, workspace, given)})
            except SlackError as error:
                return jsonify(ok=False, error=str(error))
            except RateLimitedError as error:
                return rate_limited(int(error.args[0]))

    return app


def rate_limited(seconds: int) -> Response:
    """Return Slack's rate-limit response."""
    answer = jsonify(ok=False, error="ratelimited")
    answer.status_code = 429
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _caller(slack: Slack) -> Workspace:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise SlackError("not_authed")
    workspace = slack.find_workspace(token.strip())
    if workspace is None:
        raise SlackError("invalid_auth")
    return workspace


def _arguments() -> dict[str, Any]:
    if request.is_json and request.get_data():
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise SlackError("invalid_json")
        return body
    given: dict[str, Any] = {**request.args.to_dict(), **request.form.to_dict()}
    for name in ("blocks", "metadata"):  # JSON inside a form
        if name in given:
            try:
                given[name] = json.loads(given[name])
            except ValueError as error:
                raise SlackError(f"invalid_{name}") from error
    return given


def _truthy(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


def _channel(workspace: Workspace, given: dict[str, Any], *, by_name: bool = False) -> Channel:
    wanted = str(given.get("channel") or "")
    if wanted in workspace.channels:
        return workspace.channels[wanted]
    for channel in workspace.channels.values():
        if by_name and channel.name == wanted.removeprefix("#"):
            return channel
    raise SlackError("channel_not_found")


def _content(given: dict[str, Any]) -> dict[str, Any]:
    text, blocks, metadata = str(given.get("text") or ""), given.get("blocks") or [], given.get("metadata") or {}
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > LONGEST:
        raise SlackError("msg_too_long")
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks")
    if metadata and (
        not isinstance(metadata, dict)
        or not isinstance(metadata.get("event_type"), str)
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        raise SlackError("invalid_metadata_format")
    return {"text": text, "blocks": blocks, "metadata": metadata}


def _shown(message: Message, channel: Channel, *, metadata: bool = True) -> Answer:
    shown: Answer = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.thread_ts == message.ts:
        shown["reply_count"] = len(channel.replies(message.ts))
    if message.edited:
        shown["edited"] = {"user": message.user, "ts": message.edited}
    if metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown


def _page(items: list[Answer], given: dict[str, Any], name: str) -> Answer:
    try:
        size, start = int(given.get("limit") or PAGE), int(given.get("cursor") or 0)
    except ValueError as error:
        raise SlackError("invalid_cursor" if str(given.get("limit") or 0).isdecimal() else "invalid_limit") from error
    if not 0 < size <= LARGEST_PAGE:
        raise SlackError("invalid_limit")
    end = start + size
    more = end < len(items)
    return {
        name: items[start:end],
        "has_more": more,
        "response_metadata": {"next_cursor": str(end) if more else ""},
    }


def test(_: Slack, workspace: Workspace, __: dict[str, Any]) -> Answer:
    return {
        "url": f"https://{workspace.name}.slack.com/",
        "team": workspace.name,
        "team_id": f"T{workspace.name.upper()}",
        "user": "runbooks",
        "user_id": BOT,
        "bot_id": "BRUNBOOKS1",
    }


def post_message(slack: Slack, workspace: Workspace, given: dict[str, Any]) -> Answer:
    channel = _channel(workspace, given, by_name=True)
    content = _content(given)
    if wait := slack.take_turn(channel):
        raise RateLimitedError(wait)
    text = content.pop("text")
    message = slack.post(channel, BOT, text, str(given["thread_ts"]) if given.get("thread_ts") else None, **content)
    return {"channel": channel.id, "ts": message.ts, "message": _shown(message, channel)}


def update(slack: Slack, workspace: Workspace, given: dict[str, Any]) -> Answer:
    channel = _channel(workspace, given)
    content = _content(given)
    text = content.pop("text")
    message = slack.update(channel, BOT, str(given.get("ts") or ""), text, **content)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": _shown(message, channel)}


def history(slack: Slack, workspace: Workspace, given: dict[str, Any]) -> Answer:
    channel = _channel(workspace, given)
    oldest, latest = float(given.get("oldest") or 0), float(given.get("latest") or "inf")
    tops = [message for message in reversed(channel.messages) if message.thread_ts in (None, message.ts)]
    wanted = [top for top in tops if oldest < float(top.ts) < latest]
    metadata = _truthy(given.get("include_all_metadata"))
    return _page([_shown(each, channel, metadata=metadata) for each in wanted], given, "messages")


def replies(slack: Slack, workspace: Workspace, given: dict[str, Any]) -> Answer:
    channel = _channel(workspace, given)
    parent = channel.message(str(given.get("ts") or ""))
    if parent is None:
        raise SlackError("thread_not_found")
    metadata = _truthy(given.get("include_all_metadata"))
    thread = [parent, *channel.replies(parent.ts)]
    return _page([_shown(each, channel, metadata=metadata) for each in thread], given, "messages")


def list_channels(_: Slack, workspace: Workspace, given: dict[str, Any]) -> Answer:
    channels = [
        {"id": channel.id, "name": channel.name, "is_channel": True, "is_private": False, "is_member": True}
        for channel in workspace.channels.values()
    ]
    return _page(channels, given, "channels")


METHODS = {
    "auth.test": test,
    "chat.postMessage": post_message,
    "chat.update": update,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.list": list_channels,
}
