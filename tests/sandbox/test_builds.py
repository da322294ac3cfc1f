"""Builds of the simulated CodeBuild: through their phases to an image, or to the phase that failed."""

import pytest
from botocore.exceptions import ClientError

from sandbox.commits import COMMITS, STAGED, commit_sha

MAPS, HOUSING, PROJECT = "districtbuilder/staging", "core/staging", "districtbuilder-image"
NEWEST = commit_sha("example-maps/districtbuilder", COMMITS)
BUILT = commit_sha("example-maps/districtbuilder", STAGED)


@pytest.fixture
def codebuild(cloud):
    return cloud.client("codebuild")


def inject(control, kind, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": MAPS, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def start(codebuild, commit=NEWEST, **more):
    return codebuild.start_build(projectName=PROJECT, sourceVersion=commit, **more)["build"]["id"]


def look(codebuild, name):
    (build,) = codebuild.batch_get_builds(ids=[name])["builds"]
    return build


def images(cloud, tag):
    wanted = [{"imageTag": tag}]
    return cloud.client("ecr").batch_get_image(repositoryName="districtbuilder", imageIds=wanted)["images"]


def phases(build):
    return {phase["phaseType"]: phase.get("phaseStatus") for phase in build["phases"]}


def test_build_passes_its_phases_and_leaves_an_image_with_the_commits_tag(cloud, codebuild):
    name = start(codebuild)
    build = look(codebuild, name)
    assert (build["buildStatus"], build["currentPhase"], build["buildComplete"]) == ("IN_PROGRESS", "SUBMITTED", False)
    cloud.advance(120)
    build = look(codebuild, name)
    assert (build["currentPhase"], build["resolvedSourceVersion"]) == ("BUILD", NEWEST)
    assert images(cloud, NEWEST[:7]) == []
    cloud.advance(300)
    build = look(codebuild, name)
    assert (build["buildStatus"], build["currentPhase"], build["buildComplete"]) == ("SUCCEEDED", "COMPLETED", True)
    assert set(phases(build).values()) == {"SUCCEEDED", None}
    assert (build["endTime"] - build["startTime"]).total_seconds() == 345
    assert len(images(cloud, NEWEST[:7])) == 1
    assert images(cloud, NEWEST) == []
    found = cloud.client("logs").filter_log_events(logGroupName=build["logs"]["groupName"], filterPattern="POST_BUILD")
    assert [event["message"] for event in found["events"]] == [
        "[Container] Phase complete: POST_BUILD State: SUCCEEDED"
    ]


def test_token_starts_one_build_for_five_minutes(cloud, codebuild):
    first = start(codebuild, idempotencyToken="once")
    assert start(codebuild, idempotencyToken="once") == first
    with pytest.raises(ClientError, match=r"InvalidInputException.*other parameters"):
        start(codebuild, BUILT, idempotencyToken="once")
    cloud.advance(301)
    second = start(codebuild, idempotencyToken="once")
    assert second != first
    assert codebuild.list_builds_for_project(projectName=PROJECT)["ids"] == [second, first]


def test_commit_that_is_built_already_cannot_be_pushed_again(cloud, codebuild):
    before = images(cloud, BUILT[:7])
    name = start(codebuild, BUILT)
    cloud.advance(600)
    build = look(codebuild, name)
    (failed,) = [phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"]
    assert (build["buildStatus"], failed["phaseType"]) == ("FAILED", "POST_BUILD")
    assert "cannot be overwritten because the repository is immutable" in failed["contexts"][0]["message"]
    assert images(cloud, BUILT[:7]) == before


def test_unknown_branch_fails_when_the_source_is_fetched(cloud, codebuild):
    name = start(codebuild, "no-such-branch")
    cloud.advance(120)
    build = look(codebuild, name)
    assert (build["buildStatus"], phases(build)["DOWNLOAD_SOURCE"]) == ("FAILED", "FAILED")
    assert "BUILD" not in phases(build)


@pytest.mark.parametrize("phase", ["DOWNLOAD_SOURCE", "BUILD", "POST_BUILD"])
def test_failed_build_names_its_phase_and_leaves_no_image(cloud, control, codebuild, phase):
    fault = inject(control, "build_fails", phase=phase, times=1)
    name = start(codebuild)
    assert injected(control, fault) == 0
    cloud.advance(600)
    build = look(codebuild, name)
    assert (build["buildStatus"], phases(build)[phase]) == ("FAILED", "FAILED")
    assert next(each for each in build["phases"] if each["phaseType"] == phase)["contexts"][0]["message"]
    assert (images(cloud, NEWEST[:7]), injected(control, fault)) == ([], 1)
    name = start(codebuild)
    cloud.advance(600)
    assert (look(codebuild, name)["buildStatus"], injected(control, fault)) == ("SUCCEEDED", 1)


def test_slow_build_is_counted_once_it_is_late(cloud, control, codebuild):
    fault = inject(control, "build_slow", factor=3)
    name = start(codebuild)
    cloud.advance(290)
    assert injected(control, fault) == 0
    cloud.advance(60)
    assert (look(codebuild, name)["currentPhase"], injected(control, fault)) == ("BUILD", 1)
    cloud.advance(600)
    assert (look(codebuild, name)["buildStatus"], injected(control, fault)) == ("SUCCEEDED", 1)


def test_build_that_outlasts_its_time_out_is_ended(cloud, control, codebuild):
    inject(control, "build_slow", factor=100)
    name = start(codebuild)
    cloud.advance(3500)
    assert look(codebuild, name)["buildStatus"] == "IN_PROGRESS"
    cloud.advance(200)
    build = look(codebuild, name)
    assert (build["buildStatus"], phases(build)["BUILD"]) == ("TIMED_OUT", "TIMED_OUT")
    assert images(cloud, NEWEST[:7]) == []


def test_stopped_build_leaves_no_image(cloud, codebuild):
    name = start(codebuild)
    cloud.advance(60)
    codebuild.stop_build(id=name)
    cloud.advance(600)
    assert (look(codebuild, name)["buildStatus"], images(cloud, NEWEST[:7])) == ("STOPPED", [])


def test_unknown_projects_and_builds_are_told(codebuild):
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*Project cannot be found"):
        codebuild.start_build(projectName="nothing")
    assert codebuild.batch_get_builds(ids=["nothing:1"])["buildsNotFound"] == ["nothing:1"]


def test_calls_that_begin_or_end_a_build_are_writes(cloud, codebuild):
    name = start(codebuild)
    look(codebuild, name)
    codebuild.stop_build(id=name)
    made = [(call.action, call.mutates) for call in cloud.application.calls if call.service == "codebuild"]
    assert made == [("StartBuild", True), ("BatchGetBuilds", False), ("StopBuild", True)]


def test_fault_of_builds_needs_a_project(control):
    answer = control.post("/faults", json={"kind": "build_fails", "target": HOUSING})
    assert "core/staging has no project of CodeBuild" in answer.get_json()["error"]
