"""A real Chromium, driven as a person would drive it. Screenshots are kept in the folder RUNBOOK_SCREENSHOTS."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(
    scope="module"
)  # not longer: Playwright keeps an event loop running, in which asyncio.run() refuses to work
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


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
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        made = Person(context.new_page(), sandbox.endpoints["airflow"].rstrip("/"))
        made.log_in(user, sandbox.endpoints["users"][user]["password"])
        return made

    yield enter
    for context in contexts:
        context.close()
