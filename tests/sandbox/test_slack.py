"""The simulated Slack, through Slack's own client."""

import http.client
import time
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.external_services.services import ExternalServices
from sandbox.external_services.slack.state import BURST
from tests.support.external_services import control_of, inject_fault, serve

CHANNEL = "#core-staging"


@pytest.fixture(scope="module")
def place(server, small_inventory):
    external_services = ExternalServices.of(small_inventory, server.world)
    with serve(server.world, external_services) as http:
        yield external_services, http.url


@pytest.fixture
def slack(place, cloud):
    place[0].clear()
    return place[0].slack


@pytest.fixture
def client(place, slack):
    return WebClient(token="xoxb-sandbox-housing", base_url=f"{place[1]}/slack/api/", retry_handlers=[], timeout=5)


@pytest.fixture
def control(cloud, small_inventory, place, slack):
    return control_of(cloud, small_inventory, place[0])


def refused(call, **arguments):
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response


def texts(slack):
    channels = [each for workspace in slack.as_json()["workspaces"] for each in workspace["channels"]]
    return [message["text"] for channel in channels for message in channel["messages"]]


def test_token_decides_the_workspace_and_without_one_nothing_is_answered(place, client, slack):
    assert client.auth_test()["team"] == "housing"
    assert [channel["name"] for channel in client.conversations_list()["channels"]] == ["core-staging"]
    stranger = WebClient(token="xoxb-other", base_url=f"{place[1]}/slack/api/")
    assert refused(stranger.auth_test)["error"] == "invalid_auth"
    bare = httpx.post(f"{place[1]}/slack/api/auth.test")
    assert (bare.status_code, bare.json()) == (200, {"ok": False, "error": "not_authed"})
    assert refused(client.api_call, api_method="chat.shout")["error"] == "unknown_method"


def test_thread_is_read_back_in_order_with_its_metadata(client):
    metadata = {"event_type": "runbook_story", "event_payload": {"key": "asked"}}
    parent = client.chat_postMessage(channel=CHANNEL, text="parent", metadata=metadata)
    others = [client.chat_postMessage(channel=CHANNEL, text=str(n), thread_ts=parent["ts"])["ts"] for n in range(5)]
    assert sorted(others) == others
    assert parent["ts"] < others[0]
    seen, cursor = [], None
    while cursor != "":
        page = client.conversations_replies(
            channel=parent["channel"], ts=parent["ts"], limit=2, cursor=cursor, include_all_metadata=True
        )
        seen += page["messages"]
        cursor = page["response_metadata"]["next_cursor"]
    assert [each["text"] for each in seen] == ["parent", "0", "1", "2", "3", "4"]
    assert seen[0]["metadata"] == metadata
    history = client.conversations_history(channel=parent["channel"], include_all_metadata=True)["messages"]
    assert [(each["text"], each["reply_count"]) for each in history] == [("parent", 5)]
    assert "metadata" not in client.conversations_history(channel=parent["channel"])["messages"][0]


def test_own_message_is_updated_and_no_other(client, slack):
    posted = client.chat_postMessage(channel=CHANNEL, text="before")
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="after")
    assert texts(slack) == ["after"]
    assert (
        refused(client.chat_update, channel=posted["channel"], ts="1.000001", text="x")["error"] == "message_not_found"
    )
    assert refused(client.chat_update, channel=CHANNEL, ts=posted["ts"], text="x")["error"] == "channel_not_found"
    channel = slack.find_workspace("xoxb-sandbox-housing").channels[posted["channel"]]
    theirs = slack.post(channel, "UANN", "a person's")
    assert refused(client.chat_update, channel=channel.id, ts=theirs.ts, text="x")["error"] == "cant_update_message"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": CHANNEL, "text": ""}, "no_text"),
        ({"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": CHANNEL, "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": CHANNEL, "text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
    ],
)
def test_message_that_slack_would_refuse_is_refused_with_status_200(client, slack, arguments, error):
    answer = refused(client.chat_postMessage, **arguments)
    assert (answer.status_code, answer["error"]) == (200, error)
    assert texts(slack) == []


def test_form_is_as_good_as_json(place, client, slack):
    answer = httpx.post(
        f"{place[1]}/slack/api/chat.postMessage",
        data={"channel": CHANNEL, "blocks": '[{"type": "divider"}]', "text": "as a form"},
        headers={"Authorization": "Bearer xoxb-sandbox-housing"},
    ).json()
    assert answer["ok"] is True
    assert answer["message"]["blocks"] == [{"type": "divider"}]
    assert texts(slack) == ["as a form"]


def test_channel_that_is_flooded_answers_429_and_says_when_to_come_back(client, slack):
    for number in range(int(BURST)):
        client.chat_postMessage(channel=CHANNEL, text=str(number))
    answer = refused(client.chat_postMessage, channel=CHANNEL, text="one too many")
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")


def test_slack_that_is_down_hangs_up_and_keeps_nothing(control, client, slack):
    injected = inject_fault(control, "slack_down")
    with pytest.raises(OSError, match=r"Remote end closed|reset by peer"):
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert (texts(slack), injected()) == ([], 1)


def test_slack_is_down_for_the_workspace_of_one_target_only(control, client, slack):
    elsewhere = inject_fault(control, "slack_down", target="districtbuilder/staging")
    client.chat_postMessage(channel=CHANNEL, text="heard")
    assert (texts(slack), elsewhere()) == (["heard"], 0)
    here = inject_fault(control, "slack_down", target="core/staging")
    with pytest.raises(OSError, match=r"Remote end closed|reset by peer"):
        client.chat_postMessage(channel=CHANNEL, text="lost")
    assert (texts(slack), here()) == (["heard"], 1)


def test_lost_answer_leaves_the_message_there(control, client, slack):
    injected = inject_fault(control, "slack_lost_answer")
    with pytest.raises(OSError, match=r"Remote end closed|reset by peer"):
        client.chat_postMessage(channel=CHANNEL, text="first")
    client.chat_postMessage(channel=CHANNEL, text="second")
    assert (texts(slack), injected()) == (["first", "second"], 1)


def test_slow_call_takes_effect_after_its_caller_has_gone(place, control, slack):
    injected = inject_fault(control, "slack_slow", seconds=1.5)
    hasty = http.client.HTTPConnection(urlsplit(place[1]).netloc, timeout=30)
    headers = {"Authorization": "Bearer xoxb-sandbox-housing", "Content-Type": "application/x-www-form-urlencoded"}
    hasty.request("POST", "/slack/api/chat.postMessage", urlencode({"channel": CHANNEL, "text": "late"}), headers)
    hasty.close()  # without checking the answer
    deadline = time.monotonic() + 10
    while not texts(slack):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (texts(slack), injected()) == (["late"], 1)


def test_rate_limit_and_page_can_be_injected(control, client, slack):
    limited = inject_fault(control, "slack_rate_limit", retry_after=7, times=1)
    answer = refused(client.chat_postMessage, channel=CHANNEL, text="x")
    assert (answer.status_code, answer.headers["Retry-After"], limited()) == (429, "7", 1)
    html = inject_fault(control, "slack_html")
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert (texts(slack), html()) == ([], 1)


def test_messages_are_shown_and_forgotten_with_the_world(control, client):
    parent = client.chat_postMessage(channel=CHANNEL, text="parent")
    client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=parent["ts"])
    workspace = next(each for each in control.get("/slack").get_json()["workspaces"] if each["name"] == "housing")
    (message,) = workspace["channels"][0]["messages"]
    assert (message["text"], [reply["text"] for reply in message["replies"]]) == ("parent", ["reply"])
    control.post("/reset")
    workspace = next(each for each in control.get("/slack").get_json()["workspaces"] if each["name"] == "housing")
    assert workspace["channels"][0]["messages"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "slack_down", "service": "core-staging-app"}, "is the same for every service; leave 'service' out"),
        ({"kind": "slack_down", "target": "core/nowhere"}, "core/nowhere"),
        ({"kind": "slack_slow"}, "needs the field 'seconds'"),
        ({"kind": "slack_rate_limit", "retry_after": 0}, "retry_after must be a whole number of seconds"),
    ],
)
def test_wrong_fault_of_slack_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]
