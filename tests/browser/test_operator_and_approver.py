"""Airflow's UI as an operator and an approver use it."""

import re
from urllib.parse import quote

from playwright.sync_api import expect

MAPS = "districtbuilder/staging"


def required_actions(run) -> str:
    return f"/dags/service_restart/runs/{run.run_id}/tasks/approve_restart/required_actions"


def test_operator_triggers_by_the_form_and_approver_approves_the_plan(sandbox, person):
    operator = person("operator")
    page = operator.open("/dags/service_restart")
    expect(page.get_by_role("heading", name="Restart a service")).to_be_visible()
    page.get_by_role("button", name="Trigger").first.click()
    page.locator("#element_target").click()
    page.get_by_role("option", name=MAPS).click()
    page.locator("#element_reason").fill("new region data was published")
    operator.picture("form")
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()

    run = sandbox.newest_run("service_restart")
    assert run.run_id.startswith("districtbuilder-staging_20")
    run.wait_until_asked()
    said = run.get()["note"]
    assert said.startswith(f"{MAPS}: waiting for an approval. One approval is needed. ")
    assert (
        f"/dags/service_restart/runs/{quote(run.run_id)}/tasks/approve_restart/required_actions?map_index=-1) [Summary]("
        in said
    )
    approver = person("approver")
    page = approver.open(required_actions(run))
    expect(page.get_by_text("asgStagingContainerInstance").first).to_be_visible()
    expect(page.get_by_text("new region data was published").first).to_be_visible()
    approver.picture("approval")
    page.get_by_role("button", name="Approve").click()

    assert run.wait() == "success", run.describe()
    page = operator.open(f"/dags/service_restart/runs/{run.run_id}")
    expect(page.get_by_text(re.compile("success", re.IGNORECASE)).first).to_be_visible()
    operator.picture("graph")


def test_requester_is_refused_as_approver_and_the_runs_page_tells_the_rejection(sandbox, person):
    before = sandbox.state()
    run = sandbox.restart(MAPS, user="approver")
    run.wait_until_asked()
    page = person("approver").open(required_actions(run))
    approve = page.get_by_role("button", name="Approve")
    expect(page.get_by_text("asgStagingContainerInstance").first).to_be_visible()
    if approve.is_enabled():
        with page.expect_response(
            lambda answer: "hitlDetails" in answer.url and answer.request.method == "PATCH"
        ) as caught:
            approve.click()
        assert caught.value.status == 403
        assert caught.value.json()["detail"].startswith("You may not answer this question: ")
    assert run.tasks()["approve_restart"] == "awaiting_input"
    second = person("second_approver").open(f"/dags/service_restart/runs/{run.run_id}")
    second.get_by_role("link", name="Summary", exact=True).last.click()
    with second.context.expect_page() as opened:  # Airflow's frame lets no page of ours open one by itself
        second.frame_locator("iframe").get_by_role("link", name="Read it and answer").click()
    assert "/tasks/approve_restart/required_actions" in opened.value.url
    page.goto(page.url.split("/tasks/")[0])
    page.get_by_role("link", name="Summary", exact=True).last.click()
    why_not = "second_approver may answer; approver asked for this run, so somebody else answers."
    expect(page.frame_locator("iframe").get_by_text(why_not)).to_be_visible()
    assert run.answer("Reject", "second_approver", comment="not on a Friday").status_code == 200
    assert run.wait() == "failed"
    assert sandbox.state() == before
    why = "second_approver rejected the plan: not on a Friday"
    assert run.get()["note"].startswith(f"{MAPS}: rejected. {why}; nothing was changed. Look at the reason")
    viewer = person("viewer")
    page = viewer.open(f"/dags/service_restart/runs/{run.run_id}")
    page.get_by_role("link", name="Summary", exact=True).last.click()
    summary = page.frame_locator("iframe")
    expect(summary.locator("h1")).to_have_text("Rejected")
    expect(summary.get_by_text(f"{why}; nothing was changed")).to_be_visible()
    expect(summary.get_by_text("asgStagingContainerInstance").first).to_be_visible()
    viewer.picture("summary")
