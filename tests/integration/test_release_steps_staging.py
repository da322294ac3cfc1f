"""What a deployment to staging reads from the services: its plan, the commit's checks, and the attestation it leaves."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from include.errors import PreconditionError
from include.releases.staging import steps
from include.run.image_attestations import last_attestation, read_attestation
from include.run.migration_attempts import add_attempt, add_end
from sandbox.commits import BUILT, COMMITS, STAGED, commit_sha
from tests.support.release_scene import NEXT, RUN

CORE, REPOSITORY = "core/staging", "example-housing/core"
APP, WORKERS = "core-staging-app", "core-staging-sidekiq"
NEWEST, RUNNING = commit_sha(REPOSITORY, COMMITS), commit_sha(REPOSITORY, STAGED)
BUILT_ONLY, ELSEWHERE = commit_sha(REPOSITORY, BUILT[0]), commit_sha(REPOSITORY, COMMITS + 1)
STAMP = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def scene(release_scene_of):
    return release_scene_of(CORE)


def test_plan_is_of_the_commit_and_of_what_runs_and_the_same_when_made_again(scene):
    plan, _ = steps.make_plan(scene, BUILT_ONLY, STAMP)
    assert (plan.commit, plan.tag, plan.readable) == (BUILT_ONLY, BUILT_ONLY, "staging-20261121120000")
    assert [(service.service, service.before.rsplit("/", 1)[-1], service.count) for service in plan.services] == [
        (APP, f"{APP}:1", 4),
        (WORKERS, f"{WORKERS}:1", 2),
    ]
    assert all(service.template for service in plan.services)
    assert plan.migration.key
    assert steps.make_plan(scene, BUILT_ONLY, STAMP)[0].digest == plan.digest
    writes = [call.action for call in scene.cloud.application.calls if call.mutates and call.service != "dynamodb"]
    assert writes == [], "a plan changes nothing"


def test_plan_of_a_commit_that_is_older_than_what_runs_says_so(scene):
    said = f"Older than commit {RUNNING[:12]}, which runs now: staging goes back in time."
    assert said in steps.make_plan(scene, BUILT_ONLY, STAMP)[0].notes
    assert steps.make_plan(scene, RUNNING, STAMP)[0].notes == ()
    assert steps.make_plan(scene, NEWEST, STAMP)[0].notes == ()


def test_running_commit_that_github_has_lost_keeps_nobody_from_deploying(scene, external_services):
    commits, newer = external_services.github.repositories[REPOSITORY].commits, commit_sha(REPOSITORY, STAGED + 1)
    commits[newer] = replace(commits[newer], parents=commits.pop(RUNNING).parents)  # history was rewritten
    assert steps.make_plan(scene, BUILT_ONLY, STAMP)[0].notes == ()


def test_plan_of_a_commit_without_an_image_builds_it_and_keys_its_migration_later(scene):
    plan, _ = steps.make_plan(scene, NEWEST, STAMP)
    assert (plan.image, plan.migration.key) == ("", "")
    assert plan.changes[0].what == f"build the image of commit {NEWEST[:12]}"


def test_commit_that_is_not_on_its_branch_is_refused(scene):
    with pytest.raises(PreconditionError, match=f"Commit {ELSEWHERE[:12]} is not on main"):
        steps.make_plan(scene, ELSEWHERE, STAMP)


def test_commit_with_a_red_check_is_refused_by_plan_and_wait(scene):
    fault = scene.inject("github_checks", state="red")
    for ask in (lambda: steps.make_plan(scene, NEWEST, STAMP), lambda: steps.poll_checks(scene, NEWEST)):
        with pytest.raises(PreconditionError, match=rf"^Commit {NEWEST[:12]} has failed checks: \w+ \(failure\)"):
            ask()
    assert scene.injected(fault) >= 2


def test_pending_checks_are_waited_for_and_do_not_keep_a_plan_from_being_made(scene):
    fault = scene.inject("github_checks", state="pending")
    plan, _ = steps.make_plan(scene, NEWEST, STAMP)
    assert plan.commit == NEWEST
    progress = steps.poll_checks(scene, NEWEST)
    assert (progress.done, progress.text) == (False, f"commit {NEWEST[:12]} waits for Lint, Tests")
    assert scene.injected(fault) >= 2
    scene.control.delete(f"/faults/{fault}")
    progress = steps.poll_checks(scene, NEWEST)
    assert (progress.done, progress.text) == (True, f"2 checks of commit {NEWEST[:12]} are green")


def test_commit_that_nothing_has_checked_yet_is_waited_for(scene, external_services):
    sha = external_services.github.push(
        external_services.github.find("example-housing", "core"), "unchecked", "Just pushed", "dana"
    ).sha
    known = steps.github.list_checks(scene.github, sha)
    progress = steps.poll_checks(scene, sha)
    assert progress.done is False
    assert (known == ()) == ("its checks to begin" in progress.text)


def test_proof_is_kept_with_the_templates_it_was_made_with_and_the_first_stands(scene):
    plan, _ = steps.make_plan(scene, BUILT_ONLY, STAMP)
    assert last_attestation(scene.store, CORE).commit == RUNNING
    keep = lambda run: steps.attest_image(replace(scene, run=run), plan.image, BUILT_ONLY, plan.services)  # noqa: E731
    assert keep(RUN) == f"image {plan.image[:19]} of commit {BUILT_ONLY[:12]} is proved on {CORE}"
    assert keep(NEXT) == keep(RUN)
    proof = read_attestation(scene.store, CORE, plan.image, BUILT_ONLY)
    assert (proof.run, proof.commit, proof.digest) == (RUN, BUILT_ONLY, plan.image)
    assert proof.templates == {"app": plan.services[0].template, "sidekiq": plan.services[1].template}
    assert last_attestation(scene.store, CORE) == proof


def test_migration_whose_earlier_end_nobody_knows_is_refused_by_the_plan_before_anything_is_done(scene):
    plan, since = steps.make_plan(scene, BUILT_ONLY, STAMP)
    assert add_attempt(scene.store, CORE, plan.migration.key, 1, NEXT, since)
    with pytest.raises(
        PreconditionError, match=r"^Attempt 1 \(task unknown\) .*AWS has forgotten which; .*give 'again'"
    ):
        steps.make_plan(scene, BUILT_ONLY, STAMP)
    add_end(scene.store, CORE, plan.migration.key, 1, "refused", {"text": "AWS refuses RunTask", "exit_code": None})
    assert steps.make_plan(scene, BUILT_ONLY, STAMP)[0] == plan, "a refused start never began"


def test_service_that_was_deleted_is_refused_by_the_plan(scene):
    ecs = scene.cloud.client("ecs", CORE)
    ecs.delete_service(cluster="core-staging-app", service=WORKERS, force=True)
    scene.cloud.advance(1200)
    described = ecs.describe_services(cluster="core-staging-app", services=[WORKERS])["services"][0]
    assert (described["status"], described["deployments"]) == ("INACTIVE", [])
    with pytest.raises(
        PreconditionError, match=rf"^Service {WORKERS} of cluster core-staging-app is INACTIVE: it was del"
    ):
        steps.make_plan(scene, BUILT_ONLY, STAMP)
