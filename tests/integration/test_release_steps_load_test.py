"""The performance test of a release: it runs once a run, and its output is judged."""

import pytest
from botocore.exceptions import BotoCoreError

from include.errors import BakeFailedError, MigrationFailedError
from include.releases.load_test import steps
from include.releases.waiters import WAITERS
from tests.support.release_scene import NEXT, RUN

CORE, AD_HOC = "core/staging", "core-staging-ad-hoc"


class LoadTestScene:
    def __init__(self, scene):
        self.scene = scene
        found = scene.clients.ecs.describe_task_definition(taskDefinition=AD_HOC)
        self.definition = found["taskDefinition"]["taskDefinitionArn"]
        self.command = scene.target.release.performance.command

    def start(self, run=RUN):
        return steps.start_load_test(self.scene.step(run), self.command, self.definition)

    def verify(self, arn):
        return steps.verify_load_test(self.scene, arn, self.definition)

    def tasks(self):
        return self.scene.clients.ecs.list_tasks(cluster="core-staging-app", family=AD_HOC)["taskArns"]


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


@pytest.fixture
def made(scene):
    return LoadTestScene(scene)


def test_test_is_started_once_a_run_and_passes_with_what_it_measured(scene, made):
    arn = made.start()
    assert made.start() == arn
    assert (made.tasks(), scene.called("ecs.RunTask")) == ([arn], 1)
    arguments = {"cluster": "core-staging-app", "arn": arn, "container": "app"}
    assert not WAITERS["task_stopped"](scene.clients, arguments, None).done
    scene.cloud.advance(120)
    assert WAITERS["task_stopped"](scene.clients, arguments, None).done
    text = made.verify(arn)
    pages = [threshold.path for threshold in scene.target.release.performance.thresholds]
    assert len(pages) == 5
    assert all(f"{page}: " in text for page in pages)
    assert made.start(NEXT) != arn, "another run measures anew"


def test_test_whose_process_died_before_it_was_kept_is_not_started_twice(scene, made, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt("the process is killed here")

    with monkeypatch.context() as patch:
        patch.setattr(steps, "read_start", killed)
        with pytest.raises(KeyboardInterrupt):
            made.start()
    arn = made.start()
    assert (made.tasks(), scene.called("ecs.RunTask")) == ([arn], 2)


def test_test_whose_answers_were_lost_is_not_started_twice(scene, made):
    fault = scene.inject("lost_answer", times=2, api="ecs", action="RunTask")
    with pytest.raises(BotoCoreError):
        made.start()
    assert scene.injected(fault) == 2
    arn = made.start()
    assert made.tasks() == [arn]


def test_test_that_could_not_be_placed_may_be_started_again(scene, made):
    fault = scene.inject("one_off_cannot_be_placed", times=1)
    with pytest.raises(MigrationFailedError, match="ECS could not place the task"):
        made.start()
    assert scene.injected(fault) == 1
    arn = made.start()
    assert made.tasks() == [arn]


def test_slow_pages_fail_the_gate_with_both_figures(scene, made):
    fault = scene.inject("slow_pages", milliseconds=700)
    arn = made.start()
    scene.cloud.advance(120)
    with pytest.raises(BakeFailedError, match="/lettings-logs: 700 ms a request, at most 250 allowed"):
        made.verify(arn)
    assert scene.injected(fault) == 1


def test_test_that_ended_with_an_error_measured_nothing(scene, made):
    fault = scene.inject("one_off_exits", exit_code=2, times=1)
    arn = made.start()
    scene.cloud.advance(120)
    with pytest.raises(BakeFailedError, match="the test exited with 2"):
        made.verify(arn)
    assert scene.injected(fault) == 1


def test_test_that_still_runs_or_is_forgotten_proves_nothing(scene, made):
    arn = made.start()
    with pytest.raises(BakeFailedError, match="the test exited with no exit code; /lettings-logs was not measured"):
        made.verify(arn)
    scene.cloud.advance(2 * 3600)
    with pytest.raises(MigrationFailedError, match="AWS does not know the test's task"):
        made.verify(arn)
