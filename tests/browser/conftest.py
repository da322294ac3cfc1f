"""A real Chromium, driven as a person would drive it. Screenshots are kept in the folder RUNBOOK_SCREENSHOTS."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import chromium

TIMEOUT = 120_000  # milliseconds: Airflow's pages are slow on a busy machine


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        expect.set_options(timeout=TIMEOUT)
        yield browser


class Person:
    """One user's browser window."""

    def __init__(self, page: Page, base: str):
        self.page, self.base = page, base

    def log_in(self, user: str, password: str) -> None:
        self.page.goto(f"{self.base}/auth/login")
        self.page.get_by_label("Username").fill(user)
        self.page.locator("input[type=password]").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/auth/login" not in url)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.base}{path}")
        return self.page

    def picture(self, name: str) -> None:
        """Keep a screenshot, if a folder for screenshots is set."""
        if folder := os.environ.get("RUNBOOK_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture
def person(browser, sandbox):
    """Return a function that opens a window for a user, logged in."""
    contexts = []

    def enter(user: str) -> Person:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(TIMEOUT)
        contexts.append(context)
        made = Person(context.new_page(), sandbox.endpoints["airflow"].rstrip("/"))
        made.log_in(user, sandbox.endpoints["users"][user]["password"])
        return made

    yield enter
    for context in contexts:
        context.close()
