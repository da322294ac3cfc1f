"""The simulated Jira, through the client of Airflow's Jira hook."""

import pytest
import requests
from atlassian import Jira as Client
from requests import HTTPError

from sandbox.external_services.credentials import jira_password
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import control_of, inject_fault, serve

READY, WORKED_ON, DONE, DELETED = "CLDC-3456", "CLDC-3457", "CLDC-3458", "CLDC-3462"


@pytest.fixture(scope="module")
def place(server, small_inventory):
    external_services = ExternalServices.of(small_inventory, server.world)
    with serve(server.world, external_services) as http:
        yield external_services, f"{http.url}/jira"


@pytest.fixture
def jira(place, bare):
    place[0].clear()
    return place[0].jira


@pytest.fixture
def client(place, jira):
    return Client(place[1], username="runbooks", password=jira_password("CLDC"), timeout=5)


@pytest.fixture
def control(bare, small_inventory, place, jira):
    return control_of(bare, small_inventory, place[0])


def refused(call, *arguments, **named):
    with pytest.raises(HTTPError) as caught:
        call(*arguments, **named)
    return caught.value.response.status_code, str(caught.value)


def ticket(control, key):
    (project,) = control.get("/jira").get_json()["projects"]
    return next(each for each in project["tickets"] if each["key"] == key)


def test_password_opens_its_project_and_without_one_nothing_is_shown(place, client):
    assert client.myself()["name"] == "runbooks"
    assert client.project("CLDC")["name"] == "Submit social housing data"
    stranger = Client(place[1], username="runbooks", password="other")
    assert refused(stranger.issue, READY) == (401, "Unauthorized (401)")
    bare = requests.get(f"{place[1]}/rest/api/2/issue/{READY}", timeout=5)
    assert (bare.status_code, bare.json()["errorMessages"][1]) == (401, "Login Required")
    bearer = Client(place[1], token=jira_password("CLDC"))
    assert bearer.issue(READY)["key"] == READY


def test_ticket_of_a_commit_is_found_and_a_deleted_one_is_not(client):
    found = client.issue(READY)
    assert (found["key"], found["fields"]["summary"]) == (READY, "Send reminders only once")
    assert found["fields"]["status"]["name"] == "Ready for release"
    assert client.issue("CLDC-3401")["fields"]["status"]["name"] == "Done"
    assert client.issue("CLDC-3401")["fields"]["labels"] == ["Released"]
    assert client.get_issue_status(WORKED_ON) == "In Progress"
    assert refused(client.issue, DELETED) == (404, "Issue Does Not Exist")
    assert refused(client.issue, "CLCD-3461")[0] == 404
    assert (client.issue_exists(READY), client.issue_exists(DELETED)) == (True, False)
    assert set(client.issue(READY, fields="labels")["fields"]) == {"labels"}


def test_ticket_goes_through_its_workflow_step_by_step(client):
    assert [(transition["id"], transition["to"]) for transition in client.get_issue_transitions(READY)] == [
        (41, "Done"),
        (61, "Won't do"),
    ]
    client.set_issue_status(READY, "Done", fields={"resolution": {"name": "Done"}})
    assert client.issue(READY)["fields"]["resolution"]["name"] == "Done"
    status, words = refused(client.set_issue_status_by_transition_id, READY, 41)
    assert (status, "(Release) that is not valid" in words) == (400, True)
    # no transition leads from work in progress to done: the client asks for one that does not exist
    assert refused(client.set_issue_status, WORKED_ON, "Done")[0] == 400
    assert client.get_issue_status(WORKED_ON) == "In Progress"
    assert refused(client.set_issue_status, DELETED, "Done")[0] == 404
    changes = client.get_issue(READY, expand="changelog")["changelog"]["histories"]
    assert [(change["items"][0]["fromString"], change["items"][0]["toString"]) for change in changes] == [
        ("Ready for release", "Done")
    ]


def test_labels_are_added_removed_and_set_each_change_noted_once(client, control):
    client.label_issue(READY, ["Released"])
    client.label_issue(READY, ["Released"])
    client.edit_issue(READY, {"labels": [{"add": "v0.6.15"}]})
    assert client.get_issue_labels(READY) == ["Released", "v0.6.15"]
    client.unlabel_issue(READY, ["v0.6.15"])
    assert ticket(control, READY)["changes"] == [
        ["labels", "", "Released"],
        ["labels", "Released", "Released v0.6.15"],
        ["labels", "Released v0.6.15", "Released"],
    ]
    client.update_issue_field(READY, {"labels": ["only"]})
    assert client.get_issue_labels(READY) == ["only"]
    assert refused(client.label_issue, READY, ["two words"]) == (
        400,
        "The label 'two words' contains spaces which is invalid.",
    )
    assert refused(client.update_issue_field, READY, {"colour": "red"})[1].startswith("Field 'colour' cannot be set.")
    assert client.get_issue_labels(READY) == ["only"]


def test_comments_are_kept_in_order(client):
    client.issue_add_comment(READY, "Released in v0.6.15")
    client.issue_add_comment(READY, "Rolled back")
    assert [comment["body"] for comment in client.issue_get_comments(READY)["comments"]] == [
        "Released in v0.6.15",
        "Rolled back",
    ]
    assert refused(client.issue_add_comment, READY, " ")[0] == 400


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        (f"key in ({READY}, {DONE}) order by key asc", [READY, DONE]),
        (f'issuekey in ("{READY}", {DONE}) AND status != Done', [READY]),
        (
            'project = CLDC and status = "Ready for release" order by key',
            [READY, "CLDC-3459", "CLDC-3463", "CLDC-3464"],
        ),
        (f"key = {DONE} or (key = {READY} and not labels = Released) order by key", [READY, DONE]),
        (f"key not in ({DONE}) and key in ({READY}, {DONE}) and labels is empty", [READY]),
        ('statusCategory = "In Progress" and labels is not EMPTY', []),
    ],
)
def test_search_understands_what_release_tooling_asks(client, jql, keys):
    assert [issue["key"] for issue in client.jql(jql)["issues"]] == keys


def test_search_comes_in_pages(client):
    first = client.jql("project = CLDC order by key", limit=10)
    assert (first["total"] > 40, len(first["issues"]), first["startAt"]) == (True, 10, 0)
    second = client.jql("project = CLDC order by key", limit=10, start=10)
    assert {issue["key"] for issue in first["issues"]}.isdisjoint(issue["key"] for issue in second["issues"])


def test_search_for_a_missing_key_is_refused_unless_it_may_be_missing(client):
    jql = f"key in ({READY}, {DELETED})"
    assert refused(client.jql, jql) == (400, f"An issue with key '{DELETED}' does not exist for field 'key'.")
    found = client.jql(jql, validate_query="warn")
    assert [issue["key"] for issue in found["issues"]] == [READY]
    assert found["warningMessages"] == [f"An issue with key '{DELETED}' does not exist for field 'key'."]
    assert refused(client.jql, "project = CLCD")[1] == "The value 'CLCD' does not exist for the field 'project'."


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("colour = red", "Field 'colour' does not exist or you do not have permission to view it."),
        ("project CLDC", "Error in the JQL Query: Expecting operator but got 'CLDC'."),
        ("key in (CLDC-3456", "Error in the JQL Query: Expecting ',' or ')' in a list."),
        ("project = CLDC CLDC", "Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'CLDC'."),
        ("order by colour", "Not able to sort using field 'colour'."),
    ],
)
def test_search_that_jira_would_refuse_is_refused(client, jql, words):
    status, said = refused(client.jql, jql)
    assert (status, words in said) == (400, True)


def test_jira_is_down_for_one_project_or_for_a_while(control, client):
    hung = inject_fault(control, "jira_down", target="core/staging", times=1)
    with pytest.raises(requests.ConnectionError):
        client.issue_add_comment(READY, "unheard")
    assert (ticket(control, READY)["comments"], hung()) == ([], 1)
    assert client.issue(READY)["key"] == READY
    page = inject_fault(control, "jira_down", status=503)
    with pytest.raises(HTTPError) as caught:
        client.issue(READY)
    assert (caught.value.response.status_code, page()) == (503, 1)


def test_rate_limit_says_when_to_come_back(control, client):
    injected = inject_fault(control, "jira_rate_limit", retry_after=1, times=2)
    with pytest.raises(HTTPError) as caught:
        client.issue(READY)  # the client retries once by itself
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"], injected()) == (
        429,
        "1",
        2,
    )


def test_second_way_leads_to_done_with_another_resolution(control, client):
    injected = inject_fault(control, "jira_second_way", target="core/staging")
    ways = [(transition["name"], transition["to"]) for transition in client.get_issue_transitions(READY)]
    assert ways == [("Close as duplicate", "Done"), ("Release", "Done"), ("Drop", "Won't do")]
    client.set_issue_status_by_transition_id(READY, 71)
    fields = client.issue(READY)["fields"]
    assert (fields["status"]["name"], fields["resolution"]["name"]) == ("Done", "Close as duplicate")
    assert injected() >= 1


def test_ignored_write_is_answered_and_changes_nothing(control, client):
    injected = inject_fault(control, "jira_write_ignored", target="core/staging", times=2)
    client.set_issue_status_by_transition_id(READY, 41)
    client.edit_issue(READY, {"labels": [{"add": "Released"}]})
    fields = client.issue(READY)["fields"]
    assert (fields["status"]["name"], fields["labels"], injected()) == ("Ready for release", [], 2)
    client.set_issue_status_by_transition_id(READY, 41)
    assert client.issue(READY)["fields"]["status"]["name"] == "Done"


def test_lost_answer_leaves_the_ticket_moved(control, client):
    injected = inject_fault(control, "jira_lost_answer")
    with pytest.raises(requests.ConnectionError):
        client.set_issue_status_by_transition_id(READY, 41)
    assert (ticket(control, READY)["status"], injected()) == ("Done", 1)


def test_everything_is_forgotten_with_the_world(control, client):
    client.label_issue(READY, ["Released"])
    assert ticket(control, READY)["labels"] == ["Released"]
    control.post("/reset")
    assert ticket(control, READY)["labels"] == []


def test_target_without_tickets_has_no_fault_of_jira(control):
    answer = control.post("/faults", json={"kind": "jira_down", "target": "districtbuilder/staging"})
    assert answer.status_code == 400
    assert answer.get_json()["error"] == (
        "The inventory names no jira_project for districtbuilder/staging, so jira_down cannot apply."
    )
