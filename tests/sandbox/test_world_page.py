"""The world page in Chromium, on a world of the shipped inventory whose clock moves only on request."""

import pytest
from playwright.sync_api import expect

from include.inventory import load
from sandbox.aws.control.api import make_control
from sandbox.aws.http.server import Server
from sandbox.external_services.services import ExternalServices
from tests.support.chromium import chromium

PATIENCE = 30_000  # milliseconds: the page asks every half second, and the machine may be busy
MAPS = "districtbuilder/staging"


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def small_inventory():
    return load()


@pytest.fixture
def town(cloud, small_inventory):
    return ExternalServices.of(small_inventory, cloud.world)


@pytest.fixture
def open_page(browser, cloud, town, small_inventory):
    """Return a function that opens the page; at the end no script of it may have failed."""
    cloud.advance(60)  # the history of each service begins
    control = Server(make_control(cloud.world, cloud.application, small_inventory, lambda: None, town), 0)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    errors = []

    def enter(target=""):
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{control.url}/#{target}")
        return page

    yield enter
    context.close()
    control.stop()
    assert errors == []


def test_page_shows_every_target_of_the_inventory_and_its_scaling_groups(open_page):
    page = open_page()
    expect(page.locator("#cards > article")).to_have_count(12, timeout=PATIENCE)
    expect(page.locator("#banner")).to_be_hidden()
    group = page.get_by_role("article", name=f"Target {MAPS}").locator(".group .about")
    expect(group).to_have_text("2 instances, 2 wanted, 2 to 5 allowed.")
