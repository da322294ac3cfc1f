"""Airflow's trigger form of every runbook: Trigger is enabled with only the required fields, and Airflow accepts the request."""

import json

from playwright.sync_api import Page, expect

from include.runbooks import read_page
from tests.support.sandbox_client import wait_for

REQUIRED = {
    "reason": "asked for by the form's test",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "regions": '[{"region": "US/PA", "data": "s3://bucket/regions/US/PA/2026-11-20/"}]',
}
WITHOUT_TARGET = {"review_app_cleanup"}  # it looks at all review apps


def params_of_every_runbook(sandbox):
    operator = sandbox.airflow("operator")
    names = [dag["dag_id"] for dag in operator.get("/dags", params={"limit": 100}).json()["dags"]]
    found = {name: operator.get(f"/dags/{name}/details").json()["params"] for name in sorted(names)}
    runbooks = {name: params for name, params in found.items() if params}  # other DAGs have no form
    assert len(runbooks) > 5
    return runbooks


def follow(page: Page, path):
    """Go to a page as a link on the present one does; `goto` would load all of Airflow's UI anew, for ten processor seconds."""
    page.evaluate("path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }", path)


def is_required(param):
    return param["value"] is None and "null" not in param["schema"]["type"]


def fill(page: Page, name, schema):
    field = page.locator(f"#element_{name}")
    if "enum" in schema:
        field.click()
        page.get_by_role("option", name=schema["enum"][0], exact=True).click()
    elif "array" in schema["type"]:
        field.locator(".monaco-editor").first.click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(REQUIRED[name])
        page.keyboard.press("Control+Shift+End")  # the brackets that the editor adds by itself
        page.keyboard.press("Delete")
    else:
        field.fill(REQUIRED.get(name) or schema["examples"][0])


def clear(page: Page, name, schema):
    """Empty an optional field, after typing into it."""
    if "enum" in schema:
        page.locator(f"#element_{name} input[role=combobox]").press("Backspace")
        return
    field = page.locator(f"[name=element_{name}]")
    field.fill("7" if "integer" in schema["type"] else "x")
    field.fill("")
    field.blur()


def sent_by(page: Page, trigger):
    """Press Trigger and return the conf that it sends. Nothing that it changes reaches Airflow, as it would unpause the DAG."""
    sent = []

    def keep(route):
        if route.request.method == "GET":
            route.continue_()
            return
        sent.append(json.loads(route.request.post_data))
        route.fulfill(status=400, json={"detail": "kept by the test"})

    page.route("**/dagRuns", keep)
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/dagRuns")):
        trigger.press("Enter")  # the message about the last refusal may cover the button
    page.unroute("**/dagRuns")
    return sent[0]["conf"]


def test_every_runbook_starts_from_the_form_with_only_what_is_required(sandbox, person):
    page = person("operator").page
    for runbook, params in params_of_every_runbook(sandbox).items():
        follow(page, f"/dags/{runbook}")
        place = page.get_by_role("navigation", name="breadcrumb")
        expect(place.get_by_text(read_page(runbook).title, exact=True)).to_be_visible()
        page.get_by_role("button", name="Trigger").first.click()
        trigger = page.get_by_test_id("trigger-dag-submit")
        required = {name for name, param in params.items() if is_required(param)}
        assert {"target", "reason"} <= required or runbook in WITHOUT_TARGET
        if required:
            expect(page.locator("#element_reason")).to_be_visible()
            expect(trigger, f"{runbook} needs something").to_be_disabled()
        for name in sorted(required):
            fill(page, name, params[name]["schema"])
        expect(trigger, f"{runbook} with {sorted(required)}").to_be_enabled()
        assert sent_by(page, trigger).keys() == params.keys(), runbook

        emptied = {name for name, param in params.items() if "null" in param["schema"]["type"]}
        for section in (None, "Optional"):
            within = {name for name, param in params.items() if param["schema"].get("section") == section}
            if section and within:  # it is closed at first, and closes the other one when it opens
                page.get_by_role("button", name=section, exact=True).click()
            for name in sorted(emptied & within):
                clear(page, name, params[name]["schema"])
                expect(trigger, f"{runbook} with {name} emptied").to_be_enabled()

        def is_sent_empty(emptied=emptied, trigger=trigger):
            conf = sent_by(page, trigger)
            return {name: conf[name] for name in emptied} == dict.fromkeys(emptied)

        # the form takes in the last edit a moment after the field has
        wait_for(f"{runbook} to send {sorted(emptied)} as null", is_sent_empty, deadline=10)
