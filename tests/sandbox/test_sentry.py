"""The simulated Sentry, by its documented REST API."""

import pytest
import requests

from sandbox.aws.state.clock import as_text
from sandbox.external_services.credentials import sentry_token
from sandbox.external_services.github.seed import commit_sha, released_sha
from sandbox.external_services.sentry.state import DAY, OLD
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import control_of, inject_fault, serve

NEXT = commit_sha("example-housing/core", 64)
TOKEN = sentry_token("example-housing")
LAST = released_sha("example-housing/core")


@pytest.fixture(scope="module")
def place(server, small_inventory):
    external_services = ExternalServices.of(small_inventory, server.world)
    with serve(server.world, external_services) as http:
        yield external_services, f"{http.url}/sentry/api/0"


@pytest.fixture
def sentry(place, bare):
    place[0].clear()
    return place[0].sentry


@pytest.fixture
def ask(place, sentry):
    def ask(path, method="GET", token=TOKEN, json=None, **parameters):
        url = path if path.startswith("http") else f"{place[1]}/{path}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, url, params=parameters, headers=headers, json=json, timeout=5)

    return ask


@pytest.fixture
def issues(ask):
    def issues(**parameters):
        answer = ask("organizations/example-housing/issues/", **parameters)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return issues


@pytest.fixture
def control(bare, small_inventory, place, sentry):
    return control_of(bare, small_inventory, place[0])


def report(control, **changes):
    given = {
        "organization": "example-housing",
        "project": "core",
        "release": NEXT,
        "environment": "staging",
        "title": "KeyError: tenure",
    }
    return control.post("/sentry/events", json=given | changes)


def test_token_opens_its_organization_and_no_other(ask):
    path = "organizations/example-housing/issues/"
    assert ask(path).status_code == 200
    bare, wrong = ask(path, token=None), ask(path, token="other")
    assert (bare.status_code, bare.json()) == (401, {"detail": "Authentication credentials were not provided."})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid token"})
    foreign = ask("organizations/example-planning/issues/")
    assert (foreign.status_code, foreign.json()["detail"]) == (
        403,
        "You do not have permission to perform this action.",
    )
    assert ask("organizations/nobody/issues/").status_code == 404


def test_issues_are_the_unresolved_ones_unless_asked_otherwise(issues):
    assert {issue["status"] for issue in issues()} == {"unresolved"}
    assert len(issues(query="")) == len(OLD)
    assert [issue["title"] for issue in issues(query="is:resolved")] == ["Redis::CannotConnectError"]
    assert [issue["level"] for issue in issues(query="level:warning")] == ["warning"]
    assert [issue["title"] for issue in issues(query="timeout")] == ["Net::ReadTimeout: timeout while reading"]


def test_issue_of_an_environment_counts_its_events_there_and_has_its_lifetime_beside(control, issues):
    report(control, count=5)
    report(control, count=2, environment="production")
    (found,) = issues(query=f"release:{NEXT}", environment="staging")
    assert (found["count"], found["lifetime"]["count"]) == ("5", "7")
    assert issues(query=f"release:{NEXT}")[0]["count"] == "7"


def test_new_issue_of_a_release_is_told_from_the_old_ones_by_when_it_was_first_seen(control, bare, issues):
    assert issues(query=f"release:{NEXT}") == []
    before = as_text(bare.world.clock.now())
    bare.advance(60)
    assert report(control).status_code == 200
    report(control, title=OLD[0][0])  # an old issue continues in the new release
    assert {issue["title"] for issue in issues(query=f"release:{NEXT}")} == {"KeyError: tenure", OLD[0][0]}
    assert [issue["title"] for issue in issues(query=f"firstRelease:{NEXT}")] == ["KeyError: tenure"]
    assert [issue["title"] for issue in issues(query=f"release:{NEXT} firstSeen:>={before}")] == ["KeyError: tenure"]
    assert [issue["title"] for issue in issues(query="age:-1h")] == ["KeyError: tenure"]
    assert [issue["title"] for issue in issues(query="release:latest firstSeen:-1h")] == ["KeyError: tenure"]
    assert len(issues(query=f"release:[{LAST}, {NEXT}]")) == len(OLD)
    assert [issue["title"] for issue in issues(query=f"!release:[{LAST},{NEXT}]")] == ["Redis::CannotConnectError"]


def test_period_is_of_the_last_events(issues, bare):
    assert len(issues(statsPeriod="24h", query="")) == len(OLD) - 1
    assert issues(start="2020-01-01T00:00:00", end="2020-02-01T00:00:00") == []
    bare.advance(100 * DAY)
    assert issues(query="") == []


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({"project": "core"}, 400, "Invalid project parameter. Values must be numbers."),
        ({"project": "1"}, 403, "You do not have permission"),
        ({"environment": "nowhere"}, 404, "The requested resource does not exist"),
        ({"statsPeriod": "soon"}, 400, "Invalid statsPeriod"),
        ({"query": "colour:red"}, 400, "Invalid search key"),
        ({"query": "release:"}, 400, "Empty string after 'release:'"),
        ({"query": "firstSeen:yesterday"}, 400, "is not a valid date query"),
        ({"query": 'title "open'}, 400, "Error parsing search query"),
        ({"limit": "101"}, 400, "Invalid per_page value"),
        ({"sort": "colour"}, 400, "Sort key 'colour' not supported."),
    ],
)
def test_search_that_sentry_would_refuse_is_refused(ask, parameters, status, words):
    answer = ask("organizations/example-housing/issues/", **parameters)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


def test_lists_lead_on_by_a_cursor(ask):
    seen, url, more = [], "organizations/example-housing/issues/?query=&limit=2", True
    while more:
        answer = ask(url)
        seen += [each["shortId"] for each in answer.json()]
        url, more = answer.links["next"]["url"], answer.links["next"]["results"] == "true"
    assert len(seen) == len(set(seen)) == len(OLD)


def test_release_is_known_after_its_first_event_or_when_told(ask, control):
    path = f"organizations/example-housing/releases/{NEXT}/"
    assert ask(path).status_code == 404
    report(control)
    found = ask(path).json()
    assert (found["version"], found["shortVersion"], found["newGroups"]) == (NEXT, NEXT[:12], 1)
    made = ask("organizations/example-housing/releases/", "POST", json={"version": "core@1.0.0", "projects": ["core"]})
    assert (made.status_code, made.json()["deployCount"]) == (201, 0)
    again = ask("organizations/example-housing/releases/", "POST", json={"version": "core@1.0.0", "projects": ["core"]})
    assert again.status_code == 208
    deployed = ask(
        "organizations/example-housing/releases/core@1.0.0/deploys/", "POST", json={"environment": "staging"}
    )
    assert (deployed.status_code, deployed.json()["environment"]) == (201, "staging")
    wrong = ask("organizations/example-housing/releases/", "POST", json={"version": "x", "projects": ["other"]})
    assert (wrong.status_code, wrong.json()) == (400, {"projects": ["Invalid project slugs"]})


def test_releases_come_newest_first_and_of_an_environment(ask, control, bare):
    bare.advance(60)
    report(control)
    every = ask("organizations/example-housing/releases/", environment="staging").json()
    assert [each["version"] for each in every][:2] == [NEXT, LAST]
    assert [each["version"] for each in ask("organizations/example-housing/releases/", query=LAST[:8]).json()] == [LAST]


def test_resolved_issue_is_reopened_by_an_event(ask, issues, control):
    report(control)
    number = issues(query=f"release:{NEXT}")[0]["id"]
    assert ask(f"organizations/example-housing/issues/{number}/", "PUT", json={"status": "resolved"}).status_code == 200
    assert issues(query=f"release:{NEXT} is:unresolved") == []
    report(control)
    assert ask(f"organizations/example-housing/issues/{number}/").json()["status"] == "unresolved"


def test_spike_is_of_one_release_and_environment(control, issues):
    injected = inject_fault(control, "sentry_spike", target="core/staging", release=NEXT, issues=2, count=30)
    assert injected() == 0
    assert [issue["count"] for issue in issues(query=f"firstRelease:{NEXT}", environment="staging")] == ["30", "30"]
    assert injected() == 2
    assert issues(query=f"firstRelease:{LAST}") == []
    control.delete("/faults")
    assert len(issues(query=f"firstRelease:{NEXT}")) == 2


def test_resolved_error_occurs_again_in_one_environment(control, issues):
    injected = inject_fault(control, "sentry_reopened", target="core/staging", release=NEXT, count=5000)
    (found,) = issues(query=f"is:unresolved release:{NEXT}", environment="staging")
    assert (found["title"], found["level"], found["count"]) == ("Redis::CannotConnectError", "fatal", "5001")
    assert found["firstSeen"] < found["lastSeen"]
    assert injected() == 1
    answer = control.post("/faults", json={"kind": "sentry_reopened", "target": "core/staging", "release": NEXT})
    assert answer.get_json()["error"].startswith("Project core has no resolved error of environment staging")


def test_environments_of_a_project_are_listed_and_one_may_have_another_name(control, ask, issues):
    path = "projects/example-housing/core/environments/"
    before = [each["name"] for each in ask(path).json()]
    injected = inject_fault(control, "sentry_environment_renamed", target="core/staging", name="live")
    assert [each["name"] for each in ask(path, visibility="all").json()] == [
        "live" if n == "staging" else n for n in before
    ]
    assert injected() == 1
    assert ask("organizations/example-housing/issues/", environment="staging").status_code == 404
    assert len(issues(environment="live")) == 4
    control.delete("/faults")
    assert len(issues(environment="staging")) == 4
    assert ask(path, visibility="hidden").json() == []


def test_sentry_is_down_for_one_project(control, ask):
    elsewhere = inject_fault(control, "sentry_down", target="planning-data/staging")
    assert ask("organizations/example-housing/issues/").status_code == 200
    here = inject_fault(control, "sentry_down", target="core/staging", times=1)
    with pytest.raises(requests.ConnectionError):
        ask("organizations/example-housing/issues/")
    assert (elsewhere(), here()) == (0, 1)
    page = inject_fault(control, "sentry_down", target="core/staging", status=503)
    assert (ask("organizations/example-housing/issues/").status_code, page()) == (503, 1)


def test_rate_limit_says_when_to_come_back(control, ask):
    injected = inject_fault(control, "sentry_rate_limit", retry_after=9)
    answer = ask("organizations/example-housing/issues/")
    assert (answer.status_code, answer.headers["Retry-After"], injected()) == (429, "9", 1)
    assert ask("organizations/example-housing/issues/").status_code == 200


def test_everything_is_forgotten_with_the_world(control, issues):
    report(control)
    control.post("/reset")
    assert issues(query=f"release:{NEXT}") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"project": "other"}, "The requested resource does not exist"),
        ({"count": 0}, "count must be a whole number from 1, not 0."),
        ({"release": None}, "release must be text, not None."),
        ({"colour": "red"}, "There is no field 'colour'"),
    ],
)
def test_wrong_event_is_refused_in_one_sentence(control, changes, words):
    answer = report(control, **changes)
    assert (answer.status_code, words in answer.get_json()["error"]) == (400, True)


def test_spike_without_a_target_is_refused(control):
    answer = control.post("/faults", json={"kind": "sentry_spike", "release": NEXT})
    assert answer.get_json()["error"].startswith("Fault sentry_spike needs a target")
