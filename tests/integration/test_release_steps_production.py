"""What a release to production reads from the services, and what it writes on GitHub and in Jira."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml

from include import github, jira
from include.errors import PreconditionError
from include.inventory import load
from include.inventory.loader import SHIPPED
from include.releases.production import github_release, preflight
from include.releases.production import tickets as production_tickets
from include.releases.production.other_deployments import poll_other_deployments
from include.releases.production.preflight import ReleaseRequest
from include.releases.production.release_notes import find_tickets
from include.releases.production.tickets import DONE, LABEL
from include.releases.staging import steps
from include.run import documents
from include.run.image_attestations import add_attestation
from include.run.lease.store import keep_lease, read_lease, release_lease, try_claim
from include.run.migration_attempts import add_attempt, add_end
from opskit.connections.external_services import jira_client, sentry_client
from sandbox.commits import BUILT, RELEASED, STAGED, commit_sha
from tests.support.release_scene import RUN as STAGING_RUN
from tests.support.release_scene import dying_after

REPOSITORY = "example-housing/core"
RUN = "production_release/one"
STAGED_COMMIT, BUILT_ONLY = commit_sha(REPOSITORY, STAGED), commit_sha(REPOSITORY, BUILT[0])
STAMP = datetime(2026, 11, 21, 12, tzinfo=UTC)
READY, DONE_ALREADY, DELETED = "CLDC-3456", "CLDC-3458", "CLDC-3462"


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """One whole system: its production gets what its staging has proved."""
    folder = tmp_path_factory.mktemp("production")
    content = yaml.safe_load((SHIPPED / "core.yaml").read_text())
    (folder / "core.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.fixture
def scene(release_scene_of):
    return release_scene_of("core/production")


@pytest.fixture
def proving(release_scene_of):
    return release_scene_of("core/staging")


def plan(scene, proving, **request):
    return preflight.make_plan(scene, proving.store, ReleaseRequest(**request), STAMP, sentry_client(scene.target))[0]


def draft(scene, made):
    return github_release.draft_release(scene.step(RUN), made, "https://jira.example")


def releases(scene, tag):
    return [release for release in scene.github.get_releases() if release.tag_name == tag]


# The plan


def test_last_commit_that_staging_has_proved_is_released(scene, proving):
    made = plan(scene, proving)
    assert (made.commit, made.version, made.previous) == (STAGED_COMMIT, "v0.6.15", "v0.6.14")
    assert made.readable == "production-v0.6.15-20261121120000"
    image = steps.find_image(scene, BUILT_ONLY)
    add_attestation(proving.store, "core/staging", image.digest, BUILT_ONLY, STAGING_RUN, {})
    newer = plan(scene, proving)
    assert (newer.commit, newer.image, newer.proved_by) == (BUILT_ONLY, image.digest, STAGING_RUN)
    assert plan(scene, proving, commit=STAGED_COMMIT).commit == STAGED_COMMIT
    assert plan(scene, proving, bump="minor").version == "v0.7.0"


def test_nothing_is_released_where_staging_has_proved_nothing(scene, proving):
    store = proving.somebody.dynamodb
    for item in store.scan(TableName="runbook-operations")["Items"]:
        if item["sk"]["S"].startswith("proof#"):
            store.delete_item(TableName="runbook-operations", Key={key: item[key] for key in ("pk", "sk")})
    with pytest.raises(PreconditionError, match=r"^core/staging has never proved an image"):
        plan(scene, proving)
    with pytest.raises(PreconditionError, match=r"No staging deployment of image .* is on record for core/staging"):
        plan(scene, proving, commit=STAGED_COMMIT)


def test_image_that_staging_has_not_proved_is_refused(scene, proving):
    with pytest.raises(PreconditionError, match="No staging deployment of image"):
        plan(scene, proving, commit=BUILT_ONLY)


def wait(scene, proving, alive=True):
    state = "running" if alive else "failed"
    return poll_other_deployments(scene, proving.store, lambda _: state)


def test_release_waits_while_staging_is_being_deployed_and_says_for_whom(scene, proving):
    assert wait(scene, proving).done
    proving.writer(STAGING_RUN)
    progress = wait(scene, proving)
    assert not progress.done
    assert re.fullmatch(
        rf"waits for {STAGING_RUN}, which has had core/staging since \d\d:\d\d UTC \(a release\)", progress.text
    )
    assert plan(scene, proving).commit == STAGED_COMMIT, "that is no part of the plan"
    release_lease(proving.store, "core/staging", STAGING_RUN)
    assert wait(scene, proving).done


@pytest.mark.parametrize("runbook", ["service_restart", "database_migration", "image_publication"])
def test_release_does_not_wait_for_what_is_no_deployment(scene, proving, runbook):
    proving.writer(f"{runbook}/one")
    assert wait(scene, proving).done


def test_what_dead_runs_left_behind_on_staging_is_in_nobodys_way(scene, proving):
    proving.writer(STAGING_RUN)
    fencing = read_lease(proving.store, "core/staging").fencing
    try_claim(proving.store, "core/staging", "staging_deployment/two", "waits", STAMP, lambda _: "running")
    assert (
        "; staging_deployment/two, which has been in line for core/staging since 12:00 UTC" in wait(scene, proving).text
    )
    assert wait(scene, proving, alive=False).done
    keep_lease(proving.store, "core/staging", STAGING_RUN, fencing, "mixed")
    text = f"waits for a person to say that core/staging is free again after {STAGING_RUN} (mixed)"
    assert wait(scene, proving, alive=False).text == text


def test_release_waits_for_the_pipelines_of_the_inventory_and_for_no_other_workflow(scene, proving):
    scene.inject("github_workflow_running", workflow="build_image.yml")
    assert wait(scene, proving).done
    fault = scene.inject("github_workflow_running", workflow="staging_pipeline.yml")
    progress = wait(scene, proving)
    assert not progress.done
    assert progress.text.startswith("waits for Staging pipeline of ")
    assert scene.injected(fault) >= 1


def test_without_pipelines_in_the_inventory_every_workflow_counts_that_no_pull_request_started(scene, proving):
    system = scene.target.system
    versions = system.versions.model_copy(update={"pipelines": ()})
    unnamed = replace(scene, target=replace(scene.target, system=system.model_copy(update={"versions": versions})))
    scene.inject("github_workflow_running", workflow="build_image.yml")
    assert wait(unnamed, proving).text.startswith("waits for Build image of ")
    scene.control.delete("/faults")
    scene.cloud.advance(60)
    assert wait(unnamed, proving).done


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("github_checks", {"state": "red"}, "has failed checks"),
        ("github_checks", {"state": "skipped"}, "waits for a check that succeeds .only skipped so far: Lint, Tests"),
        ("github_checks", {"state": "green_then_red", "commit": STAGED_COMMIT}, "has failed checks"),
        ("github_checks", {"state": "pending"}, "is not green yet: it waits for Lint, Tests"),
        ("image_scan", {"severity": "CRITICAL"}, "has 1 CRITICAL findings"),
        ("image_scan", {"status": "IN_PROGRESS"}, "Nothing can be said of it yet"),
    ],
)
def test_commit_or_image_that_is_not_clean_is_refused(scene, proving, kind, fields, words):
    fault = scene.inject(kind, **fields)
    with pytest.raises(PreconditionError, match=words):
        plan(scene, proving)
    assert scene.injected(fault) >= 1


def test_check_that_failed_and_whose_rerun_is_green_is_green_and_a_skipped_one_is_told(scene, proving):
    for fields in ({"state": "red_then_green", "commit": STAGED_COMMIT}, {"state": "skipped", "check": "Lint"}):
        fault = scene.inject("github_checks", **fields)
        notes = plan(scene, proving).notes
        assert scene.injected(fault) >= 1
        scene.control.delete("/faults")
    assert "Skipped, so nothing was checked by them: Lint." in notes


def test_commit_that_waits_for_somebody_elses_check_is_refused(scene, proving):
    scene.github.get_commit(STAGED_COMMIT).create_status("pending", context="ci/scan")
    with pytest.raises(PreconditionError, match=f"Commit {STAGED_COMMIT[:12]} is not green yet: it waits for ci/scan"):
        plan(scene, proving)


def test_container_that_differs_from_the_one_that_was_proved_is_told(scene, proving):
    image = steps.find_image(scene, BUILT_ONLY)
    parts = steps.make_plan(proving, BUILT_ONLY, STAMP)[0].services
    template = json.loads(parts[0].template)
    template["environment"] = [*template["environment"], "ELSEWHERE"]
    other = [parts[0].model_copy(update={"template": json.dumps(template)}), parts[1]]
    steps.attest_image(replace(proving, run=STAGING_RUN), image.digest, BUILT_ONLY, other)
    differences = plan(scene, proving).template_differences
    assert differences
    assert all(difference.startswith("container app of core-prod-app ") for difference in differences)
    assert any("ELSEWHERE" in difference for difference in differences)


def test_plan_says_that_sentry_knows_the_environment_by_another_name(scene, proving):
    assert not [note for note in plan(scene, proving).notes if "Sentry" in note]
    fault = scene.inject("sentry_environment_renamed", name="live")
    (told,) = [note for note in plan(scene, proving).notes if "Sentry" in note]
    assert told.startswith(
        "Sentry has had no event from an environment production of example-housing/core (it knows live, "
    )
    assert scene.injected(fault) == 1
    away = scene.inject("sentry_down", status=503)
    assert not [note for note in plan(scene, proving).notes if "Sentry" in note], "an outage changes no plan"
    assert scene.injected(away) >= 1


def push(scene, subject, **fields):
    scene.cloud.advance(1)
    given = {"repository": REPOSITORY, "subject": subject, **fields}
    return scene.control.post("/github/commits", json=given).get_json()["sha"]


def test_ticket_whose_work_is_reverted_in_the_release_is_not_released(scene, proving):
    made = plan(scene, proving)
    assert {READY, "CLDC-3462"} & set(made.tickets) == {READY}
    one = push(scene, "CLDC-7001 Add x (#900)")
    push(scene, f'Revert "CLDC-7001 Add x" (#901)\n\nThis reverts commit {one}.')
    push(scene, "CLDC-7002 Add y, Part 1 (#902)")
    push(scene, "CLDC-7002 Add y, Part 2 (#903)")
    head = push(scene, 'Revert "CLDC-7002 Add y, Part 2" (#904)')
    found = preflight.read_repository(scene, head, ReleaseRequest())
    tickets = find_tickets(found.commits, "CLDC", found.lacking)
    assert (tickets.reverted, tickets.partly) == (("CLDC-7001",), ("CLDC-7002",))
    assert "CLDC-3462" in tickets.withdrawn, "what an earlier release shipped"
    notes = github_release.compose_notes("", tickets)
    assert "Reverted, so not released: CLDC-7001" in notes


def test_what_the_last_release_had_of_a_branch_is_told_as_taken_away(scene, proving, monkeypatch):
    fix = push(scene, "CLDC-7003 Mend it", branch="hotfix")
    scene.github.create_git_ref("refs/tags/v0.6.14.1", fix)
    monkeypatch.setattr(preflight, "running_commits", lambda *_: frozenset({fix}))
    made = plan(scene, proving)
    assert made.previous == "v0.6.14.1"
    (told,) = [note for note in made.notes if "takes away again" in note]
    assert told.endswith(f"{fix[:7]} CLDC-7003 Mend it.")
    assert any(
        note.startswith("Withdrawn, though an earlier release had them: ") and "CLDC-7003" in note
        for note in made.notes
    )


def test_release_whose_migration_another_run_left_open_is_refused_while_nothing_is_published(scene, proving):
    made = plan(scene, proving)
    assert made.migration is not None
    asked = scene.called("ecs.ListTasks")
    add_attempt(scene.store, "core/production", made.migration.key, 1, "production_release/zero", STAMP)
    with pytest.raises(PreconditionError) as error:
        plan(scene, proving)
    assert str(error.value).startswith(
        "Attempt 1 (task unknown) of this migration, by production_release/zero, is over or never began"
    )
    assert scene.called("ecs.ListTasks") > asked, "AWS is asked for its task"
    assert releases(scene, "v0.6.15") == []
    add_end(scene.store, "core/production", made.migration.key, 1, "refused", {"text": "denied", "exit_code": None})
    assert plan(scene, proving).migration == made.migration, "one that never began is in nobody's way"
    add_attempt(scene.store, "core/production", made.migration.key, 2, "production_release/zero", STAMP)
    add_end(scene.store, "core/production", made.migration.key, 2, "failed", {"text": "boom", "exit_code": 1})
    assert plan(scene, proving).migration == made.migration, "a failed one is made again by a new run"


def test_range_of_a_release_begins_at_the_version_that_runs_and_not_at_one_that_went_back(scene, proving):
    before = plan(scene, proving)
    first = push(scene, "CLDC-7004 Add z")
    scene.github.create_git_ref("refs/tags/v0.6.15", first)  # published, and then it went back
    head = push(scene, "CLDC-7005 Mend z")
    found = preflight.read_repository(scene, head, ReleaseRequest(), [commit_sha(REPOSITORY, RELEASED["v0.6.14"])])
    assert (str(found.previous), found.known) == ("v0.6.14", True)
    keys = find_tickets(found.commits, "CLDC", found.lacking).keys
    assert {"CLDC-7004", "CLDC-7005", *before.tickets} <= set(keys)
    made = plan(scene, proving)
    assert (made.version, made.previous) == ("v0.6.16", "v0.6.14")
    assert (
        "v0.6.15 is published and does not run, v0.6.14 does: the range begins there, so their tickets are told with this release."
        in made.notes
    )


def test_range_begins_at_the_last_version_where_nobody_knows_which_one_runs(scene, proving, monkeypatch):
    for unknown in ("e" * 40, ""):  # no version's commit, and an image whose tags name none
        monkeypatch.setattr(preflight, "running_commits", lambda *_, found=unknown: frozenset({found}))
        made = plan(scene, proving)
        assert made.previous == "v0.6.14"
        assert any(note.startswith("Which version runs is not known") for note in made.notes)


# GitHub


def test_release_is_drafted_once_with_its_notes_and_published_once(scene, proving):
    made = plan(scene, proving)
    url = draft(scene, made)
    assert draft(scene, made) == url
    (found,) = releases(scene, "v0.6.15")
    assert (found.draft, found.target_commitish) == (True, made.commit)
    assert READY in found.body
    kept = scene.store.get(*documents.release_notes(RUN))
    assert (kept["url"], kept["notes"]) == (url, found.body)
    at = github_release.publish_release(scene.step(RUN), made)
    scene.cloud.advance(60)
    assert github_release.publish_release(scene.step(RUN), made) == at
    (found,) = releases(scene, "v0.6.15")
    assert found.draft is False
    assert github.find_commit(scene.github, "v0.6.15") == made.commit


def test_draft_whose_answer_got_lost_is_made_once(scene, proving, monkeypatch):
    made, generate, faults = plan(scene, proving), github.generate_notes, []

    def then_lose_an_answer(*given):
        notes = generate(*given)  # asked for by a POST as well
        faults.append(scene.inject("github_lost_answer", times=1))
        return notes

    monkeypatch.setattr(preflight.github, "generate_notes", then_lose_an_answer, raising=False)
    url = draft(scene, made)
    assert [scene.injected(fault) for fault in faults] == [1]
    (found,) = releases(scene, "v0.6.15")
    assert (found.draft, found.html_url) == (True, url)


def test_publication_whose_answer_got_lost_is_made_once(scene, proving):
    made = plan(scene, proving)
    draft(scene, made)
    fault = scene.inject("github_lost_answer", times=1)
    at = github_release.publish_release(scene.step(RUN), made)
    assert scene.injected(fault) == 1
    (found,) = releases(scene, "v0.6.15")
    assert (found.draft, found.published_at.isoformat()) == (False, at)


def test_publication_whose_process_died_is_found_on_github(scene, proving, monkeypatch):
    made, publish = plan(scene, proving), github.publish
    draft(scene, made)
    with monkeypatch.context() as patch:
        patch.setattr(preflight.github, "publish", dying_after(publish), raising=False)
        with pytest.raises(KeyboardInterrupt):
            github_release.publish_release(scene.step(RUN), made)
    github_release.publish_release(scene.step(RUN), made)
    (text,) = scene.texts(RUN, "found")
    assert text.startswith("github.PublishRelease")
    assert text.endswith("that it was made")
    assert len(releases(scene, "v0.6.15")) == 1


def test_draft_that_somebody_removed_is_not_published(scene, proving):
    made = plan(scene, proving)
    draft(scene, made)
    releases(scene, "v0.6.15")[0].delete_release()
    with pytest.raises(PreconditionError, match=f"{REPOSITORY} has no draft v0.6.15 any more"):
        github_release.publish_release(scene.step(RUN), made)
    assert github.find_commit(scene.github, "v0.6.15") is None


# Jira


def move(scene, *keys, client=None):
    return production_tickets.move_tickets(scene.step(RUN), client or jira_client(scene.target), keys)


def test_tickets_are_moved_once_and_missing_ones_are_said_and_stop_nothing(scene):
    text = "2 of 3 tickets tagged Released and moved to Done"
    assert move(scene, READY, DELETED, DONE_ALREADY) == text
    assert move(scene, READY, DELETED, DONE_ALREADY) == text, "it may be repeated"
    notes = scene.texts(RUN, "note")
    assert notes == [f"{text}; {DELETED} is not in Jira"] * 2
    (ticket,) = jira.get_tickets(jira_client(scene.target), [READY]).tickets
    assert (ticket.status, ticket.labels.count(LABEL)) == (DONE, 1)


def shown(scene, key):
    projects = scene.control.get("/jira").get_json()["projects"]
    return next(ticket for project in projects for ticket in project["tickets"] if ticket["key"] == key)


def test_ticket_is_never_closed_as_a_duplicate(scene):
    fault = scene.inject("jira_second_way", name="Close as duplicate")
    assert move(scene, READY) == "1 of 1 tickets tagged Released and moved to Done"
    assert scene.injected(fault) >= 1
    assert (shown(scene, READY)["status"], shown(scene, READY)["resolution"]) == ("Done", "Done")


def test_ticket_with_two_ways_to_done_is_moved_only_by_the_inventorys(scene):
    scene.inject("jira_second_way", name="Close")
    assert move(scene, READY) == "0 of 1 tickets tagged Released and moved to Done"
    (note,) = scene.texts(RUN, "note")
    assert "which transition to Done is meant is not known (Close (71), Release (41))" in note
    assert shown(scene, READY)["status"] == "Ready for release"
    system = scene.target.system.model_copy(update={"jira_transition": "Release"})
    named = replace(scene, target=replace(scene.target, system=system))
    assert move(named, READY) == "1 of 1 tickets tagged Released and moved to Done"
    assert (shown(scene, READY)["status"], shown(scene, READY)["resolution"]) == ("Done", "Done")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("transition", f"Jira accepted transition Release of {READY}, which is Ready for release all the same"),
        (
            "labels",
            f"{READY} is not known to be changed: Jira accepted label Released for {READY}, and the ticket does not",
        ),
    ],
)
def test_write_that_jira_accepts_and_does_not_make_is_not_counted(scene, what, words):
    fault = scene.inject("jira_write_ignored", what=what, times=1)
    assert move(scene, READY) == "0 of 1 tickets tagged Released and moved to Done"
    assert words in scene.texts(RUN, "note")[0]
    assert scene.injected(fault) == 1
    assert move(scene, READY) == "1 of 1 tickets tagged Released and moved to Done"


def test_jira_that_is_away_leaves_its_tickets_and_stops_nothing(scene):
    fault = scene.inject("jira_down", status=503)
    assert move(scene, READY, DONE_ALREADY) == "0 of 2 tickets tagged Released and moved to Done"
    assert scene.injected(fault) >= 2
    (note,) = scene.texts(RUN, "note")
    assert f"{READY} is not known to be changed: " in note
    assert f"{DONE_ALREADY} is not known to be changed: " in note


def test_nothing_is_said_of_tickets_where_there_are_none(scene):
    assert production_tickets.move_tickets(scene.step(RUN), None, [READY]) == "no ticket was touched"
    assert move(scene) == "no ticket was touched"


def test_tickets_of_a_release_that_went_back_say_so_and_stay_where_they_are(scene):
    client = jira_client(scene.target)
    before = jira.get_tickets(client, [READY]).tickets[0]
    for _ in range(2):
        assert (
            production_tickets.mark_tickets(scene.step(RUN), client, [READY])
            == "1 of 1 tickets tagged Release-went-back"
        )
    after = jira.get_tickets(client, [READY]).tickets[0]
    assert (after.status, set(after.labels)) == (before.status, {*before.labels, "Release-went-back"})
