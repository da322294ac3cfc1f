"""The simulated GitHub, through PyGithub."""

from dataclasses import replace

import httpx
import jwt
import pytest
from github import Auth, BadCredentialsException, Github, GithubException, UnknownObjectException
from github.GithubException import RateLimitExceededException

from include.errors import PreconditionError
from include.github import get_pull
from sandbox.external_services.credentials import OIDC_KEYS, github_reading_token, github_token
from sandbox.external_services.github.oidc import ISSUER
from sandbox.external_services.github.requests import CALLS_AN_HOUR, WRITES_A_MINUTE
from sandbox.external_services.github.seed import COMMITS, UNRELEASED, commit_sha, released_sha
from sandbox.external_services.github.state import QUEUED, GitHub
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import control_of, inject_fault, serve

CORE = "example-housing/core"
MAPS = "example-maps/districtbuilder"


@pytest.fixture(scope="module")
def place(server, small_inventory):
    # a repository of its own: there is no registry to which its builds could push
    github = GitHub(small_inventory, server.world)
    external_services = replace(ExternalServices.of(small_inventory, server.world), github=github)
    with serve(server.world, external_services) as http:
        yield external_services, f"{http.url}/github/api/v3"


@pytest.fixture
def github(place, bare):
    place[0].clear()
    return place[0].github


def client_of(place, token):
    # without retries and pauses, since a test checks each answer
    return Github(
        auth=Auth.Token(token), base_url=place[1], retry=None, seconds_between_requests=0, seconds_between_writes=0
    )


@pytest.fixture
def client(place, github):
    return client_of(place, github_token("example-housing"))


@pytest.fixture
def core(client):
    return client.get_repo(CORE)


@pytest.fixture
def control(bare, small_inventory, place, github):
    return control_of(bare, small_inventory, place[0])


def refused(call, *arguments, **named):
    with pytest.raises(GithubException) as caught:
        call(*arguments, **named)
    return caught.value.status, caught.value.data["message"]


def shown(control, name=CORE):
    return next(
        repository for repository in control.get("/github").get_json()["repositories"] if repository["name"] == name
    )


# permissions


def test_token_opens_its_owners_repositories_and_no_others(place, client):
    assert client.get_user().login == "runbooks-bot"
    assert client.get_repo(CORE).full_name == CORE
    with pytest.raises(UnknownObjectException):
        client.get_repo(MAPS)
    with pytest.raises(BadCredentialsException):
        client_of(place, "ghp_other").get_repo(CORE)
    bare = httpx.get(f"{place[1]}/repos/{CORE}")
    assert (bare.status_code, bare.json()["message"]) == (404, "Not Found")
    assert httpx.get(f"{place[1]}/user").json() == {
        "message": "Requires authentication",
        "documentation_url": "https://docs.github.com/rest",
        "status": "401",
    }


def test_token_that_may_only_read_sees_no_drafts_and_writes_nothing(place, core):
    reader = client_of(place, github_reading_token("example-housing")).get_repo(CORE)
    assert not reader.permissions.push
    assert next(release.tag_name for release in core.get_releases()) == "v0.7.0"
    assert next(release.tag_name for release in reader.get_releases()) == "v0.6.14"
    status, message = refused(reader.create_git_ref, "refs/tags/v1.0.0", released_sha(CORE))
    assert (status, message) == (403, "Resource not accessible by personal access token")
    assert "v1.0.0" not in [tag.name for tag in core.get_tags()]


# commits


def test_commits_come_newest_first_and_in_pages(core):
    found = list(core.get_commits())
    assert len(found) == COMMITS
    assert found[0].sha == commit_sha(CORE, COMMITS) == core.get_branch("main").commit.sha
    assert [each.commit.committer.date for each in found] == sorted(
        (each.commit.committer.date for each in found), reverse=True
    )
    assert found[0].parents[0].sha == found[1].sha


def test_pages_are_linked_as_github_links_them(place, client):
    url = f"{place[1]}/repos/{CORE}/commits?per_page=20"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {github_token('example-housing')}"})
    assert answer.links["next"]["url"] == f"{place[1]}/repos/{CORE}/commits?per_page=20&page=2"
    assert answer.links["last"]["url"].endswith("page=4")
    last = httpx.get(
        answer.links["last"]["url"], headers={"Authorization": f"Bearer {github_token('example-housing')}"}
    )
    assert len(last.json()) == 4
    assert set(last.links) == {"prev", "first"}


def test_subjects_name_their_tickets_in_many_ways(core):
    between = [commit.commit.message.split("\n")[0] for commit in core.compare("v0.6.14", "main").commits]
    assert between == [
        "CLDC-3456: Send reminders only once (#2357)",
        "CLDC-3457 Escape names in the bulk upload report (#2358)",
        "[CLDC-3458] Speed up the page of schemes (#2359)",
        "cldc-3459 use the new terms of use (#2360)",
        "Read uploads as UTF-8, not ISO-8859-1 (#2361)",
        "CLCD-3461 Show errors at the top of each page (#2362)",
        'Revert "CLDC-3462 Let coordinators merge organisations" (#2363)',
        "Export logs with their labels (CLDC-3463)",
        "CLDC-3464: Fix the order of answers in the summary (#2365)",
    ]


def test_comparison_tells_ahead_behind_diverged_and_identical(core):
    ahead = core.compare("v0.6.14", "main")
    assert (ahead.status, ahead.ahead_by, ahead.behind_by, ahead.total_commits) == ("ahead", UNRELEASED, 0, UNRELEASED)
    assert ahead.merge_base_commit.sha == released_sha(CORE)
    assert "db/migrate/20260901093000_add_labels_to_logs.rb" in [file.filename for file in ahead.files]
    assert core.compare("main", "v0.6.14").status == "behind"
    assert core.compare("main", "main").status == "identical"
    stray = core.compare("main", "labels-for-logs")
    assert (stray.status, stray.ahead_by, stray.behind_by) == ("diverged", 1, 2)
    assert refused(core.compare, "main", "v9.9.9") == (404, "Not Found")


def test_commit_is_found_by_seven_characters_and_not_by_an_unknown_sha(core):
    wanted = released_sha(CORE)
    assert core.get_commit(wanted[:7]).sha == wanted
    assert {file.filename for file in core.get_commit(wanted).files}
    unknown = "0" * 40
    assert refused(core.get_commit, unknown) == (422, f"No commit found for SHA: {unknown}")
    assert refused(list, core.get_commits(sha="nowhere")) == (404, "Not Found")


def test_merged_commit_leads_to_its_pull_request(core):
    (pull,) = core.get_commit(commit_sha(CORE, COMMITS)).get_pulls()
    assert (pull.number, pull.merged, pull.merge_commit_sha) == (2365, True, commit_sha(CORE, COMMITS))
    assert list(core.get_commit(commit_sha(CORE, COMMITS - 1)).get_pulls()) == []
    assert [each.head.ref for each in core.get_pulls()] == ["try-new-cache", "labels-for-logs"]


# tags and releases


def test_tags_are_as_odd_and_unordered_as_in_reality(core):
    names = [tag.name for tag in core.get_tags()]
    assert names.index("v0.6.9") < names.index("v0.6.14")
    assert {"v0.6.7.1", "v0.4.90.1", "v.0.3.25", "release-2024", "v0.6.14-rc.1"} <= set(names)
    assert next(tag.commit.sha for tag in core.get_tags() if tag.name == "v0.6.14") == released_sha(CORE)


def test_tag_is_made_once_and_only_on_a_commit(core):
    sha = commit_sha(CORE, COMMITS)
    assert core.create_git_ref("refs/tags/v0.6.15", sha).object.sha == sha
    assert core.get_git_ref("tags/v0.6.15").object.sha == sha
    assert refused(core.create_git_ref, "refs/tags/v0.6.15", sha) == (422, "Reference already exists")
    assert refused(core.create_git_ref, "refs/tags/v0.6.16", "1" * 40) == (422, "Object does not exist")
    assert refused(core.get_git_ref, "tags/v0.6.16") == (404, "Not Found")
    assert refused(core.create_git_ref, "refs/tags/v 1", sha)[0] == 422
    assert [ref.ref for ref in core.get_git_matching_refs("tags/v0.6.1")] == [
        f"refs/tags/{each}"
        for each in ("v0.6.1", "v0.6.10", "v0.6.11", "v0.6.12", "v0.6.13", "v0.6.14", "v0.6.14-rc.1", "v0.6.15")
    ]


def test_annotated_tag_leads_to_its_commit(core):
    sha = commit_sha(CORE, COMMITS)
    made = core.create_git_tag("v0.6.15", "the next", sha, "commit")
    ref = core.create_git_ref("refs/tags/v0.6.15", made.sha)
    assert (ref.object.type, core.get_git_tag(ref.object.sha).object.sha) == ("tag", sha)
    assert next(tag.commit.sha for tag in core.get_tags() if tag.name == "v0.6.15") == sha


def test_draft_has_neither_tag_nor_pipeline_until_it_is_published(core, control):
    core.get_workflow("production_pipeline.yml").enable()
    sha = commit_sha(CORE, COMMITS)
    draft = core.create_git_release("v0.6.15", "v0.6.15", "notes", draft=True, target_commitish=sha)
    assert (draft.draft, draft.published_at, draft.target_commitish) == (True, None, sha)
    assert refused(core.get_git_ref, "tags/v0.6.15")[0] == 404
    with pytest.raises(UnknownObjectException):
        core.get_release("v0.6.15")  # by tag
    assert core.get_release(draft.id).tag_name == "v0.6.15"
    assert core.get_latest_release().tag_name == "v0.6.14"
    assert core.get_workflow_runs(event="release").totalCount == 0

    published = draft.update_release("v0.6.15", "notes", draft=False)
    assert (published.draft, published.published_at is not None) == (False, True)
    assert core.get_git_ref("tags/v0.6.15").object.sha == sha
    assert core.get_latest_release().id == draft.id
    (run,) = core.get_workflow_runs(event="release")
    assert (run.name, run.head_branch, run.head_sha, run.status) == ("Production pipeline", "v0.6.15", sha, "queued")
    assert next(release for release in shown(control)["releases"] if release["latest"])["tag"] == "v0.6.15"


def test_prerelease_is_never_the_latest_and_starts_no_pipeline(core):
    core.get_workflow("production_pipeline.yml").enable()
    core.create_git_release("v0.8.0-rc.1", "v0.8.0-rc.1", "", prerelease=True)
    assert core.get_latest_release().tag_name == "v0.6.14"
    assert core.get_workflow_runs(event="release").totalCount == 0


def test_pipeline_of_a_release_is_off_unless_it_is_switched_on(core):
    core.create_git_release("v0.6.15", "v0.6.15", "")
    assert core.get_workflow("production_pipeline.yml").state == "disabled_manually"
    assert core.get_workflow_runs(event="release").totalCount == 0


def test_release_that_cannot_be_is_refused_and_leaves_nothing(core):
    before = [release.id for release in core.get_releases()]
    with pytest.raises(GithubException) as caught:
        core.create_git_release("v0.6.14", "again", "")
    assert caught.value.status == 422
    assert caught.value.data["errors"] == [{"resource": "Release", "field": "tag_name", "code": "already_exists"}]
    with pytest.raises(GithubException) as caught:
        core.create_git_release("v0.6.15", "x", "", target_commitish="1" * 40)
    assert caught.value.data["errors"][0]["field"] == "target_commitish"
    twin = core.create_git_release("v0.6.14", "again", "", draft=True)
    assert refused(twin.update_release, "again", "", draft=False) == (422, "Validation Failed")
    assert core.get_release(twin.id).draft
    twin.delete_release()
    assert [release.id for release in core.get_releases()] == before


def test_notes_list_the_pull_requests_since_the_last_release(core):
    notes = core.generate_release_notes("v0.6.15", previous_tag_name="v0.6.14", target_commitish="main")
    assert notes.name == "v0.6.15"
    lines = notes.body.splitlines()
    assert lines[0] == "## What's Changed"
    assert lines[1].startswith("* CLDC-3456: Send reminders only once by @")
    assert lines[1].endswith("/example-housing/core/pull/2357")
    # one commit came without a pull request
    assert len([line for line in lines if line.startswith("* ")]) == UNRELEASED - 1
    assert lines[-1].endswith("/compare/v0.6.14...v0.6.15")
    draft = core.create_git_release("v0.6.15", "v0.6.15", "", draft=True, generate_release_notes=True)
    assert draft.body == notes.body
    assert refused(core.generate_release_notes, "v0.6.15", previous_tag_name="v9.9.9")[0] == 422


# checks and workflows


def test_new_commit_is_checked_by_ci_in_its_own_time(core, bare, github):
    repository = github.find("example-housing", "core")
    sha = github.push(repository, "main", "CLDC-3500 Newer", "amelia").sha
    commit = core.get_commit(sha)
    assert [(run.name, run.status) for run in commit.get_check_runs()] == [("Tests", "queued"), ("Lint", "queued")]
    bare.advance(QUEUED + 10)
    assert {run.status for run in commit.get_check_runs()} == {"in_progress"}
    bare.advance(240)
    assert {(run.status, run.conclusion) for run in commit.get_check_runs()} == {("completed", "success")}


def test_combined_status_counts_statuses_only_the_newest_of_each_context(core):
    commit = core.get_commit("main")
    assert (commit.get_combined_status().state, commit.get_combined_status().total_count) == ("pending", 0)
    commit.create_status("failure", context="ci/tests")
    assert commit.get_combined_status().state == "failure"
    commit.create_status("success", context="ci/tests", description="now well")
    combined = commit.get_combined_status()
    assert (combined.state, combined.total_count, combined.statuses[0].description) == ("success", 1, "now well")
    assert [status.state for status in commit.get_statuses()] == ["success", "failure"]
    assert refused(commit.create_status, "fine")[0] == 422


def test_dispatched_workflow_is_queued_runs_and_ends(core, bare, github):
    ended = []
    github.completed.append(lambda repository, run: ended.append((repository.full_name, run.workflow.file, run.inputs)))
    workflow = core.get_workflow("build_image.yml")
    sha = commit_sha(CORE, COMMITS)
    assert workflow.create_dispatch("main", {"commit": sha})
    (run,) = workflow.get_runs(event="workflow_dispatch")
    assert (run.status, run.conclusion, run.head_sha) == ("queued", None, sha)
    assert core.get_workflow_runs(status="queued").totalCount == 1
    bare.advance(QUEUED + 1)
    assert core.get_workflow_run(run.id).status == "in_progress"
    bare.advance(360)
    assert (core.get_workflow_run(run.id).status, core.get_workflow_run(run.id).conclusion) == ("completed", "success")
    assert ended == [(CORE, "build_image.yml", {"commit": sha})]
    assert [job.name for job in run.jobs()] == ["Build"]


def test_dispatch_can_answer_with_its_run(core):
    run = core.get_workflow("build_image.yml").create_dispatch(
        "main", {"commit": "main"}, throw=True, return_run_details=True
    )
    assert core.get_workflow_run(run.id).event == "workflow_dispatch"


@pytest.mark.parametrize(
    ("file", "ref", "inputs", "words"),
    [
        ("build_image.yml", "nowhere", {"commit": "x"}, "No ref found for: nowhere"),
        ("build_image.yml", "main", {}, "Required input 'commit' not provided"),
        ("build_image.yml", "main", {"commit": "x", "colour": "red"}, 'Unexpected inputs provided: ["colour"]'),
        ("ci.yml", "main", {}, "Workflow does not have 'workflow_dispatch' trigger"),
    ],
)
def test_dispatch_that_github_would_refuse_is_refused(core, file, ref, inputs, words):
    workflow = core.get_workflow(file)
    assert refused(workflow.create_dispatch, ref, inputs, throw=True) == (422, words)
    assert core.get_workflow_runs(event="workflow_dispatch").totalCount == 0


def test_run_is_cancelled_and_run_again(core, bare):
    workflow = core.get_workflow("build_image.yml")
    run = workflow.create_dispatch("main", {"commit": "main"}, throw=True, return_run_details=True)
    run = core.get_workflow_run(run.id)
    assert run.cancel()
    assert core.get_workflow_run(run.id).conclusion == "cancelled"
    assert run.rerun()
    again = core.get_workflow_run(run.id)
    assert (again.status, again.run_attempt) == ("queued", 2)


# issues


def test_labels_and_comments_are_kept(core):
    issue = core.create_issue("Release 0.6.15", "- [ ] notes", labels=["release"])
    issue.create_comment("Created review app at http://127.0.0.1/1").edit("Gone")
    issue.add_to_labels("released")
    issue.remove_from_labels("release")
    found = core.get_issue(issue.number)
    assert [label.name for label in found.labels] == ["released"]
    assert [comment.body for comment in found.get_comments()] == ["Gone"]
    issue.edit(state="closed")
    assert core.get_issue(issue.number).state == "closed"
    assert refused(issue.remove_from_labels, "release") == (404, "Label does not exist")
    pull = core.get_pull(2366)
    pull.create_issue_comment("on a pull request")
    assert [comment.body for comment in pull.get_issue_comments()] == ["on a pull request"]
    assert [label.name for label in pull.get_labels()] == ["review-app"]


# limits and faults


def test_calls_are_counted_and_limited_by_the_simulated_hour(place, client, core, github, bare):
    assert client.get_rate_limit().rate.limit == CALLS_AN_HOUR
    used = client.rate_limiting[0]
    core.get_branch("main")
    assert client.rate_limiting[0] == used - 1
    github.calls[github_token("example-housing")] = [github.now()] * CALLS_AN_HOUR
    with pytest.raises(RateLimitExceededException) as caught:
        core.get_branch("main")
    assert (caught.value.status, caught.value.headers["x-ratelimit-remaining"]) == (403, "0")
    bare.advance(3601)
    assert core.get_branch("main").name == "main"


def test_many_writes_at_once_meet_the_secondary_limit(core, bare):
    for number in range(WRITES_A_MINUTE):
        core.create_git_ref(f"refs/tags/try-{number}", released_sha(CORE))
    with pytest.raises(RateLimitExceededException) as caught:
        core.create_git_ref("refs/tags/one-too-many", released_sha(CORE))
    assert caught.value.headers["retry-after"] == "60"
    bare.advance(61)
    core.create_git_ref("refs/tags/later", released_sha(CORE))


def test_502_is_of_one_repository_and_of_one_method(place, control, core):
    elsewhere = inject_fault(control, "github_error", target="districtbuilder/staging")
    writes = inject_fault(control, "github_error", target="core/staging", method="POST", times=2)
    assert core.get_branch("main").name == "main"
    for _ in range(2):
        assert refused(core.create_git_ref, "refs/tags/v9", released_sha(CORE)) == (502, "Server Error")
    assert (writes(), elsewhere()) == (2, 0)
    core.create_git_ref("refs/tags/v9", released_sha(CORE))


def test_lost_answer_leaves_the_draft_there(control, core):
    injected = inject_fault(control, "github_lost_answer")
    before = core.get_releases().totalCount
    assert refused(core.create_git_release, "v0.6.15", "v0.6.15", "", draft=True) == (502, "Server Error")
    assert (core.get_releases().totalCount, injected()) == (before + 1, 1)


def test_rate_limits_can_be_injected_in_both_kinds(control, core):
    secondary = inject_fault(control, "github_rate_limit", retry_after=7, times=1)
    with pytest.raises(RateLimitExceededException) as caught:
        core.get_branch("main")
    assert (caught.value.status, caught.value.headers["retry-after"], secondary()) == (403, "7", 1)
    primary = inject_fault(control, "github_rate_limit", retry_after=7, times=1, limit="primary")
    with pytest.raises(RateLimitExceededException) as caught:
        core.get_branch("main")
    assert (caught.value.headers["x-ratelimit-remaining"], primary()) == ("0", 1)
    assert "retry-after" not in caught.value.headers


@pytest.mark.parametrize(("state", "seen"), [("red", ("completed", "failure")), ("pending", ("in_progress", None))])
def test_checks_of_one_commit_can_be_red_or_pending(control, core, state, seen):
    sha = commit_sha(CORE, COMMITS)
    injected = inject_fault(control, "github_checks", target="core/staging", state=state, commit=sha[:7])
    first = core.get_commit(sha).get_check_runs()[0]
    assert ((first.status, first.conclusion), injected()) == (seen, 1)
    assert core.get_commit(released_sha(CORE)).get_check_runs()[0].conclusion == "success"
    assert injected() == 1
    control.delete("/faults")
    assert core.get_commit(sha).get_check_runs()[0].conclusion == "success"


def test_workflow_runs_as_long_as_the_fault(control, core, bare):
    injected = inject_fault(control, "github_workflow_running", target="core/staging")
    bare.advance(86_400)
    (run,) = core.get_workflow_runs(status="in_progress")
    assert (run.name, run.conclusion, injected()) == ("Staging pipeline", None, 1)
    control.delete("/faults")
    assert core.get_workflow_runs(status="in_progress").totalCount == 0
    assert core.get_workflow_run(run.id).conclusion == "success"


def test_workflow_can_fail(control, core, bare):
    injected = inject_fault(control, "github_workflow_fails", workflow="build_image.yml")
    run = core.get_workflow("build_image.yml").create_dispatch(
        "main", {"commit": "main"}, throw=True, return_run_details=True
    )
    bare.advance(QUEUED)
    core.get_workflow_run(run.id)
    bare.advance(400)
    assert (core.get_workflow_run(run.id).conclusion, injected()) == ("failure", 1)


def test_everything_is_forgotten_with_the_world(control, core):
    core.create_git_release("v0.6.15", "v0.6.15", "")
    assert "v0.6.15" in [tag["name"] for tag in shown(control)["tags"]]
    control.post("/reset")
    assert "v0.6.15" not in [tag["name"] for tag in shown(control)["tags"]]
    assert len(shown(control)["tags"]) == 19


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "github_error", "service": "core-staging-app"}, "is the same for every service; leave 'service' out"),
        ({"kind": "github_checks", "state": "green"}, "state must be one of red, pending, skipped"),
        ({"kind": "github_checks", "state": "red_then_green"}, "with state red_then_green needs the field 'commit'"),
        ({"kind": "github_checks", "state": "red", "commit": "main"}, "commit must be 7 to 40 characters"),
        ({"kind": "github_error", "method": "get"}, "method must be one of GET, POST"),
        ({"kind": "github_workflow_running", "workflow": "none.yml"}, "no workflow 'none.yml'"),
    ],
)
def test_wrong_fault_of_github_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]


# tokens of jobs, and pull requests as the front door reads them


def test_job_of_actions_gets_a_token_that_the_published_keys_verify(place, control):
    keys = jwt.PyJWKClient(place[1].replace("/github/api/v3", OIDC_KEYS))
    given = {"repository": CORE, "ref": "refs/tags/v1.2.3", "event": "release", "environment": "staging"}
    text = control.post("/github/oidc", json=given).get_json()["token"]
    claims = jwt.decode(text, keys.get_signing_key_from_jwt(text).key, ["RS256"], audience="runbooks", issuer=ISSUER)
    assert (claims["repository"], claims["ref"], claims["event_name"], claims["environment"]) == tuple(given.values())
    assert (claims["ref_type"], claims["sub"]) == ("tag", "repo:example-housing/core:environment:staging")


def test_wrong_request_for_a_token_is_refused_in_one_sentence(control):
    answer = control.post("/github/oidc", json={"repo": CORE})
    assert (answer.status_code, answer.get_json()["error"].split(";")[0]) == (400, "There is no field 'repo'")


def test_pull_request_is_read_as_the_front_door_needs_it(core):
    first = next(iter(core.get_pulls(state="all")))
    found = get_pull(core, first.number)
    assert (found.number, found.sha, found.title, found.own) == (first.number, first.head.sha, first.title, True)
    assert found.state in ("open", "closed")
    with pytest.raises(PreconditionError, match="GitHub has no pull request 999999 of example-housing/core"):
        get_pull(core, 999_999)
