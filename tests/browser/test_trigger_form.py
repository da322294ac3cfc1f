"""Airflow's trigger form of every runbook: Trigger is enabled with only the required fields, and Airflow accepts the request."""

import json

from playwright.sync_api import Page, expect

PATIENCE = 120_000  # milliseconds: Airflow's pages are slow on a busy machine
REQUIRED = {
    "reason": "asked for by the form's test",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "regions": '[{"region": "US/PA", "data": "s3://bucket/regions/US/PA/2026-11-20/"}]',
}


def params_of_every_runbook(sandbox):
    operator = sandbox.airflow("operator")
    names = [dag["dag_id"] for dag in operator.get("/dags", params={"limit": 100}).json()["dags"]]
    found = {name: operator.get(f"/dags/{name}/details").json()["params"] for name in sorted(names)}
    runbooks = {name: params for name, params in found.items() if params}  # other DAGs have no form
    assert len(runbooks) > 5
    return runbooks


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
        field.fill(REQUIRED[name])


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
    """Press Trigger and return the conf that it sends. The request is intercepted."""
    sent = []

    def keep(route):
        if route.request.method != "POST":
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
    page.set_default_timeout(PATIENCE)
    for runbook, params in params_of_every_runbook(sandbox).items():
        page.goto(f"{sandbox.endpoints['airflow'].rstrip('/')}/dags/{runbook}")
        page.get_by_role("button", name="Trigger").first.click()
        trigger = page.get_by_test_id("trigger-dag-submit")
        expect(page.locator("#element_reason")).to_be_visible(timeout=PATIENCE)
        expect(trigger, f"{runbook} asks for nothing").to_be_disabled(timeout=PATIENCE)
        required = {name for name, param in params.items() if is_required(param)}
        assert {"target", "reason"} <= required, runbook
        for name in sorted(required):
            fill(page, name, params[name]["schema"])
        expect(trigger, f"{runbook} with {sorted(required)}").to_be_enabled(timeout=PATIENCE)
        assert sent_by(page, trigger).keys() == params.keys(), runbook

        if any(param["schema"].get("section") for param in params.values()):
            page.get_by_role("button", name="Optional", exact=True).click()  # the section is closed at first
        emptied = {name for name, param in params.items() if "null" in param["schema"]["type"]}
        for name in sorted(emptied):
            clear(page, name, params[name]["schema"])
            expect(trigger, f"{runbook} with {name} emptied").to_be_enabled(timeout=PATIENCE)
        conf = sent_by(page, trigger)
        assert {name: conf[name] for name in emptied} == dict.fromkeys(emptied), runbook
