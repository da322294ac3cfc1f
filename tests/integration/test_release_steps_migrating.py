"""The steps of a migration: one task, whatever answer is lost, and its end on record."""

import json

import pytest
from botocore.exceptions import BotoCoreError

from include.errors import LeaseLostError, MigrationFailedError, PreconditionError
from include.releases.migration import steps
from include.releases.migration.rules import started_by
from include.releases.migration.steps import MigrationRequest
from include.releases.waiters import WAITERS
from include.run.migration_attempts import list_attempts
from tests.support.release_scene import NEXT, RUN, dying_after

CORE, MAPS = "core/staging", "districtbuilder/staging"
CLUSTER = "core-staging-app"


class Migrating:
    """A migration through its steps: planned once, then started, waited for, verified."""

    def __init__(self, scene, **wish):
        self.scene = scene
        self.plan, _ = steps.make_plan(scene, MigrationRequest(**{"preset": "migrate", **wish}))
        self.migration = self.plan.migration

    def start(self, run=RUN, migration=None):
        scene = self.scene
        ctx = scene.step(run)
        return steps.start(ctx, migration or self.migration, self.plan.definition)

    def verify(self, attempt, run=RUN, end=None):
        scene = self.scene
        return steps.verify(scene.step(run), self.migration, self.plan.definition, attempt, end)

    def watch(self, attempt):
        cluster = self.scene.target.environment.cluster
        arguments = {"cluster": cluster, "arn": attempt["arn"], "container": self.migration.container}
        return WAITERS["task_stopped"](self.scene.clients, arguments, None)

    def tasks(self):
        """Return the ARNs of all tasks of this migration that AWS knows."""
        return [
            each.arn
            for each in steps.one_off_tasks.list_started(
                self.scene.clients.ecs,
                str(self.scene.target.environment.cluster),
                self.migration.family,
                started_by(self.migration.key),
            )
        ]

    def attempts(self):
        return list_attempts(self.scene.store, self.scene.target.name, self.migration.key)

    def ends(self):
        documents = self.scene.store.list(f"target#{self.scene.target.name}", f"migration#{self.migration.key}#")
        return [each for each in documents if "outcome" in each]


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


@pytest.fixture
def made(scene):
    return Migrating(scene)


def killed(*_):
    raise KeyboardInterrupt("the process is killed here")


# Started once


def test_second_start_of_a_run_follows_the_task_of_the_first(scene, made):
    first = made.start()
    assert made.start() == first
    scene.cloud.advance(120)
    assert made.start() == {**first, "over": True}
    assert scene.called("ecs.RunTask") == 1
    assert made.tasks() == [first["arn"]]


def test_task_whose_process_died_before_its_arn_was_kept_is_found_again(scene, made, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(steps, "keep_arn", killed)
        with pytest.raises(KeyboardInterrupt):
            made.start()
    (open_attempt,) = made.attempts()
    assert (open_attempt.run, open_attempt.arn) == (RUN, "")
    found = made.start()
    assert made.tasks() == [found["arn"]]
    assert [(each.number, each.arn) for each in made.attempts()] == [(1, found["arn"])]
    assert scene.called("ecs.RunTask") == 1


def test_task_that_ended_well_while_the_process_was_dead_is_found_and_not_made_again(scene, made, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(steps, "keep_arn", killed)
        with pytest.raises(KeyboardInterrupt):
            made.start()
    scene.cloud.advance(120)
    found = made.start()
    assert (found["number"], scene.called("ecs.RunTask")) == (1, 1)
    assert "exited with 0" in made.verify(found)


def test_one_lost_answer_is_repeated_with_the_same_token_and_starts_one_task(scene, made):
    fault = scene.inject("lost_answer", times=1, api="ecs", action="RunTask")
    found = made.start()
    assert (scene.injected(fault), scene.called("ecs.RunTask")) == (1, 2)
    assert made.tasks() == [found["arn"]]


def test_task_whose_every_answer_was_lost_is_found_by_the_retry_and_said_to_be_made(scene, made):
    fault = scene.inject("lost_answer", times=2, api="ecs", action="RunTask")
    with pytest.raises(BotoCoreError):
        made.start()
    assert scene.injected(fault) == 2
    found = made.start()
    assert made.tasks() == [found["arn"]]
    assert scene.called("ecs.RunTask") == 2
    (text,) = scene.texts(RUN, "found")
    assert text.endswith("no answer was noted; AWS shows that it was made")


# Refused and failed


def test_task_that_is_not_placed_fails_the_attempt_and_the_run_never_tries_it_again(scene, made):
    fault = scene.inject("one_off_cannot_be_placed", times=1)
    with pytest.raises(MigrationFailedError, match=r"ECS could not place the task .*so nothing was migrated"):
        made.start()
    assert scene.injected(fault) == 1
    (attempt,) = made.attempts()
    assert (attempt.outcome, attempt.arn, attempt.exit_code) == ("failed", "", None)
    with pytest.raises(MigrationFailedError, match="one run never starts it twice"):
        made.start()
    assert made.tasks() == []
    assert made.start(NEXT)["number"] == 2, "another run was approved anew"
    assert len(made.tasks()) == 1


def test_failed_command_is_told_with_the_first_error_of_its_log_and_its_end_is_on_record(scene, made):
    fault = scene.inject("one_off_exits", exit_code=1, times=1)
    attempt = made.start()
    assert not made.watch(attempt).done
    scene.cloud.advance(120)
    assert made.watch(attempt).done, "however it ended: the next step judges"
    for _ in range(2):
        with pytest.raises(MigrationFailedError) as error:
            made.verify(attempt)
    assert scene.injected(fault) == 1
    assert "container app exited with 1" in str(error.value)
    assert "Its log says: first error: StandardError: An error has occurred" in str(error.value)
    (end,) = made.ends()
    assert (end["outcome"], end["exit_code"]) == ("failed", 1)
    with pytest.raises(MigrationFailedError, match="has failed already"):
        made.start()
    assert scene.called("ecs.RunTask") == 1


def test_task_that_still_runs_proves_nothing(scene, made):
    attempt = made.start()
    with pytest.raises(MigrationFailedError, match="is not proved to have ended"):
        made.verify(attempt)
    assert made.ends() == []


# Ended well


def test_task_that_aws_has_forgotten_is_proved_by_its_record(scene, made):
    attempt = made.start()
    scene.cloud.advance(120)
    assert "exited with 0" in made.verify(attempt)
    scene.cloud.advance(2 * 3600)
    assert made.tasks() == [], "AWS knows a stopped task for an hour"
    assert made.verify(attempt, NEXT) == f"`bundle exec rake db:migrate` was made before, by {RUN}"


def test_task_that_aws_has_forgotten_and_nobody_saw_end_is_no_proof(scene, made):
    attempt = made.start()
    scene.cloud.advance(2 * 3600)
    assert made.tasks() == []
    with pytest.raises(MigrationFailedError, match=r"AWS does not know task .* any more"):
        made.verify(attempt)
    with pytest.raises(MigrationFailedError, match="AWS has forgotten which"):
        made.start(NEXT)


@pytest.mark.parametrize("exit_code", [0, 1])
def test_task_whose_end_the_wait_has_seen_is_judged_by_that_when_aws_has_forgotten_it(scene, made, exit_code):
    if exit_code:
        scene.inject("one_off_exits", exit_code=exit_code)
    attempt = made.start()
    scene.cloud.advance(120)
    end = json.loads(json.dumps(made.watch(attempt).end))
    scene.cloud.advance(2 * 3600)
    assert made.tasks() == []
    if exit_code:
        with pytest.raises(MigrationFailedError, match="container app exited with 1"):
            made.verify(attempt, end=end)
    else:
        assert "exited with 0" in made.verify(attempt, end=end)
    assert [each["outcome"] for each in made.ends()] == ["failed" if exit_code else "succeeded"]


def test_another_run_of_the_same_image_is_done_unless_it_is_asked_for_again(scene, made):
    attempt = made.start()
    scene.cloud.advance(120)
    made.verify(attempt)
    assert made.start(NEXT) == {**attempt, "over": True}
    assert Migrating(scene).plan.changes == ()
    again = Migrating(scene, again=True)
    assert len(again.plan.changes) == 1
    second = again.start(NEXT)
    assert (second["number"], second["arn"] != attempt["arn"]) == (2, True)
    assert again.start(NEXT) == second
    scene.cloud.advance(120)
    again.verify(second, NEXT)
    assert again.start(NEXT) == {**second, "over": True}, "one run never repeats it"
    assert scene.called("ecs.RunTask") == 2


def test_run_without_the_lease_starts_nothing(scene, made):
    old = scene.step(RUN)
    scene.step(NEXT)
    with pytest.raises(LeaseLostError):
        steps.start(old, made.migration, made.plan.definition)
    assert (made.tasks(), scene.called("ecs.RunTask")) == ([], 0)


# Its surroundings


def test_network_of_the_inventory_is_found_by_the_name_of_its_subnets(scene_of):
    scene = scene_of(MAPS)
    made = Migrating(scene)
    found = steps.find_network(scene, made.migration)["awsvpcConfiguration"]
    assert (len(found["subnets"]), found["securityGroups"], found["assignPublicIp"]) == (
        2,
        ["sg-22222221"],
        "DISABLED",
    )
    made.start()
    assert len(made.tasks()) == 1


def test_snapshot_is_made_once_a_run_and_waited_for(scene):
    made = Migrating(scene, snapshot=True)
    assert made.migration.snapshot == "core-staging"
    make = lambda run: steps.make_snapshot(scene.step(run), made.migration)  # noqa: E731
    name = make(RUN)
    look = lambda: WAITERS["snapshot_available"](scene.clients, {"snapshot": name}, None)  # noqa: E731
    assert not look().done
    assert make(RUN) == name
    assert scene.called("rds.CreateDBSnapshot") == 1
    scene.cloud.advance(600)
    assert look().done
    assert make(RUN) == name
    assert scene.called("rds.CreateDBSnapshot") == 1
    assert make(NEXT) != name
    assert scene.called("rds.CreateDBSnapshot") == 2


def test_snapshot_of_a_process_that_died_is_found_and_not_asked_for_again(scene, monkeypatch):
    made, create = Migrating(scene, snapshot=True), steps.rds.create_snapshot
    with monkeypatch.context() as patch:
        patch.setattr(steps.rds, "create_snapshot", dying_after(create))
        with pytest.raises(KeyboardInterrupt):
            steps.make_snapshot(scene.step(), made.migration)
    name = steps.make_snapshot(scene.step(), made.migration)
    assert scene.called("rds.CreateDBSnapshot") == 1
    (text,) = scene.texts(RUN, "found")
    assert name in text
    assert text.endswith("AWS shows that it was made")


def test_snapshot_that_fails_or_is_gone_lets_nothing_be_migrated(scene):
    made = Migrating(scene, snapshot=True)
    fault = scene.inject("snapshot_fails")
    name = steps.make_snapshot(scene.step(), made.migration)
    scene.cloud.advance(600)
    with pytest.raises(MigrationFailedError, match=f"Snapshot {name} is failed, so nothing was migrated"):
        WAITERS["snapshot_available"](scene.clients, {"snapshot": name}, None)
    assert scene.injected(fault) == 1
    with pytest.raises(MigrationFailedError, match="RDS has no snapshot nothing any more"):
        WAITERS["snapshot_available"](scene.clients, {"snapshot": "nothing"}, None)


def test_no_snapshot_is_made_where_none_was_asked_for(scene, made):
    assert steps.make_snapshot(scene.step(), made.migration) == ""
    assert scene.called("rds.CreateDBSnapshot") == 0


def test_image_that_left_the_registry_is_refused_before_anything_starts(scene):
    with pytest.raises(PreconditionError, match="is not in the registry any more"):
        steps.resolve_digest(scene, "core:nothing")
