"""Services that CodeDeploy deploys on an image's push: by a build to staging, by a pipeline to production, and rolled back."""

import pytest

from tests.support.releasing import definitions, deploy, published, release
from tests.support.scenes import Scene

PUSHED = pytest.mark.stage(strategy="push")
WATCHED = pytest.mark.stage(strategy="push", bake="12h")  # far longer than a journey takes to roll it back


@PUSHED
def test_rollback_by_codedeploy_is_told_from_a_success(scene: Scene):
    newest, older = scene.commits()[:2]
    fault = scene.fault("bluegreen_fails", how="hook")
    failed = deploy(scene, older)
    assert failed.wait(300) == "failed"
    said = failed.log("deploy_services")
    assert "was rolled back from" in said
    assert ":2 to " in said
    assert "Rolled back" in failed.log("record_deployment")
    assert scene.injected(fault) == 1
    assert definitions(scene, "staging") == [f"{scene.name}-staging-app:1"]
    scene.heal(fault)
    run = deploy(scene, newest)
    assert run.wait(300) == "success", run.describe()
    assert definitions(scene, "staging") == [f"{scene.name}-staging-app:3"]


@WATCHED
def test_pipeline_brings_a_release_to_production_and_codedeploy_takes_it_back(scene: Scene):
    before = published(scene)
    run = release(scene)
    run.wait_for_task("verify_deployment", "success")
    assert definitions(scene, "production") == [f"{scene.name}-production-app:2"]
    (version,) = set(published(scene)) - set(before)
    (pipeline,) = [each for each in scene.repository()["runs"] if each["workflow"] == "Production pipeline"]
    assert (pipeline["event"], pipeline["conclusion"]) == ("release", "success"), pipeline
    fault = scene.fault("alarm", "production", name=f"{scene.name}-production-errors")
    asked = run.wait_until_asked("confirm_target_free")
    assert "went back" in asked["subject"], run.describe()
    assert "fired after the release" in asked["body"]
    assert scene.injected(fault) > 0
    assert definitions(scene, "production") == [f"{scene.name}-production-app:1"]
    assert run.answer("The target is free again", "approver", "confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert "Rolled back" in run.log("record_release")
    assert version in published(scene)
    again = scene.start("production_release", "production")
    assert again.wait() == "failed"
    assert "only the push of an image starts its deployment" in again.log("plan_release")
    scene.heal(fault)
    commit = scene.commits()[2]
    forward = scene.start("release_rollback", "production", to=commit)
    forward.approve(task="approve_rollback")
    assert forward.wait(300) == "success", forward.describe()
    assert definitions(scene, "production") == [f"{scene.name}-production-app:2"]
