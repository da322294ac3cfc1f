"""Odd answers of Sentry, and what they mean for a bake."""

from datetime import UTC, datetime

import pytest
import requests
import responses
from responses import matchers

from include.errors import PreconditionError, ServiceUnavailableError
from include.sentry import Sentry, Trouble, list_issues
from include.sentry.issues import MOST_PAGES

URL = "https://sentry.example.com/api/0/organizations/example/issues/"


def item(number=1, **changes):
    return {
        "id": str(number),
        "title": f"KeyError: {number}",
        "level": "error",
        "firstSeen": "2026-11-18T12:00:00.123456Z",
        "count": "12",
        "permalink": "https://sentry.example.com/x/",
    } | changes


def following(cursor, results="true"):
    return {"Link": f'<{URL}?cursor={cursor}>; rel="next"; results="{results}"; cursor="{cursor}"'}


@pytest.fixture
def mocked():
    with responses.RequestsMock() as mocked:
        yield mocked


@pytest.fixture
def ask():
    sentry = Sentry(requests.Session(), "https://sentry.example.com/api/0")
    return lambda release=None: list_issues(sentry, "example", "core", "staging", release)


def test_trouble_has_a_number_for_a_count_and_a_time_with_its_zone(mocked, ask):
    mocked.get(URL, json=[item()])
    first = datetime(2026, 11, 18, 12, 0, 0, 123456, UTC)
    assert ask() == (Trouble("1", "KeyError: 1", "error", first, 12, "https://sentry.example.com/x/"),)


def test_what_is_asked_names_place_and_release(mocked, ask):
    query = {"projectSlug": "core", "environment": "staging", "limit": "100"}
    asked = [matchers.query_param_matcher(query | {"query": 'is:unresolved release:"core@1.0"'})]
    mocked.get(URL, json=[], match=asked)
    assert ask("core@1.0") == ()


def test_pages_are_followed_until_one_is_said_to_be_empty_and_repeats_count_once(mocked, ask):
    mocked.get(URL, json=[item(1), item(2)], headers=following("0:100:0"))
    mocked.get(
        URL,
        json=[item(2), item(3)],
        headers=following("0:200:0", "false"),
        match=[matchers.query_param_matcher({"cursor": "0:100:0"}, strict_match=False)],
    )
    assert [each.id for each in ask()] == ["1", "2", "3"]


def test_pages_without_an_end_are_refused(mocked, ask):
    page = mocked.get(URL, json=[item()], headers=following("0:0:0"))
    with pytest.raises(PreconditionError, match="more than 50 pages about project example/core, environment staging"):
        ask()
    assert page.call_count == MOST_PAGES


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>Log in</html>", "content_type": "text/html"},
        {"json": {"detail": "an object"}},
        {"json": ["text"]},
        {"json": [item(count="many")]},
        {"json": [item(firstSeen=None)]},
        {"json": [{"id": "1"}]},
        {"status": 302, "headers": {"Location": "https://sentry.example.com/auth/login/"}},
        {"status": 503, "body": "<html>Back soon</html>"},
        {"body": requests.ReadTimeout("slow")},
    ],
)
def test_answer_that_is_none_is_away_and_no_good_news(mocked, ask, answer):
    mocked.get(URL, **answer)
    with pytest.raises(ServiceUnavailableError, match="about project example/core, environment staging"):
        ask()


def test_refusal_says_what_sentry_says(mocked, ask):
    mocked.get(URL, status=403, json={"detail": "You do not have permission to perform this action."})
    with pytest.raises(PreconditionError, match="HTTP 403: You do not have permission"):
        ask()
