"""What refusals by external services mean, and how long calls are retried."""

from email.utils import formatdate

import pytest
import requests
import responses

from include.errors import PreconditionError, ServiceUnavailableError
from include.external_services import ask, explain, over_http, seconds_to_wait
from include.retry import EXTERNAL_SERVICE

NOW = 1_800_000_000.0
URL = "http://127.0.0.1:9/there"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "90"}, 90),
        ({"retry-after": "0"}, 1),
        ({"Retry-After": formatdate(NOW + 45, usegmt=True)}, 45),
        ({"Retry-After": formatdate(NOW - 45, usegmt=True)}, 1),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "inf"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 1200:.0f}"}, 1200),
        ({"X-Sentry-Rate-Limit-Remaining": "0", "X-Sentry-Rate-Limit-Reset": f"{NOW + 7:.0f}"}, 7),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2027-01-15T08:00:00Z"}, 60),
        # the hourly budget is not used up, so the caller need not wait for its end
        ({"x-ratelimit-remaining": "4000", "x-ratelimit-reset": f"{NOW + 1200:.0f}"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 1200:.0f}", "retry-after": "30"}, 30),
        ({}, 60),
    ],
)
def test_seconds_to_wait_are_what_the_answer_says_or_a_minute(headers, seconds):
    assert seconds_to_wait(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, PreconditionError, "Jira has no ticket A-1, or shows it to others"),
        (401, PreconditionError, "put a valid token into its Airflow connection"),
        (403, PreconditionError, r"does not allow that with ticket A-1 \(HTTP 403: no\)"),
        (422, PreconditionError, r"refuses what is asked about ticket A-1 \(HTTP 422: no\)"),
        (302, PreconditionError, "HTTP 302"),
        (408, ServiceUnavailableError, "HTTP 408"),
        (429, ServiceUnavailableError, "takes no more calls for now"),
        (500, ServiceUnavailableError, r"did not answer about ticket A-1 \(HTTP 500: no\)"),
        (503, ServiceUnavailableError, "HTTP 503"),
    ],
)
def test_status_decides_between_no_and_not_now(status, kind, words):
    error = explain("Jira", "ticket A-1", status, "no", {})
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error


def test_only_a_limit_has_seconds_to_wait():
    assert explain("Jira", "x", 429, "", {"Retry-After": "12"}).wait == 12
    assert explain("GitHub", "x", 403, "", {"Retry-After": "12"}, limited=True).wait == 12
    assert explain("Jira", "x", 503, "", {"Retry-After": "12"}).wait == 0


def test_what_is_said_cannot_forge_lines_and_is_cut():
    text = str(explain("Jira", "x", 500, "a\nb" + "c" * 1000, {}))
    assert "\n" not in text
    assert len(text) < 400


@responses.activate
@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (requests.ConnectionError("refused"), ServiceUnavailableError),
        (requests.ReadTimeout("slow"), ServiceUnavailableError),
        (requests.exceptions.ChunkedEncodingError("broke off"), ServiceUnavailableError),
        (requests.HTTPError("no answer at all"), ServiceUnavailableError),
        (requests.exceptions.MissingSchema("no scheme"), PreconditionError),
    ],
)
def test_broken_connection_is_away_and_a_broken_address_is_not(raised, kind):
    responses.get(URL, body=raised)
    with pytest.raises(kind) as caught, over_http("Jira", "ticket A-1"):
        requests.get(URL, timeout=1)
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised


@responses.activate
def test_page_of_somebody_else_is_not_quoted():
    responses.get(URL, status=502, body="<html>Bad gateway</html>", content_type="text/html")
    with pytest.raises(ServiceUnavailableError) as caught, over_http("Jira", "ticket A-1"):
        requests.get(URL, timeout=1).raise_for_status()
    assert "<html>" not in str(caught.value)


@pytest.fixture
def slept(monkeypatch):
    times = []
    monkeypatch.setattr("tenacity.nap.time.sleep", times.append)
    return times


def test_look_is_taken_again_and_again_ever_more_slowly_but_not_for_ever(slept):
    looks = []

    def look():
        looks.append(1)
        raise ServiceUnavailableError("away")

    with pytest.raises(ServiceUnavailableError):
        ask(look)
    assert len(looks) == EXTERNAL_SERVICE.attempts == 5
    assert slept == sorted(slept)
    assert sum(slept) < EXTERNAL_SERVICE.time_limit


def test_look_that_succeeds_is_the_last(slept):
    answers = iter([ServiceUnavailableError("away"), ServiceUnavailableError("limited", wait=20.0), None])

    def look():
        if error := next(answers):
            raise error
        return "there"

    assert ask(look) == "there"
    assert len(slept) == 2
    assert slept[1] == 20.0


@pytest.mark.parametrize("error", [ServiceUnavailableError("limited", wait=31.0), PreconditionError("no")])
def test_look_is_not_taken_again_where_it_cannot_help(slept, error):
    looks = []

    def look():
        looks.append(1)
        raise error

    with pytest.raises(type(error)):
        ask(look)
    assert (len(looks), slept) == (1, [])
