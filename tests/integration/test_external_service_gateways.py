"""The gateways of GitHub, Jira and Sentry over HTTP, with the clients that a step gets from its connections."""

from datetime import datetime, timedelta
from functools import partial

import pytest

from include import github, jira, sentry
from include.errors import PreconditionError, ServiceUnavailableError
from include.retry import EXTERNAL_SERVICE
from opskit.connections.external_services import github_repository, jira_client, sentry_client
from sandbox.external_services.credentials import github_reading_token
from sandbox.external_services.github.model import File, Workflow
from sandbox.external_services.github.seed import COMMITS, MIGRATION, UNRELEASED, commit_sha, released_sha
from sandbox.external_services.github.state import QUEUED
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import control_of, inject_fault, reach, serve

CORE = "example-housing/core"
NEWEST, LAST = commit_sha(CORE, COMMITS), released_sha(CORE)
BUILD, PIPELINE = "build_image.yml", "production_pipeline.yml"
READY, WORKED_ON, DONE, DELETED = "CLDC-3456", "CLDC-3457", "CLDC-3458", "CLDC-3462"
UNKNOWN = "0" * 40


@pytest.fixture(scope="module")
def whole(server, small_inventory):
    external_services = ExternalServices.of(small_inventory, server.world)
    with serve(server.world, external_services) as http:
        yield external_services, http


@pytest.fixture
def external_services(whole, bare, monkeypatch):
    external_services, http = whole
    external_services.clear()
    reach(monkeypatch, http)
    return external_services


@pytest.fixture
def target(external_services, small_inventory):
    return small_inventory.target("core/staging")


@pytest.fixture
def core(target):
    return github_repository(target)


@pytest.fixture
def tickets(target):
    return jira_client(target)


@pytest.fixture
def errors(target):
    return sentry_client(target)


@pytest.fixture
def inject(bare, small_inventory, external_services):
    return partial(inject_fault, control_of(bare, small_inventory, external_services))


def model(external_services):
    return external_services.github.find("example-housing", "core")


def of_tag(external_services, tag):
    return [release for release in model(external_services).releases if release.tag == tag]


# GitHub: commits


def test_tags_and_their_commits(core, external_services):
    tags = github.list_tags(core)
    assert {"v0.6.14", "v0.6.9", "v.0.3.25", "release-2024"} <= set(tags)
    assert github.find_commit(core, "v0.6.14") == LAST
    assert github.find_commit(core, "v9.9.9") is None
    made = core.create_git_tag("v0.6.99", "annotated", NEWEST, "commit")
    core.create_git_ref("refs/tags/v0.6.99", made.sha)
    assert github.find_commit(core, "v0.6.99") == NEWEST != made.sha


def test_commits_since_a_version_come_oldest_first_with_subject_and_author(core, external_services):
    found = github.list_commits_between(core, "v0.6.14", NEWEST)
    assert len(found) == UNRELEASED
    assert [found[0].subject, found[-1].subject] == [
        "CLDC-3456: Send reminders only once (#2357)",
        "CLDC-3464: Fix the order of answers in the summary (#2365)",
    ]
    assert found[-1].sha == NEWEST
    assert all("\n" not in each.subject and each.author for each in found)
    every = github.list_commits_between(core, None, LAST)
    assert [every[0].sha, every[-1].sha, len(every)] == [commit_sha(CORE, 1), LAST, COMMITS - UNRELEASED]


def test_commits_of_more_than_one_page_all_come(core, bare, external_services):
    for number in range(260):
        bare.world.clock.advance(1)
        external_services.github.push(model(external_services), "main", f"CLDC-{number + 5000} More", "dana")
    head = core.get_branch("main").commit.sha
    found = github.list_commits_between(core, "v0.6.14", head)
    assert [each.subject for each in found[-260:]] == [f"CLDC-{number + 5000} More" for number in range(260)]
    assert len(found) == UNRELEASED + 260


def test_commits_tell_what_they_revert_and_merge_and_those_of_a_branch_are_lacking_elsewhere(
    core, bare, small_inventory, external_services
):
    control = control_of(bare, small_inventory, external_services)

    def push(subject, **fields):
        bare.world.clock.advance(1)
        return control.post("/github/commits", json={"repository": CORE, "subject": subject, **fields}).get_json()[
            "sha"
        ]

    fix = push("CLDC-1 Mend x", branch="hotfix")
    undone = push(f'Revert "CLDC-1 Mend x"\n\nThis reverts commit {fix}.', branch="hotfix")
    merge = push("Merge branch 'hotfix'", merges=["hotfix"])
    *_, reverted, merged = github.list_commits_between(core, "v0.6.14", merge)
    assert (reverted.sha, reverted.body, reverted.parents) == (undone, f"This reverts commit {fix}.", (fix,))
    assert (merged.sha, merged.parents) == (merge, (NEWEST, undone))
    assert [each.sha for each in github.list_commits_between(core, NEWEST, "hotfix")] == [fix, undone]
    assert github.list_commits_between(core, merge, "v0.6.14") == ()
    wrong = control.post("/github/commits", json={"repository": CORE, "subject": "Merge", "merges": ["nowhere"]})
    assert wrong.get_json()["error"].startswith("There is no branch 'nowhere' to merge; choose some of ")


def test_changed_files_are_those_of_all_commits_without_the_removed_ones(core, external_services):
    assert MIGRATION in github.changed_files(core, "v0.6.14", NEWEST)
    external_services.github.push(
        model(external_services), "main", "Two files", "dana", (File("a.rb"), File("gone.rb", "removed"))
    )
    head = core.get_branch("main").commit.sha
    found = github.changed_files(core, "v0.6.14", head)
    assert "a.rb" in found
    assert "gone.rb" not in found


def test_more_changed_files_than_a_comparison_lists_are_read_from_the_commits(core, external_services):
    many = tuple(File(f"app/{number:04}.rb") for number in range(320))
    external_services.github.push(model(external_services), "main", "Format everything", "dana", many)
    external_services.github.push(
        model(external_services), "main", "Migrate", "dana", (File("zz/db/migrate/1.rb", "added"),)
    )
    head = core.get_branch("main").commit.sha
    found = github.changed_files(core, "v0.6.14", head)
    assert {MIGRATION, "app/0319.rb", "zz/db/migrate/1.rb"} <= set(found)


def test_commit_is_on_its_branch_or_not(core):
    assert github.compare_status(core, "main", NEWEST) == "identical"
    assert github.compare_status(core, "main", LAST) == "behind"
    assert github.compare_status(core, "main", commit_sha(CORE, COMMITS + 1)) == "diverged"
    with pytest.raises(PreconditionError, match=f"GitHub has no main...{UNKNOWN} in {CORE}"):
        github.compare_status(core, "main", UNKNOWN)


def test_checks_are_check_runs_and_the_newest_status_of_each_context(core, bare, external_services):
    assert github.list_checks(core, NEWEST) == (("Lint", "success"), ("Tests", "success"))
    commit = core.get_commit(NEWEST)
    commit.create_status("failure", context="ci/scan")
    bare.advance(1)
    commit.create_status("pending", context="ci/scan")
    commit.create_status("error", context="ci/other")
    assert github.list_checks(core, NEWEST) == (
        ("Lint", "success"),
        ("Tests", "success"),
        ("ci/other", "error"),
        ("ci/scan", ""),
    )
    with pytest.raises(PreconditionError, match=f"GitHub has no commit {UNKNOWN} in {CORE}"):
        github.list_checks(core, UNKNOWN)


@pytest.mark.parametrize(("state", "conclusions"), [("pending", {""}), ("red", {"failure", "success"})])
def test_checks_that_fail_or_go_on_are_told(core, inject, state, conclusions):
    injected = inject("github_checks", target="core/staging", state=state)
    assert {conclusion for _, conclusion in github.list_checks(core, NEWEST)} == conclusions
    assert injected() >= 1


@pytest.mark.parametrize(
    ("state", "conclusions"),
    [("red_then_green", {"success"}), ("green_then_red", {"failure", "success"}), ("skipped", {"skipped"})],
)
def test_latest_run_of_a_check_counts(core, inject, state, conclusions):
    injected = inject("github_checks", target="core/staging", state=state, commit=NEWEST)
    found = github.list_checks(core, NEWEST)
    assert [name for name, _ in found] == ["Lint", "Tests"]
    assert {conclusion for _, conclusion in found} == conclusions
    assert injected() >= 1


def test_one_check_of_several_may_be_skipped(core, inject):
    inject("github_checks", target="core/staging", state="skipped", check="Tests")
    assert github.list_checks(core, NEWEST) == (("Lint", "success"), ("Tests", "skipped"))


def test_checks_of_one_name_in_two_workflows_are_two_checks(core, external_services):
    repository = model(external_services)
    nightly = Workflow(1, "Nightly", "nightly.yml", ("push",), ("Tests",), 60.0)
    run = external_services.github.start_run(repository, nightly, "push", "main", NEWEST, "dana", "Nightly")
    run.status, run.conclusion = "completed", "failure"
    later = external_services.github.start_run(
        repository, repository.workflows[0], "push", "main", NEWEST, "dana", "CI"
    )
    later.status, later.conclusion = "completed", "success"
    assert github.list_checks(core, NEWEST) == (("Lint", "success"), ("Tests", "failure"), ("Tests", "success"))


# GitHub: workflows


def test_runs_at_work_are_listed_oldest_first_until_they_end(core, bare, inject):
    assert github.list_running_workflows(core) == ()
    number = github.dispatch_workflow(core, BUILD, "main", {"commit": NEWEST}).make()
    bare.advance(QUEUED + 1)
    injected = inject("github_workflow_running", target="core/staging", workflow="staging_pipeline.yml")
    first, second = github.list_running_workflows(core)
    assert (first.id, first.name, first.file, first.status, first.conclusion) == (
        number,
        "Build image",
        BUILD,
        "in_progress",
        "",
    )
    assert (second.name, second.event, second.status, second.head_sha) == (
        "Staging pipeline",
        "workflow_dispatch",
        "queued",
        NEWEST,
    )
    assert second.url.endswith(f"/{CORE}/actions/runs/{second.id}")
    assert injected() >= 1
    bare.advance(400)
    assert [workflow.id for workflow in github.list_running_workflows(core)] == [second.id]


def test_dispatched_run_is_known_and_followed_to_its_end(core, bare):
    before = github.newest_run(core, BUILD)
    assert before == 0
    number = github.dispatch_workflow(core, BUILD, "main", {"commit": NEWEST}).make()
    found = github.find_run(core, BUILD, after=before, sha=NEWEST)
    assert found.id == number == github.newest_run(core, BUILD)
    assert (found.status, found.conclusion, found.event, found.head_sha) == ("queued", "", "workflow_dispatch", NEWEST)
    assert found.created_at.utcoffset() == timedelta()
    assert github.find_run(core, BUILD, after=number) is None
    assert github.find_run(core, BUILD, sha=LAST) is None
    bare.advance(QUEUED + 400)
    ended = github.get_run(core, number)
    assert (ended.status, ended.conclusion) == ("completed", "success")
    with pytest.raises(PreconditionError, match="GitHub has no workflow run 1 in"):
        github.get_run(core, 1)


def test_first_run_since_a_moment_is_found(core, bare):
    github.dispatch_workflow(core, BUILD, "main", {"commit": "old"}).make()
    bare.advance(100)
    second = github.dispatch_workflow(core, BUILD, "main", {"commit": NEWEST}).make()
    bare.advance(100)
    github.dispatch_workflow(core, BUILD, "main", {"commit": "newer"}).make()
    since = github.get_run(core, second).created_at
    assert github.find_run(core, BUILD, since=since).id == second


@pytest.mark.parametrize(
    ("file", "ref", "inputs", "words"),
    [
        (BUILD, "nowhere", {"commit": "x"}, "No ref found for: nowhere"),
        (BUILD, "main", {}, "Required input 'commit' not provided"),
        ("none.yml", "main", {}, "GitHub has no workflow none.yml of"),
    ],
)
def test_dispatch_that_cannot_be_is_refused(core, file, ref, inputs, words):
    with pytest.raises(PreconditionError, match=words):
        github.dispatch_workflow(core, file, ref, inputs).make()
    assert github.list_running_workflows(core) == ()


def test_dispatch_is_never_repeated_blindly(core, inject):
    injected = inject("github_lost_answer", target="core/staging", times=1)
    before = github.newest_run(core, BUILD)
    with pytest.raises(ServiceUnavailableError):
        github.dispatch_workflow(core, BUILD, "main", {"commit": NEWEST}).make()
    assert injected() == 1
    assert github.find_run(core, BUILD, after=before) is not None
    assert len(github.list_running_workflows(core)) == 1


# GitHub: releases


def test_release_is_drafted_and_published_once_however_often_it_is_asked_for(core, external_services):
    core.get_workflow(PIPELINE).enable()
    notes = github.generate_notes(core, "v0.6.15", NEWEST, "v0.6.14")
    assert "CLDC-3456: Send reminders only once" in notes
    assert github.find_release(core, "v0.6.15") is None
    draft = github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", notes).make()
    assert (draft.draft, draft.target, draft.body, draft.published_at) == (True, NEWEST, notes, None)
    assert github.create_draft(core, "v0.6.15", NEWEST, "another name", "other notes").make() == draft
    assert github.find_commit(core, "v0.6.15") is None

    published = github.publish(core, draft, NEWEST).make()
    assert (published.id, published.draft, published.body) == (draft.id, False, notes)
    assert github.publish(core, draft, NEWEST).make() == published == github.find_release(core, "v0.6.15")
    assert github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", notes).make() == published
    assert github.find_commit(core, "v0.6.15") == NEWEST
    assert len(of_tag(external_services, "v0.6.15")) == 1
    run = github.find_run(core, PIPELINE, "release", since=published.published_at, sha=NEWEST)
    assert run.event == "release"


def test_what_people_wrote_into_the_draft_is_published(core, external_services):
    draft = github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    of_tag(external_services, "v0.6.15")[0].body = "better notes"
    assert github.publish(core, draft, NEWEST).make().body == "better notes"


def test_lost_answer_leaves_one_draft_and_one_release(core, external_services, inject):
    injected = inject("github_lost_answer", target="core/staging", times=1)
    draft = github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    assert (injected(), draft.draft, len(of_tag(external_services, "v0.6.15"))) == (1, True, 1)
    again = inject("github_lost_answer", target="core/staging", times=1)
    published = github.publish(core, draft, NEWEST).make()
    assert (again(), published.draft, published.id) == (1, False, draft.id)
    assert len(of_tag(external_services, "v0.6.15")) == 1


def test_publication_that_github_accepts_and_does_not_make_is_no_release(core, external_services, inject):
    draft = github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    injected = inject("github_publish_ignored", target="core/staging", times=1)
    with pytest.raises(
        PreconditionError, match=r"^GitHub accepted the publication of v0.6.15, and it is a draft all the same"
    ):
        github.publish(core, draft, NEWEST).make()
    assert (injected(), of_tag(external_services, "v0.6.15")[0].draft) == (1, True)
    assert github.publish(core, draft, NEWEST).make().draft is False


def test_draft_that_github_never_took_is_not_claimed(core, external_services, inject):
    injected = inject("github_error", target="core/staging", method="POST", times=1)
    with pytest.raises(ServiceUnavailableError, match="HTTP 502"):
        github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    assert (injected(), of_tag(external_services, "v0.6.15")) == (1, [])
    assert github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make().draft


def test_version_that_is_there_for_another_commit_is_refused(core, external_services):
    github.create_draft(core, "v0.6.15", LAST, "v0.6.15", "notes").make()
    with pytest.raises(PreconditionError, match=f"has a draft v0.6.15 on {LAST}, not on commit {NEWEST}"):
        github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    with pytest.raises(PreconditionError, match=f"has a release v0.6.14 on {LAST}, not on commit {NEWEST}"):
        github.create_draft(core, "v0.6.14", NEWEST, "v0.6.14", "notes").make()
    core.create_git_ref("refs/tags/v0.6.16", LAST)
    with pytest.raises(PreconditionError, match=f"Tag v0.6.16 of {CORE} is on commit {LAST}, not on {NEWEST}"):
        github.create_draft(core, "v0.6.16", NEWEST, "v0.6.16", "notes").make()
    assert of_tag(external_services, "v0.6.16") == []


def test_tag_that_somebody_made_meanwhile_is_not_released(core, external_services):
    draft = github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    core.create_git_ref("refs/tags/v0.6.15", LAST)
    with pytest.raises(PreconditionError, match="release another version"):
        github.publish(core, draft, NEWEST).make()
    assert of_tag(external_services, "v0.6.15")[0].draft


def test_draft_that_somebody_moved_to_another_commit_is_not_published(core, external_services):
    draft = github.create_draft(core, "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    of_tag(external_services, "v0.6.15")[0].target = LAST
    with pytest.raises(PreconditionError, match=f"has a draft v0.6.15 on {LAST}, not on commit {NEWEST}"):
        github.publish(core, draft, NEWEST).make()
    assert of_tag(external_services, "v0.6.15")[0].draft


def test_published_release_wins_over_drafts_and_the_oldest_draft_over_younger_ones(core):
    twin = core.create_git_release("v0.6.14", "twin", "", draft=True)
    assert github.find_release(core, "v0.6.14").id != twin.id
    first = core.create_git_release("v0.8.0", "a", "", draft=True, target_commitish=NEWEST)
    core.create_git_release("v0.8.0", "b", "", draft=True, target_commitish=NEWEST)
    assert github.find_release(core, "v0.8.0").id == first.id


def test_token_that_may_not_write_is_told_so(target, external_services, monkeypatch):
    name = f"AIRFLOW_CONN_{target.github_conn_id.upper()}"
    host = github_repository(target).requester.base_url
    monkeypatch.setenv(
        name, f'{{"conn_type": "github", "host": "{host}", "password": "{github_reading_token("example-housing")}"}}'
    )
    with pytest.raises(
        PreconditionError, match=r"does not allow that with release v0.6.15 .* \(HTTP 403: Resource not"
    ):
        github.create_draft(github_repository(target), "v0.6.15", NEWEST, "v0.6.15", "notes").make()
    monkeypatch.setenv(name, f'{{"conn_type": "github", "host": "{host}", "password": "stale"}}')
    with pytest.raises(PreconditionError, match="put a valid token into its Airflow connection"):
        github.list_tags(github_repository(target))


# GitHub: outages


def test_look_is_taken_again_until_github_is_back(core, inject):
    injected = inject("github_error", target="core/staging", times=3)
    assert "v0.6.14" in github.list_tags(core)
    assert injected() == 3


def test_github_that_stays_away_is_told_after_some_looks(core, inject):
    injected = inject("github_error", target="core/staging", status=503, times=1000)
    with pytest.raises(ServiceUnavailableError, match=rf"GitHub did not answer about repository {CORE} \(HTTP 503"):
        github.list_tags(core)
    assert injected() == EXTERNAL_SERVICE.attempts


@pytest.mark.parametrize("limit", ["primary", "secondary"])
def test_rate_limit_says_how_long_it_lasts_and_is_not_run_against(core, inject, limit):
    injected = inject("github_rate_limit", target="core/staging", limit=limit, retry_after=90, times=10)
    with pytest.raises(ServiceUnavailableError, match="takes no more calls for now") as caught:
        github.list_tags(core)
    assert 85 <= caught.value.wait <= 91
    assert injected() == 1


def test_short_rate_limit_is_waited_out(core, inject):
    injected = inject("github_rate_limit", target="core/staging", retry_after=1, times=1)
    assert "v0.6.14" in github.list_tags(core)
    assert injected() == 1


# Jira


def test_tickets_are_found_and_missing_ones_named(tickets):
    found = jira.get_tickets(tickets, [READY, DELETED, "CLDC-3401", READY, "OTHER-1"])
    assert [(ticket.key, ticket.status, ticket.labels) for ticket in found.tickets] == [
        (READY, "Ready for release", ()),
        ("CLDC-3401", "Done", ("Released",)),
    ]
    assert found.tickets[0].url.endswith(f"/jira/browse/{READY}")
    assert found.missing == (DELETED, "OTHER-1")


def test_label_is_added_once_beside_the_others(tickets, external_services):
    assert jira.add_label(tickets, READY, "v0.6.15") is True
    assert jira.add_label(tickets, READY, "v0.6.15") is False
    jira.add_label(tickets, READY, "Released")
    assert external_services.jira.tickets[READY].labels == ["Released", "v0.6.15"]
    assert len(external_services.jira.tickets[READY].history) == 2
    with pytest.raises(PreconditionError, match=f"Jira has no ticket {DELETED}"):
        jira.add_label(tickets, DELETED, "v0.6.15")
    with pytest.raises(PreconditionError, match="contains spaces"):
        jira.add_label(tickets, READY, "two words")


def test_ticket_is_moved_once_and_only_where_a_way_leads(tickets, external_services):
    assert jira.move(tickets, READY, "Done") == ""
    assert jira.move(tickets, READY, "done") == ""
    assert [each[1:] for each in external_services.jira.tickets[READY].history] == [
        ("status", "Ready for release", "Done")
    ]
    said = jira.move(tickets, WORKED_ON, "Done")
    assert said == (
        f"{WORKED_ON} is In Progress, from where no transition leads to Done (it leads to: In Review, Won't do)"
    )
    assert external_services.jira.tickets[WORKED_ON].status == "In Progress"
    assert jira.move(tickets, DONE, "Done") == ""
    assert external_services.jira.tickets[DONE].history == []


def test_lost_answer_of_jira_changes_a_ticket_once(tickets, external_services, inject):
    injected = inject("jira_lost_answer", target="core/staging", times=2)
    assert jira.add_label(tickets, READY, "v0.6.15") is True
    assert jira.move(tickets, READY, "Done") == ""
    assert injected() == 2
    assert [each[1] for each in external_services.jira.tickets[READY].history] == ["labels", "status"]


@pytest.mark.parametrize("fields", [{}, {"status": 503}])
def test_jira_that_is_down_is_away_and_comes_back(tickets, inject, fields):
    injected = inject("jira_down", target="core/staging", times=2, **fields)
    assert jira.get_tickets(tickets, [READY]).missing == ()
    assert injected() == 2
    again = inject("jira_down", target="core/staging", **fields)
    with pytest.raises(ServiceUnavailableError, match=f"about ticket {READY}"):
        jira.get_tickets(tickets, [READY])
    assert again() == EXTERNAL_SERVICE.attempts


def test_rate_limit_of_jira_is_told_and_neither_slept_through_nor_repeated(tickets, inject):
    injected = inject("jira_rate_limit", target="core/staging", retry_after=120, times=10)
    with pytest.raises(ServiceUnavailableError) as caught:
        jira.get_tickets(tickets, [READY])
    assert (caught.value.wait, injected()) == (120, 1)


# Sentry


def test_troubles_of_an_environment_are_those_not_resolved(errors, external_services, bare):
    found = sentry.list_issues(errors, "example-housing", "core", "staging")
    assert {each.level for each in found} == {"error", "warning"}
    assert "Redis::CannotConnectError" not in {each.title for each in found}
    project = external_services.sentry.find("example-housing", "core")
    made = external_services.sentry.report(project, NEWEST, "staging", "KeyError: tenure", count=7)
    external_services.sentry.report(project, NEWEST, "production", "KeyError: other", count=3)
    (new,) = sentry.list_issues(errors, "example-housing", "core", "staging", NEWEST)
    assert (new.id, new.title, new.level, new.count) == (str(made.id), "KeyError: tenure", "error", 7)
    assert new.first_seen == datetime.fromtimestamp(bare.world.clock.now(), new.first_seen.tzinfo)
    assert new.url.endswith(f"/issues/{made.id}/")


def test_troubles_of_all_pages_come_once_each(errors, external_services):
    before = len(sentry.list_issues(errors, "example-housing", "core", "staging"))
    project = external_services.sentry.find("example-housing", "core")
    for number in range(230):
        external_services.sentry.report(project, NEWEST, "staging", f"KeyError: {number}")
    found = sentry.list_issues(errors, "example-housing", "core", "staging")
    assert len({each.id for each in found}) == len(found) == before + 230


@pytest.mark.parametrize("fields", [{}, {"status": 503}])
def test_sentry_that_is_down_is_away_at_once(errors, inject, fields):
    injected = inject("sentry_down", target="core/staging", **fields)
    with pytest.raises(ServiceUnavailableError, match="about project example-housing/core, environment staging"):
        sentry.list_issues(errors, "example-housing", "core", "staging")
    assert injected() == 1


def test_rate_limit_of_sentry_says_how_long_it_lasts(errors, inject):
    injected = inject("sentry_rate_limit", target="core/staging", retry_after=40, times=10)
    with pytest.raises(ServiceUnavailableError) as caught:
        sentry.list_issues(errors, "example-housing", "core", "staging")
    assert (caught.value.wait, injected()) == (40, 1)


@pytest.mark.parametrize(
    ("project", "environment", "words"),
    [("core", "nowhere", "Sentry has no project"), ("other", "staging", "HTTP 403")],
)
def test_place_that_sentry_does_not_have_is_named(errors, project, environment, words):
    with pytest.raises(PreconditionError, match=words):
        sentry.list_issues(errors, "example-housing", project, environment)
