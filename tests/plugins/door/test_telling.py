"""Messages to all Slack channels, in the simulated Slack over HTTP."""

import json
from datetime import UTC, datetime

import pytest

from include.inventory import load
from opskit.web.door import telling
from sandbox.aws.faults.model import Fault
from sandbox.aws.http.server import Server
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.credentials import slack_token
from sandbox.external_services.server import ExternalServicesApplication, Handler
from sandbox.external_services.slack.state import Slack

NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
TEXT = ":octagonal_sign: emergency stop by ann at 18:00 UTC: A wrong image."


@pytest.fixture
def place(monkeypatch):
    """The simulated Slack with the workspaces of the inventory, and Airflow's connections to it."""
    world = World(ManualClock())
    slack = Slack(load())
    application = ExternalServicesApplication(world, slack)
    http = Server(application, 0, Handler)
    for target in load().targets.values():
        if target.slack_conn_id:
            extra = {"base_url": f"{http.url}/slack/api/"}
            password = slack_token(str(target.system.slack_workspace))
            connection = {"conn_type": "slack", "password": password, "extra": extra}
            monkeypatch.setenv(f"AIRFLOW_CONN_{target.slack_conn_id.upper()}", json.dumps(connection))
    yield world, slack
    application.stop()
    http.stop()


def shown(world, slack):
    workspaces = slack.as_json(world.clock.at)["workspaces"]
    channels = [(channel["name"], channel["messages"]) for workspace in workspaces for channel in workspace["channels"]]
    return {name: [message["text"] for message in messages] for name, messages in channels}


def test_every_channel_of_the_inventory_is_told_once(place):
    assert telling.tell_channels(TEXT, NOW) == []
    found = shown(*place)
    assert "core-staging" in found
    assert {tuple(texts) for texts in found.values()} == {(TEXT,)}


def test_channels_that_cannot_be_told_are_named_and_nothing_is_raised(place, monkeypatch):
    world, _ = place
    world.faults.append(Fault("f", "slack_down", "", "", {}))
    untold = telling.tell_channels(TEXT, NOW)
    assert len(untold) == len(shown(*place))
    assert any(each.startswith("#core-staging: ") for each in untold)


def test_without_any_connection_there_is_nobody_to_tell(monkeypatch):
    assert telling.tell_channels(TEXT, NOW) == []
