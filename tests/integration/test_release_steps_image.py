"""The steps that provide a commit's image: built once, followed, and accepted only with a clean scan."""

import pytest
from botocore.exceptions import BotoCoreError

from include import github
from include.aws import codebuild
from include.errors import PreconditionError, ServiceUnavailableError
from include.releases.image import steps
from include.releases.image.steps import CODEBUILD, GITHUB, NONE
from include.run.journal import list_events, written_intents
from sandbox.commits import BUILT, COMMITS, commit_sha
from sandbox.external_services.github.state import QUEUED
from tests.support.release_scene import RUN, dying_after

CORE, MAPS = "core/staging", "districtbuilder/staging"
CORES, MAPS_COMMITS = "example-housing/core", "example-maps/districtbuilder"
WORKFLOW = "build_image.yml"
NEWEST = commit_sha(CORES, COMMITS)
NEWEST_MAPS = commit_sha(MAPS_COMMITS, COMMITS)
BUILT_ONLY = commit_sha(CORES, BUILT[0])


@pytest.fixture
def core(release_scene_of):
    return release_scene_of(CORE)


@pytest.fixture
def maps(release_scene_of):
    return release_scene_of(MAPS)


def start(scene, commit):
    return steps.start_build(scene.step(), commit)


def look(scene, build, commit):
    return steps.poll_build(scene, build, commit)


def builds(scene):
    name = scene.target.environment.builder.name
    return scene.clients.codebuild.list_builds_for_project(projectName=name)["ids"]


def dispatched(scene):
    return scene.github.get_workflow(WORKFLOW).get_runs(event="workflow_dispatch").totalCount


# Nothing to build


def test_image_that_is_there_is_not_built(core):
    commit = BUILT_ONLY
    plan, _ = steps.make_plan(core, commit)
    build = start(core, commit)
    assert (plan.changes, build) == ((), {"kind": NONE, "id": "", "url": ""})
    progress = look(core, build, commit)
    assert progress.done
    assert "scan complete" in progress.text
    assert dispatched(core) == 0
    digest = steps.find_image(core, commit).digest
    assert steps.verify_image(core, commit, digest).startswith(f"image {digest} is commit {commit[:12]}; scan complete")
    with pytest.raises(PreconditionError, match=r"has image sha256:.* in the registry now, not sha256:000"):
        steps.verify_image(core, commit, f"sha256:{'0' * 64}")


def test_plan_of_an_image_that_is_missing_names_its_builder(core, maps):
    for scene, commit, words in (
        (core, NEWEST, f"workflow {WORKFLOW}"),
        (maps, NEWEST_MAPS, "CodeBuild project districtbuilder-image"),
    ):
        plan, _ = steps.make_plan(scene, commit)
        assert any(words in change.what for change in plan.changes)


def test_beginning_of_a_commit_is_no_commit(core):
    with pytest.raises(PreconditionError, match="is no commit"):
        steps.find_image(core, NEWEST[:7])


# CodeBuild


def test_codebuild_builds_once_over_a_retry_and_is_followed_to_its_image(maps):
    build = start(maps, NEWEST_MAPS)
    assert build["kind"] == CODEBUILD
    assert start(maps, NEWEST_MAPS) == build
    assert (builds(maps), maps.called("codebuild.StartBuild")) == ([build["id"]], 1)
    assert not look(maps, build, NEWEST_MAPS).done
    maps.cloud.advance(420)
    assert look(maps, build, NEWEST_MAPS).done
    assert start(maps, NEWEST_MAPS) == build, "although the image is there now"
    image = steps.find_image(maps, NEWEST_MAPS)
    assert NEWEST_MAPS[:7] in image.tags


def test_build_whose_process_died_before_it_was_kept_is_followed(maps, monkeypatch):
    begin = codebuild.start_build
    with monkeypatch.context() as patch:
        patch.setattr(steps.codebuild, "start_build", dying_after(begin))
        with pytest.raises(KeyboardInterrupt):
            start(maps, NEWEST_MAPS)
    (known,) = builds(maps)
    maps.cloud.advance(310)  # CodeBuild has forgotten the token by now
    assert start(maps, NEWEST_MAPS)["id"] == known
    assert maps.called("codebuild.StartBuild") == 1


def test_build_whose_answers_were_lost_is_started_once(maps):
    fault = maps.inject("lost_answer", times=2, api="codebuild", action="StartBuild")
    with pytest.raises(BotoCoreError):
        start(maps, NEWEST_MAPS)
    assert maps.injected(fault) == 2
    build = start(maps, NEWEST_MAPS)
    assert builds(maps) == [build["id"]]


def test_build_that_failed_is_told_with_its_reason_and_its_log(maps):
    fault = maps.inject("build_fails", phase="BUILD", times=1)
    build = start(maps, NEWEST_MAPS)
    maps.cloud.advance(420)
    with pytest.raises(PreconditionError) as error:
        look(maps, build, NEWEST_MAPS)
    assert maps.injected(fault) == 1
    assert f"Build {build['id']} is FAILED (Error while executing command: docker build" in str(error.value)
    assert build["url"].startswith("https://")
    assert build["url"] in str(error.value)


# A workflow of GitHub


def test_workflow_is_dispatched_once_over_a_retry_and_is_followed_to_its_image(core):
    build = start(core, NEWEST)
    number = str(github.find_run(core.github, WORKFLOW).id)
    assert (build, start(core, NEWEST)) == ({"kind": GITHUB, "id": number, "url": ""},) * 2
    assert dispatched(core) == 1
    assert not look(core, build, NEWEST).done
    core.cloud.advance(QUEUED + 400)
    waits = look(core, build, NEWEST)
    assert (waits.done, "its scan has not begun" in waits.text) == (False, True)
    core.cloud.advance(30)
    waits = look(core, build, NEWEST)
    assert (waits.done, "IN_PROGRESS" in waits.text) == (False, True)
    core.cloud.advance(60)
    assert "scan complete" in look(core, build, NEWEST).text
    assert look(core, build, NEWEST).done


def test_workflow_whose_answer_got_lost_is_dispatched_once(core):
    fault = core.inject("github_lost_answer", times=1)
    with pytest.raises(ServiceUnavailableError):
        start(core, NEWEST)
    assert core.injected(fault) == 1
    build = start(core, NEWEST)
    assert dispatched(core) == 1
    found = github.find_run(core.github, WORKFLOW)
    assert (build["kind"], build["id"], build["url"]) == (GITHUB, str(found.id), found.url)


def test_dispatch_whose_answer_got_lost_is_an_open_question_on_record(core):
    fault = core.inject("github_lost_answer", times=1)
    with pytest.raises(ServiceUnavailableError):
        start(core, NEWEST)
    assert core.injected(fault) == 1
    start(core, NEWEST)
    (text,) = core.texts(RUN, "found")
    assert text.startswith("github.CreateWorkflowDispatch")


def test_dispatch_that_github_refuses_never_began_and_what_others_start_since_is_not_taken_for_it(core):
    workflow = core.github.get_workflow(WORKFLOW)
    assert workflow.disable()
    with pytest.raises(PreconditionError, match="Cannot trigger a 'workflow_dispatch' on a disabled workflow"):
        start(core, NEWEST)
    assert written_intents(list_events(core.store, RUN)) == [], "nothing was changed"
    assert workflow.enable()
    theirs = github.dispatch_workflow(core.github, WORKFLOW, "main", {"commit": BUILT_ONLY}).make()
    build = start(core, NEWEST)
    assert dispatched(core) == 2
    assert build["id"] not in ("", str(theirs))
    assert start(core, NEWEST) == build


def test_dispatch_for_which_github_takes_no_calls_just_now_never_began_either(core):
    dispatch = github.dispatch_workflow
    with pytest.MonkeyPatch.context() as patch:

        def limited(*given):
            core.inject("github_rate_limit", times=1, retry_after=1)  # between the step's reads and its write
            return dispatch(*given)

        patch.setattr(steps.github, "dispatch_workflow", limited)
        with pytest.raises(ServiceUnavailableError, match="takes no more calls for now"):
            start(core, NEWEST)
    assert written_intents(list_events(core.store, RUN)) == []
    theirs = github.dispatch_workflow(core.github, WORKFLOW, "main", {"commit": BUILT_ONLY}).make()
    assert start(core, NEWEST)["id"] not in ("", str(theirs))
    assert dispatched(core) == 2


def test_run_that_somebody_starts_at_the_same_moment_is_not_followed(core):
    dispatch = github.dispatch_workflow
    with pytest.MonkeyPatch.context() as patch:

        def beaten(*given):
            dispatch(core.github, WORKFLOW, "main", {"commit": BUILT_ONLY}).make()
            return dispatch(*given)

        patch.setattr(steps.github, "dispatch_workflow", beaten)
        build = start(core, NEWEST)
    first = github.find_run(core.github, WORKFLOW).id
    assert build["id"] not in ("", str(first)), "GitHub has told which one is ours"


def test_run_that_was_there_before_is_not_taken_for_this_runs_own(core):
    old = github.dispatch_workflow(core.github, WORKFLOW, "main", {"commit": BUILT_ONLY}).make()
    build = start(core, NEWEST)
    assert dispatched(core) == 2
    core.cloud.advance(QUEUED + 400)
    assert github.get_run(core.github, old).status == "completed"
    assert steps.find_image(core, NEWEST) is not None
    assert "image sha256:" in look(core, build, NEWEST).text


def test_workflow_that_failed_is_told_with_its_page(core):
    fault = core.inject("github_workflow_fails", workflow=WORKFLOW, times=1)
    build = start(core, NEWEST)
    core.cloud.advance(QUEUED + 400)
    with pytest.raises(PreconditionError) as error:
        look(core, build, NEWEST)
    assert core.injected(fault) == 1
    url = github.find_run(core.github, WORKFLOW).url
    assert f"Build image ended with failure: {url}; nothing was deployed" in str(error.value)


def test_build_that_ended_well_without_an_image_is_no_success(core):
    build = start(core, NEWEST)
    core.cloud.advance(QUEUED + 400)
    assert not look(core, build, NEWEST).done, "its scan goes on"
    fault = core.inject("image_expired", tag=NEWEST)
    with pytest.raises(PreconditionError, match=f"ended well, but .*/core has no image tagged {NEWEST}"):
        look(core, build, NEWEST)
    assert core.injected(fault) == 1


# The scan


def test_critical_finding_refuses_the_image_before_and_after_its_build(core):
    fault = core.inject("image_scan", severity="CRITICAL", findings=2)
    build = start(core, BUILT_ONLY)
    with pytest.raises(PreconditionError, match=r"has 2 CRITICAL findings .*fix them and build again"):
        look(core, build, BUILT_ONLY)
    digest = steps.find_image(core, BUILT_ONLY).digest
    with pytest.raises(PreconditionError, match="has 2 CRITICAL findings"):
        steps.verify_image(core, BUILT_ONLY, digest)
    assert core.injected(fault) >= 2


def test_scan_that_goes_on_is_waited_for(core):
    fault = core.inject("image_scan", status="IN_PROGRESS")
    progress = look(core, start(core, BUILT_ONLY), BUILT_ONLY)
    assert (progress.done, "is IN_PROGRESS" in progress.text) == (False, True)
    assert core.injected(fault) >= 1


def test_scan_that_failed_is_no_clean_one(core):
    fault = core.inject("image_scan", status="FAILED")
    with pytest.raises(PreconditionError, match="has no finished scan"):
        look(core, start(core, BUILT_ONLY), BUILT_ONLY)
    assert core.injected(fault) >= 1
