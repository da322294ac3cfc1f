"""Deployments to staging and releases to production, and how they end if something is wrong."""

import re

import pytest

from tests.support.releasing import (
    RELEASE,
    SHIFTED,
    STAGED,
    WATCHED,
    definitions,
    deploy,
    migrate,
    published,
    refused,
    release,
)
from tests.support.sandbox_client import wait_for
from tests.support.scenes import Scene


@RELEASE
def test_commit_goes_from_its_build_to_staging_to_production(scene: Scene):
    commit, before = scene.commits()[0], published(scene)
    staged = deploy(scene, commit)
    assert staged.wait(300) == "success", staged.describe()
    builds = [each for each in scene.repository()["runs"] if each["inputs"].get("commit") == commit]
    assert [build["workflow"] for build in builds] == ["Build image"]
    run = release(scene)
    assert run.wait(300) == "success", run.describe()
    (version,) = set(published(scene)) - set(before)
    assert version == "v0.6.15"
    services = scene.sandbox.target(f"{scene.name}/production")["services"]
    assert all(definition.endswith(":2") for definition in definitions(scene, "production")), services
    images = scene.aws_of("production", "ecr").describe_images(
        registryId=scene.registry, repositoryName=scene.name, imageIds=[{"imageTag": commit}]
    )["imageDetails"]
    assert any(tag.startswith(f"production-{version}-") for tag in images[0]["imageTags"]), images
    assert run.tasks()["return_services"] == "skipped"
    gone = scene.start("release_rollback", "production", to="production-v0.6.1-20200101000000")
    assert gone.wait() == "failed"
    (there,) = re.findall(r"production-v0\.6\.14-[0-9]{14}", gone.log("plan_rollback"))[:1]
    back = scene.start("release_rollback", "production", to=there)
    back.approve(task="approve_rollback")
    assert back.wait(300) == "success", back.describe()
    assert all(definition.endswith(":1") for definition in definitions(scene, "production"))


@RELEASE
def test_pages_that_are_too_slow_send_staging_back(scene: Scene):
    fault, before = scene.fault("slow_pages", milliseconds=700), definitions(scene, "staging")
    run = deploy(scene, scene.commits()[STAGED])
    assert run.wait(300) == "failed"
    assert "700 ms a request, at most 250 allowed" in run.log("performance.verify_performance")
    assert "Rolled back" in run.log("record_deployment")
    assert scene.injected(fault) > 0
    assert definitions(scene, "staging") == before
    assert scene.lease()["owner"] is None


@RELEASE
def test_migration_that_fails_leaves_every_service_alone_and_is_never_started_again_by_its_run(scene: Scene):
    fault, before = scene.fault("one_off_exits", exit_code=1), definitions(scene, "staging")
    run = deploy(scene, scene.commits()[STAGED])
    assert run.wait(300) == "failed"
    said = run.log("migration.verify_migration")
    assert "container app exited with 1" in said
    assert "An error has occurred" in said
    assert scene.injected(fault) == 1
    assert definitions(scene, "staging") == before
    assert run.tasks()["deploy_services"] == "upstream_failed"


@RELEASE
def test_workers_that_crash_send_the_application_back_as_well(scene: Scene):
    worker, before = scene.service(1)["name"], definitions(scene, "staging")
    fault = scene.fault("bad_image", service=worker)
    run = deploy(scene)
    assert run.wait(300) == "failed"
    assert worker in run.log("deploy_services")
    assert "Rolled back" in run.log("record_deployment")
    assert scene.injected(fault) > 0
    assert definitions(scene, "staging") == before


@RELEASE
def test_image_that_cannot_be_pulled_is_told_with_what_ecs_says_of_the_deployment(scene: Scene):
    app, before = scene.service()["name"], definitions(scene, "staging")
    fault = scene.fault("bad_image", service=app, how="cannot_pull")
    run = deploy(scene)
    assert run.wait(300) == "failed"
    said = run.log("record_deployment")
    assert "deployment failed: tasks failed to start" in said
    assert "Rolled back" in said
    assert scene.injected(fault) > 0
    assert definitions(scene, "staging") == before


@SHIFTED
def test_commit_goes_to_staging_by_blue_green_to_production_by_canary_and_back(scene: Scene):
    staged = deploy(scene)
    assert staged.wait(600) == "success", staged.describe()
    assert "BLUE_GREEN" in staged.log("plan_deployment")
    assert all(definition.endswith(":2") for definition in definitions(scene, "staging"))
    run = release(scene)
    assert run.wait(600) == "success", run.describe()
    assert "CANARY" in run.log("plan_release")
    assert definitions(scene, "production") == [f"{scene.name}-web:2", f"{scene.name}-worker:2"]
    assert run.tasks()["return_services"] == "skipped"
    back = scene.start("release_rollback", "production")
    back.approve(task="approve_rollback")
    assert back.wait(600) == "success", back.describe()
    assert definitions(scene, "production") == [f"{scene.name}-web:1", f"{scene.name}-worker:1"]
    ecs = scene.aws_of("production", "ecs")
    found = ecs.list_service_deployments(cluster=f"{scene.name}-production", service=f"{scene.name}-web")
    assert [deployment["status"] for deployment in found["serviceDeployments"][:2]] == ["SUCCESSFUL", "SUCCESSFUL"]


@RELEASE
def test_commit_with_a_red_check_is_refused(scene: Scene):
    fault = scene.fault("github_checks", state="red")
    run = scene.start("staging_deployment", commit=scene.commits()[0])
    assert "has failed checks" in refused(scene, run, "plan_deployment")
    assert scene.injected(fault) > 0


@WATCHED
def test_alarm_in_the_bake_sends_production_back_and_keeps_it_until_a_person_has_looked(scene: Scene):
    before = definitions(scene, "production")
    run = release(scene)
    run.wait_for_task("verify_deployment", "success")
    fault = scene.fault("alarm", "production", name=f"{scene.name}-production-errors")
    asked = run.wait_until_asked("confirm_target_free")
    assert "went back" in asked["subject"]
    assert "fired after the release" in asked["body"]
    assert scene.injected(fault) > 0
    assert definitions(scene, "production") == before
    tickets = scene.sandbox.control.get("/jira").raise_for_status().json()
    assert "Release-went-back" in str(tickets)
    waiting = scene.start("service_restart", "production")
    waiting.approve()
    wait_for("the other run to wait", lambda: waiting.tasks()["acquire_lock"] == "up_for_reschedule")
    lease = scene.sandbox.target(f"{scene.name}/production")["lease"]
    assert "fired after the release" in lease["kept"]
    assert run.answer("The target is free again", "approver", "confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert "Rolled back" in run.log("record_release")
    assert waiting.wait(300) == "success", waiting.describe()


@WATCHED
def test_person_who_aborts_a_release_sends_every_service_back(scene: Scene):
    before = definitions(scene, "production")
    run = release(scene)
    run.wait_for_task("await_bake", "up_for_reschedule")
    run.mark("await_bake", "failed")
    asked = run.wait_until_asked("confirm_target_free")
    assert "went back" in asked["subject"]
    assert definitions(scene, "production") == before
    assert run.answer("The target is free again", "approver", "confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert "Rolled back: a step failed, or was ended by hand; look at it; gone back: " in run.log("record_release")


@WATCHED
def test_release_that_is_marked_as_failed_half_way_keeps_the_target_until_a_person_has_looked(scene: Scene):
    run = release(scene)
    run.wait_for_task("await_bake", "up_for_reschedule")
    run.mark_failed()
    run.wait_for_task("record_release", "failed")
    lease = scene.sandbox.target(f"{scene.name}/production")["lease"]
    assert "ended by hand half way" in lease["kept"]
    run.clear("confirm_target_free")
    asked = run.wait_until_asked("confirm_target_free")
    assert "did not go back" in asked["subject"]
    assert run.answer("The target is free again", "approver", "confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert scene.sandbox.target(f"{scene.name}/production")["lease"]["owner"] is None


@RELEASE
def test_production_waits_while_staging_is_deployed_or_a_pipeline_runs(scene: Scene):
    held = scene.fault("github_workflow_running", workflow="staging_pipeline.yml")
    slow = scene.fault("one_off_slow", seconds=7200)
    staging = deploy(scene, scene.commits()[STAGED])
    staging.wait_for_task("migration.await_task_stopped", "deferred")
    run = scene.start("production_release", "production")
    run.wait_for_task("await_staging", "up_for_reschedule")
    text = run.log("await_staging")
    assert "waits for staging_deployment/" in text
    assert "; Staging pipeline of " in text
    scene.heal(slow)
    scene.heal(held)
    assert staging.wait(300) == "success", staging.describe()
    run.wait_until_asked("approve_release")


@RELEASE
@pytest.mark.parametrize(
    ("conf", "why"),
    [
        ({"version": "v0.6.14"}, "Version v0.6.14 exists already"),
        ({"version": "v0.6.2"}, "exists already"),
        ({"version": "v0.5.9"}, "is lower than the last one, v0.6.14"),
    ],
)
def test_version_that_is_not_the_next_is_refused(scene: Scene, conf: dict[str, str], why: str):
    run = scene.start("production_release", "production", **conf)
    assert why in refused(scene, run, "plan_release")


@RELEASE
def test_commit_that_staging_has_not_proved_is_refused(scene: Scene):
    run = scene.start("production_release", "production", commit=scene.commits()[STAGED + 2])
    assert "No staging deployment of image" in refused(scene, run, "plan_release")
    run = scene.start("production_release", "production", commit=scene.commits()[0])
    assert "has no image tagged" in refused(scene, run, "plan_release")


@RELEASE
def test_image_with_a_critical_finding_is_refused(scene: Scene):
    fault = scene.fault("image_scan", "production", severity="CRITICAL")
    run = scene.start("production_release", "production")
    assert "CRITICAL findings" in refused(scene, run, "plan_release")
    assert scene.injected(fault) > 0


@RELEASE
def test_external_services_that_are_away_cost_a_release_no_more_than_its_tickets(scene: Scene):
    jira = scene.fault("jira_down", "production")
    slack = scene.fault("slack_down", "production")
    github = scene.fault("github_error", "production", times=3)
    limited = scene.fault("github_rate_limit", "production", times=1, retry_after=2)
    sentry = scene.fault("sentry_down", "production")
    run = release(scene)
    assert run.wait(300) == "success", run.describe()
    assert "is not known to be changed" in run.log("move_tickets")
    assert [scene.injected(each) > 0 for each in (jira, slack, github, limited, sentry)] == [True] * 5


@RELEASE
def test_migration_by_itself_is_made_once(scene: Scene):
    run = migrate(scene)
    assert run.wait() == "success", run.describe()
    again = migrate(scene)
    assert again.wait() == "success", again.describe()
    assert "has made it" in again.log("plan_migration")
    assert scene.writes().count("RunTask") == 1


@RELEASE
def test_image_is_published_once(scene: Scene):
    commit = scene.commits()[0]
    for _ in range(2):
        run = scene.start("image_publication", commit=commit)
        run.approve(task="approve_publication")
        assert run.wait() == "success", run.describe()
        assert f"is commit {commit[:12]}" in run.log("image.verify_image")
    builds = [each for each in scene.repository()["runs"] if each["inputs"].get("commit") == commit]
    assert len(builds) == 1
