"""The world page in Chromium, on a world of the shipped inventory whose clock moves only on request."""

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from include.inventory import load
from sandbox.aws.control.api import make_control
from sandbox.aws.http.server import Server
from sandbox.external_services.services import ExternalServices
from tests.support.chromium import chromium

TIMEOUT = 30_000  # milliseconds: the page asks every half second, and the machine may be busy
MAPS, HOUSING, VISITS = "districtbuilder/staging", "core/staging", "visits/production"
SECTIONS = ("Slack", "GitHub", "Jira", "Sentry", "Region data")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        expect.set_options(timeout=TIMEOUT)
        yield browser


@pytest.fixture(scope="module")
def small_inventory():
    return load()


@pytest.fixture
def external_services(cloud, small_inventory):
    return ExternalServices.of(small_inventory, cloud.world)


@pytest.fixture
def control(cloud, external_services, small_inventory):
    """A client of the control API that the page asks."""
    return make_control(cloud.world, cloud.application, small_inventory, lambda: None, external_services).test_client()


@pytest.fixture
def open_page(browser, cloud, control):
    """Return a function that opens the page; at the end no script of it may have failed."""
    cloud.advance(60)  # the history of each service begins
    server = Server(control.application, 0)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT)
    errors = []

    def enter(target=""):
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{server.url}/#{target}")
        return page

    yield enter
    context.close()
    server.stop()
    assert errors == []


def cards_in(page, section):
    return page.get_by_role("region", name=section, exact=True).get_by_role("article")


def links_of_targets(page):
    return page.locator("#systems a")


def target_card(page, name):
    return page.get_by_role("article", name=f"Target {name}", exact=True)


def test_page_shows_every_target_of_the_inventory_and_counts_them(open_page):
    page = open_page()
    expect(page.locator("#cards > article")).to_have_count(12)
    expect(links_of_targets(page)).to_have_count(12)
    expect(page.locator("#counts")).to_have_text("12 targets of 5 systems")
    expect(page.get_by_label("visits/staging", exact=True)).to_be_visible()
    expect(page.get_by_label("staff-device-logging/production", exact=True)).to_be_visible()
    group = target_card(page, MAPS).locator(".group .about")
    expect(group).to_have_text("2 instances, 2 wanted, 2 to 5 allowed.")
    expect(page.locator("#banner")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_search_finds_ones_own_target_by_parts_of_what_it_is_called(open_page):
    page = open_page()
    search = page.get_by_role("searchbox", name="Find a target")
    search.fill("housing stag")
    expect(links_of_targets(page)).to_have_count(1)
    expect(page.locator("#counts")).to_have_text("1 of 12 targets of 5 systems")
    search.fill("nothing like it")
    expect(page.locator("#note")).to_have_text("No target matches “nothing like it”.")
    search.fill("sidekiq")
    expect(links_of_targets(page)).to_have_count(2)
    search.press("Enter")
    expect(page.locator("#cards > article")).to_have_count(1)
    expect(page).to_have_url(re.compile("#core/staging$"))
    expect(search).to_have_value("")
    page.get_by_role("link", name="All 12 targets").click()
    expect(page.locator("#cards > article")).to_have_count(12)


def test_one_target_shows_only_what_it_uses_of_the_external_services(open_page):
    page = open_page(HOUSING)
    expect(cards_in(page, "GitHub")).to_have_count(2)  # its own, and that of its infrastructure
    shown = {name: cards_in(page, name).all_inner_texts() for name in SECTIONS}
    assert [text.split("\n")[0] for text in shown["GitHub"]] == [
        "example-housing/core",
        "example-housing/core-infrastructure",
    ]
    assert [text.split("\n")[0] for text in shown["Jira"]] == ["CLDC · Submit social housing data"]
    assert [text.split("\n")[0] for text in shown["Sentry"]] == ["example-housing/core"]
    assert shown["Region data"] == []
    expect(page.locator("#slack .silent")).to_have_text("No message yet in #core-staging.")
    page.get_by_role("link", name="All 12 targets").click()
    expect(cards_in(page, "Region data")).to_have_count(2)
    expect(cards_in(page, "GitHub")).to_have_count(7)


def test_fault_of_another_system_is_not_shown_beside_a_target(open_page, control):
    for name in (HOUSING, VISITS):
        given = {"kind": "github_error", "target": name}
        assert control.post("/faults", json=given).status_code == 200
    page = open_page(HOUSING)
    faults = page.locator("#github .faults li")
    expect(faults).to_have_count(1)
    expect(faults).to_contain_text(HOUSING)


def test_page_names_the_revision_of_each_task_and_the_tasks_that_a_rollback_brought_back(open_page, cloud):
    ecs, app = cloud.client("ecs", HOUSING), "core-staging-app"
    page = open_page(HOUSING)
    service = page.locator(".service").first
    expect(service.locator(".task").first).to_contain_text("revision 1")
    first = ecs.describe_services(cluster=app, services=[app])["services"][0]["taskDefinition"]
    known = ecs.describe_task_definition(taskDefinition=first)["taskDefinition"]
    taken = ("family", "containerDefinitions", "cpu", "memory", "networkMode", "requiresCompatibilities")
    again = ecs.register_task_definition(**{key: known[key] for key in taken if key in known})
    second = again["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=app, service=app, taskDefinition=second)
    cloud.advance(600)
    expect(service.locator(".age[data-age=new] h4")).to_have_text(re.compile("^New, since .*: 4$"))
    ecs.update_service(cluster=app, service=app, taskDefinition=first)
    cloud.advance(500)
    expect(service.locator(".age[data-age=new] h4")).to_have_text("Back on core-staging-app:1: 4")
    expect(service.locator(".age[data-age=old] h4")).to_have_text("Withdrawn: 0 (and 4 stopped)")
    expect(service.locator(".age[data-age=new] .task").first).to_contain_text("back")


def test_service_whose_traffic_ecs_shifts_says_how_much_its_new_tasks_get(open_page, cloud):
    cloud.client("ecs", VISITS).update_service(
        cluster="visits-production", service="visits-web", forceNewDeployment=True
    )
    page = open_page(VISITS)
    cloud.advance(240)
    expect(page.locator(".service").first).to_contain_text(
        "Canary deployment in progress, stage production traffic shift: 10 % of the traffic is on its new tasks."
    )


def test_page_shows_one_clock(open_page, cloud, external_services):
    """A message and a lease carry Airflow's time, which runs at real speed."""
    cloud.world.clock.at = lambda moment: datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC).timestamp()
    channel = next(
        each for each in external_services.slack.workspaces["housing"].channels.values() if each.name == "core-staging"
    )
    external_services.slack.post(channel, "URUNBOOKS1", "The restart begins.")
    document = {"owner": "service_restart/run", "fencing": 4, "since": "2026-11-27T08:00:00+00:00", "reason": "a test"}
    cloud.client("dynamodb", HOUSING).put_item(
        TableName="runbook-operations",
        Item={"pk": {"S": f"target#{HOUSING}"}, "sk": {"S": "lease"}, "document": {"S": json.dumps(document)}},
    )
    page = open_page(HOUSING)
    expect(page.locator(".channel time")).to_have_text("12:34")
    expect(target_card(page, HOUSING).locator(".lease")).to_contain_text("since 2026-11-21 12:34:56 UTC")
