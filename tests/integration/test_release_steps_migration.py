"""The steps of a migration: one task, whatever answer is lost, and its end on record."""

import json

import pytest
from botocore.exceptions import BotoCoreError

from include.errors import (
    LeaseLostError,
    MigrationFailedError,
    PreconditionError,
    RefusedError,
    ServiceUnavailableError,
)
from include.releases.migration import steps
from include.releases.migration.request import MigrationRequest
from include.releases.migration.rules import started_by
from include.releases.waiters import WAITERS
from include.run.journal import list_events, written_intents
from include.run.migration_attempts import list_attempts
from sandbox.aws.services.ecr.model import Repository, make_manifest
from tests.support.release_scene import NEXT, RUN, dying_after

CORE, MAPS = "core/staging", "districtbuilder/staging"
CLUSTER = "core-staging-app"


class MigrationScene:
    """A migration through its steps: planned once, then started, waited for, verified."""

    def __init__(self, scene, **request):
        self.scene = scene
        self.plan, _ = steps.make_plan(scene, MigrationRequest(**{"preset": "migrate", **request}))
        self.migration = self.plan.migration

    def start(self, run=RUN, migration=None):
        scene = self.scene
        ctx = scene.step(run)
        return steps.start(ctx, migration or self.migration, self.plan.definition, self.plan.image)

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
        return [document for document in documents if "outcome" in document]


@pytest.fixture
def scene(scene_of):
    return scene_of(CORE)


@pytest.fixture
def made(scene):
    return MigrationScene(scene)


def define(scene, app, *others):
    """Register the target's newest one-off definition anew, its command's container changed, beside other containers."""
    ecs = scene.cloud.client("ecs", scene.target.name)
    found = ecs.describe_task_definition(taskDefinition=scene.target.environment.one_off.family)["taskDefinition"]
    kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory")
    containers = [{**found["containerDefinitions"][0], **app}, *others]
    ecs.register_task_definition(containerDefinitions=containers, **{name: found[name] for name in kept})


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
    assert [(attempt.number, attempt.arn) for attempt in made.attempts()] == [(1, found["arn"])]
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


def test_start_that_aws_refuses_never_began_and_another_run_may_start_it_once_it_is_allowed(scene, made):
    fault = scene.inject("access_denied", api="ecs", action="RunTask")
    with pytest.raises(RefusedError, match=r"^AWS refuses RunTask \(AccessDeniedException: .*give the role"):
        made.start()
    assert scene.called("ecs.RunTask") == 1, "a refusal is not tried again"
    assert [(end["number"], end["outcome"]) for end in made.ends()] == [(1, "refused")]
    kept = written_intents(list_events(scene.store, RUN))
    assert [each["write"]["action"] for each in kept] == ["RegisterTaskDefinition"], "nothing else was changed"
    scene.control.delete(f"/faults/{fault}")
    assert MigrationScene(scene).plan.changes, "nothing blocks it"
    found = made.start(NEXT)
    assert (found["number"], made.tasks()) == (2, [found["arn"]])


def test_start_refused_after_a_lost_answer_follows_the_task_that_was_started(scene, made):
    lost = scene.inject("lost_answer", times=1, api="ecs", action="RunTask")

    def deny(**_):
        if scene.injected(lost):
            events.unregister("before-send.ecs.RunTask", deny)
            denied.append(scene.inject("access_denied", api="ecs", action="RunTask"))

    denied, events = [], scene.clients.ecs.meta.events
    events.register("before-send.ecs.RunTask", deny)
    with pytest.raises(
        ServiceUnavailableError, match=r"AWS refuses RunTask .* It was sent 2 times, so it is looked for"
    ):
        made.start()
    assert (len(denied), made.ends()) == (1, [])
    found = made.start()
    assert made.tasks() == [found["arn"]]
    assert [(attempt.number, attempt.arn) for attempt in made.attempts()] == [(1, found["arn"])]


def test_network_that_is_gone_leaves_no_attempt_behind(scene, made, monkeypatch):
    gone = made.migration.model_copy(update={"network_of": "nothing"})
    with pytest.raises(PreconditionError, match=r"^Service nothing of cluster core-staging-app has no network"):
        made.start(migration=gone)
    assert made.attempts() == []
    assert made.start(NEXT)["number"] == 1


def test_run_that_lost_the_lease_just_before_the_start_has_begun_nothing(scene, made):
    pinned = steps.pin(scene.step(RUN), made.migration, made.plan.definition, made.plan.image)
    ctx = scene.step(RUN)
    ctx.writer.check = lambda: (_ for _ in ()).throw(LeaseLostError("leased to another"))
    with pytest.raises(LeaseLostError):
        steps.start(ctx, made.migration, pinned, made.plan.image)
    assert [attempt.outcome for attempt in made.attempts()] == ["refused"]
    assert made.start(NEXT)["number"] == 2


def test_plan_refuses_what_would_keep_the_migration_from_being_started(scene, made):
    made.start(NEXT)
    scene.cloud.advance(2 * 3600)
    with pytest.raises(PreconditionError, match=r"AWS has forgotten which; .* give 'again' to database_migration\.$"):
        MigrationScene(scene)
    assert MigrationScene(scene, again=True).plan.changes


def test_end_that_its_own_run_never_recorded_is_recorded_by_the_next_while_aws_knows_it(scene, made):
    scene.inject("one_off_exits", exit_code=3, times=1)
    made.start()
    scene.cloud.advance(120)
    assert made.start(NEXT)["number"] == 2
    scene.cloud.advance(120)
    assert [(attempt.number, attempt.outcome, attempt.exit_code) for attempt in made.attempts()] == [
        (1, "failed", 3),
        (2, "", None),
    ]


def test_definition_whose_command_is_not_essential_is_refused_by_the_plan(scene):
    define(scene, {"essential": False}, {"name": "proxy", "image": "public.ecr.aws/x/proxy:1", "memory": 64})
    with pytest.raises(
        PreconditionError, match=r"^Container app of task definition core-staging-ad-hoc is not essential"
    ):
        MigrationScene(scene)


@pytest.mark.parametrize(
    ("fault", "fields", "sentence"),
    [
        ("snapshot_quota", {"max": 0}, r"^This account has 0 manual snapshots of databases and may have 0; delete"),
        ("database_in_cluster", {}, r"^Database instance core-staging is a member of cluster aurora, of which RDS"),
    ],
)
def test_snapshot_that_rds_would_refuse_is_refused_by_the_plan(scene, fault, fields, sentence):
    MigrationScene(scene, snapshot=True)
    struck = scene.inject(fault, **fields)
    with pytest.raises(PreconditionError, match=sentence):
        MigrationScene(scene, snapshot=True)
    assert scene.injected(struck) >= 1
    assert MigrationScene(scene).plan.changes, "without a snapshot it is no matter"


def test_quota_that_is_reached_after_the_approval_is_one_sentence_and_not_tried_again(scene):
    made = MigrationScene(scene, snapshot=True)
    scene.inject("snapshot_quota", max=0)
    with pytest.raises(
        RefusedError, match=r"SnapshotQuotaExceeded: Cannot create more than 0 manual snapshots\); remove"
    ):
        steps.make_snapshot(scene.step(), made.migration)
    assert scene.called("rds.CreateDBSnapshot") == 1


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


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        (
            "one_off_exits",
            {"exit_code": 0, "reason": "OutOfMemoryError: Container killed due to memory usage"},
            r"container app exited with 0 \(OutOfMemoryError: Container killed due to memory usage\)",
        ),
        (
            "one_off_sidecar",
            {"name": "proxy", "essential": "yes", "exit_code": 137},
            r"container proxy exited with 137 \(killed.*and the command may have been ended with it half way",
        ),
    ],
)
def test_exit_code_0_of_a_command_that_may_have_been_ended_half_way_is_no_success(scene, kind, fields, sentence):
    fault = scene.inject(kind, **fields)
    made = MigrationScene(scene)
    attempt = made.start()
    scene.cloud.advance(120)
    with pytest.raises(MigrationFailedError, match=sentence):
        made.verify(attempt)
    assert scene.injected(fault) == 1
    assert [(end["outcome"], end["exit_code"]) for end in made.ends()] == [("failed", 0)]
    with pytest.raises(MigrationFailedError, match="one run never starts it twice"):
        made.start()


def test_agent_that_is_not_essential_may_end_as_it_likes_and_its_end_is_told(scene):
    fault = scene.inject("one_off_sidecar", exit_code=2)
    made = MigrationScene(scene)
    attempt = made.start()
    scene.cloud.advance(120)
    assert made.verify(attempt).endswith("; container agent exited with 2 (see its log), which is not essential")
    assert scene.injected(fault) == 1
    assert made.start(NEXT) == {**attempt, "over": True}


@pytest.mark.parametrize("exit_code", [0, 1])
def test_verdict_is_on_record_although_the_log_cannot_be_read(scene, made, exit_code):
    if exit_code:
        scene.inject("one_off_exits", exit_code=exit_code)
    attempt = made.start()
    scene.cloud.advance(120)
    denied = scene.inject("access_denied", api="logs")
    if exit_code:
        with pytest.raises(
            MigrationFailedError, match=r"exited with 1 .*\. Its log in core-staging-app cannot be read: AWS"
        ):
            made.verify(attempt)
    else:
        assert "exited with 0" in made.verify(attempt)
    assert scene.injected(denied) >= 1
    scene.cloud.advance(2 * 3600)
    assert [end["outcome"] for end in made.ends()] == ["failed" if exit_code else "succeeded"]
    assert made.start(NEXT)["over"] is (not exit_code), "AWS has forgotten it, and the record has not"


def test_end_that_the_wait_has_seen_is_judged_although_aws_cannot_be_asked(scene, made):
    attempt = made.start()
    scene.cloud.advance(120)
    end = json.loads(json.dumps(made.watch(attempt).end))
    scene.inject("access_denied", api="ecs", action="DescribeTasks")
    assert "exited with 0" in made.verify(attempt, end=end)


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
    assert MigrationScene(scene).plan.changes == ()
    again = MigrationScene(scene, again=True)
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
        steps.start(old, made.migration, made.plan.definition, made.plan.image)
    assert (made.tasks(), scene.called("ecs.RunTask")) == ([], 0)


# Its surroundings


def test_network_of_the_inventory_is_found_by_the_name_of_its_subnets(scene_of):
    scene = scene_of(MAPS)
    made = MigrationScene(scene)
    found = steps.find_network(scene, made.migration)["awsvpcConfiguration"]
    assert (len(found["subnets"]), found["securityGroups"], found["assignPublicIp"]) == (
        2,
        ["sg-22222221"],
        "DISABLED",
    )
    made.start()
    assert len(made.tasks()) == 1


def test_snapshot_is_made_once_a_run_and_waited_for(scene):
    made = MigrationScene(scene, snapshot=True)
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
    made, create = MigrationScene(scene, snapshot=True), steps.rds.create_snapshot
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
    made = MigrationScene(scene, snapshot=True)
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
        steps.resolve_digest(scene, f"{REGISTRY}/core:nothing")


REGISTRY = "111111111110.dkr.ecr.eu-west-2.amazonaws.com"


def test_tag_is_resolved_in_the_images_own_repository_and_not_in_ours(scene):
    region = scene.cloud.world.region("111111111110", "eu-west-2")
    ours = region.repositories["core"]
    (tag, *_), digest = next((image.tags, image.digest) for image in ours.images.values())
    other = Repository("core-jobs", "111111111110", "eu-west-2", ours.created)
    other.readers.add(scene.target.environment.account)
    pushed = other.push(make_manifest("example/jobs", "f" * 40, "x"), tag, scene.cloud.world.clock.now())
    region.repositories["core-jobs"] = other
    assert steps.resolve_digest(scene, f"{REGISTRY}/core:{tag}") == digest
    assert steps.resolve_digest(scene, f"{REGISTRY}/core-jobs:{tag}") == pushed.digest != digest


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (f"{REGISTRY}/nothing:v1", r"^There is no image repository nothing in registry 111111111110"),
        (
            "111111111110.dkr.ecr.us-east-1.amazonaws.com/core:v1",
            r"is in region us-east-1, where nobody asks .*by its digest",
        ),
        ("ghcr.io/example/core:v1", r"is in ghcr\.io, where nobody asks which image its tag stands for"),
        ("core", r"^Image core is in Docker Hub, where nobody asks"),
        ("core@sha256:short", r"^Image core@sha256:short has no digest of 64 digits"),
    ],
)
def test_image_whose_tag_nobody_can_ask_about_is_refused(scene, image, sentence):
    with pytest.raises(PreconditionError, match=sentence):
        steps.resolve_digest(scene, image)


def test_digest_in_the_name_stands_for_itself_wherever_the_image_is(scene):
    assert steps.resolve_digest(scene, f"ghcr.io/example/core:v1@sha256:{'a' * 64}") == f"sha256:{'a' * 64}"


def test_task_runs_the_approved_image_although_its_tag_has_moved_since(scene, made):
    image, region = made.plan.image, scene.cloud.world.region("111111111110", "eu-west-2")
    definition = scene.clients.ecs.describe_task_definition(taskDefinition=made.plan.definition)["taskDefinition"]
    tag = definition["containerDefinitions"][0]["image"].partition(":")[2]
    region.repositories["core"].immutable = False
    moved = region.repositories["core"].push(make_manifest("core", "e" * 40, "y"), tag, scene.cloud.world.clock.now())
    assert steps.resolve_digest(scene, f"{REGISTRY}/core:{tag}") == moved.digest != image
    attempt = made.start()
    scene.cloud.world.clock.advance(60)
    (task,) = scene.clients.ecs.describe_tasks(cluster=CLUSTER, tasks=[attempt["arn"]])["tasks"]
    assert task["containers"][0]["imageDigest"] == image
    run = scene.clients.ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    assert run["containerDefinitions"][0]["image"] == f"{REGISTRY}/core@{image}"
    assert (
        run["containerDefinitions"][0]["logConfiguration"] == definition["containerDefinitions"][0]["logConfiguration"]
    )


def test_revision_with_the_approved_image_is_registered_once_and_shown_to_the_approver(scene, made):
    assert [change.after for change in made.plan.changes if "RegisterTaskDefinition" in change.what] == [
        f"image {made.plan.image[:19]}, whatever the tag stands for by then"
    ]
    made.start()
    again = MigrationScene(scene)
    assert "RegisterTaskDefinition" not in str(again.plan.changes), "the newest revision names its image by digest now"
    assert again.migration.key == made.migration.key
    made.start()
    assert scene.called("ecs.RegisterTaskDefinition") == 1


def test_registration_that_aws_refuses_leaves_no_attempt_behind(scene, made):
    scene.inject("access_denied", api="ecs", action="RegisterTaskDefinition")
    with pytest.raises(RefusedError):
        made.start()
    assert made.attempts() == []
    assert scene.called("ecs.RunTask") == 0
