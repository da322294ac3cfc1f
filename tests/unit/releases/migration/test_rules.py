"""A migration: commands, starts, ends of every kind, and never a second start."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.aws.ecs import Container, Task
from include.errors import MigrationFailedError, PreconditionError
from include.inventory.models import OneOff
from include.releases.migration.rules import (
    Next,
    choose_command,
    client_token,
    decide_next,
    find_ends,
    judge_migration,
    migration_key,
    read_start,
    started_by,
)
from include.run.migration_attempts import Attempt
from tests.unit.facts import at
from tests.unit.facts import task as any_task

ONE_OFF = OneOff(
    family="core-ad-hoc",
    container="app",
    log_group="core",
    commands={"migrate": ("bundle", "exec", "rake", "db:migrate"), "drop": ("bundle", "exec", "rake", "db:drop")},
)
MIGRATE = ("bundle", "exec", "rake", "db:migrate")


def task(
    name: str = "t1",
    *containers: Container,
    status: str = "STOPPED",
    stop_code: str = "EssentialContainerExited",
    **other: Any,
) -> Task:
    fact = any_task(name, started=0).task
    shown = containers or (Container("app", "STOPPED", 0),)
    return replace(fact, last_status=status, stop_code=stop_code, containers=shown, **{"stopped_at": at(3), **other})


def living(name: str = "t1") -> Task:
    return task(name, Container("app", "RUNNING"), status="RUNNING", stop_code="", stopped_at=None)


def failing(name: str = "t1") -> Task:
    return task(name, Container("app", "STOPPED", 1))


ARN = task().arn


def test_preset_is_the_inventorys_command():
    assert choose_command(ONE_OFF, "migrate") == MIGRATE


def test_command_in_full_is_taken_word_by_word():
    assert choose_command(ONE_OFF, given=["bundle", "exec", "rake", "data:fix[1, 2]"])[3] == "data:fix[1, 2]"


@pytest.mark.parametrize("preset", ["seed", "drop", "Migrate", "../x"])
def test_preset_that_is_not_offered_is_refused_and_dropping_a_database_never_is(preset: str):
    with pytest.raises(PreconditionError, match=r"^There is no command '.*' for core-ad-hoc \(there is: migrate\)"):
        choose_command(ONE_OFF, preset)


@pytest.mark.parametrize("words", [["", "x"], ["a\x00b"], ["a\nb"], ["a", 1], ["a\u202eb"], ["a\ud800"], [None]])
def test_word_that_is_none_is_refused(words: list[Any]):
    with pytest.raises(PreconditionError, match="is no word of a command; give a list of words"):
        choose_command(ONE_OFF, given=words)


def test_command_is_either_a_preset_or_given_and_not_endless():
    with pytest.raises(
        PreconditionError, match=r"^Give either a preset or a command in full, as a list of words; nothing"
    ):
        choose_command(ONE_OFF)
    with pytest.raises(PreconditionError, match=r"^Give either .* words, not both; nothing"):
        choose_command(ONE_OFF, "migrate", ["ls"])
    with pytest.raises(PreconditionError, match=r"^The command has 8,004 characters, more than ECS takes"):
        choose_command(ONE_OFF, given=["x" * 8_000])


def test_same_image_and_command_on_the_same_target_are_the_same_migration():
    key = migration_key("core/staging", "sha256:a", MIGRATE)
    assert key == migration_key("core/staging", "sha256:a", list(MIGRATE))
    others = [("core/production", "sha256:a", MIGRATE), ("core/staging", "sha256:b", MIGRATE)]
    others.append(("core/staging", "sha256:a", MIGRATE[:3]))
    assert key not in {migration_key(*other) for other in others}
    assert len(started_by(key)) <= 128
    assert len(client_token(key, 99)) <= 64


def test_only_task_of_an_answer_is_started():
    assert read_start([living()], []) == ARN


@pytest.mark.parametrize(
    ("failures", "sentence"),
    [
        (
            [{"arn": "x", "reason": "RESOURCE:MEMORY"}],
            r"could not place the task \(RESOURCE:MEMORY\), so nothing was migrated; wait for capacity",
        ),
        ([{"reason": "INACTIVE", "detail": "no cluster"}], r"\(INACTIVE no cluster\).*look whether the cluster"),
        ([{}], r"\(no reason given\).*correct what it says"),
        ([], r"\(it named no task and no failure\)"),
    ],
)
def test_task_that_was_not_placed_is_a_failure_that_says_why(failures: list[dict[str, str]], sentence: str):
    with pytest.raises(MigrationFailedError, match=sentence):
        read_start([], failures)


def test_failure_beside_a_task_and_two_tasks_are_failures():
    with pytest.raises(MigrationFailedError, match="could not place the task"):
        read_start([living()], [{"reason": "AGENT"}])
    with pytest.raises(MigrationFailedError, match=r"started 2 tasks \(t1, t2\) where one was asked for"):
        read_start([living("t1"), living("t2")], [])


def test_exit_with_0_by_itself_is_success():
    progress = judge_migration(task(), ARN, "app", at(9))
    assert progress.done
    assert progress.text == "task t1 exited with 0 after 3 min"


def test_others_that_ecs_ended_with_it_and_those_that_ended_well_do_not_count_against_it():
    others = [Container(f"c{code}", "STOPPED", code) for code in (0, 143)]
    assert judge_migration(task("t1", Container("app", "STOPPED", 0), *others), ARN, "app", at(9)).done


KILLED_SIDECAR = task("t1", Container("app", "STOPPED", 0), Container("proxy", "STOPPED", 137))
ILL_AGENT = task("t1", Container("app", "STOPPED", 0), Container("agent", "STOPPED", 2))


@pytest.mark.parametrize("essential", [None, {"app", "proxy"}], ids=["unknown", "essential"])
def test_essential_container_that_was_killed_may_have_ended_the_command_half_way(essential: set[str] | None):
    sentence = r"container proxy exited with 137 \(killed.*\), and the command may have been ended with it half way"
    with pytest.raises(MigrationFailedError, match=sentence):
        judge_migration(KILLED_SIDECAR, ARN, "app", at(9), essential=essential)


def test_container_that_is_not_essential_does_not_count_and_its_end_is_told():
    progress = judge_migration(ILL_AGENT, ARN, "app", at(9), essential={"app"})
    assert progress.done
    assert progress.text == (
        "task t1 exited with 0 after 3 min; container agent exited with 2 (see its log), which is not essential"
    )
    assert judge_migration(KILLED_SIDECAR, ARN, "app", at(9), essential={"app"}).text == (
        "task t1 exited with 0 after 3 min"
    ), "ECS itself ends others so"
    with pytest.raises(MigrationFailedError, match="container agent exited with 2"):
        judge_migration(ILL_AGENT, ARN, "app", at(9), essential={"app", "agent"})


@pytest.mark.parametrize(
    ("stopped", "sentence"),
    [
        (
            failing(),
            r"Task t1 failed after 3 min: container app exited with 1 \(the command reported an error\); the schema",
        ),
        (
            task("t1", Container("app", "STOPPED", 137, "OutOfMemoryError: Container killed")),
            r"container app exited with 137 \(OutOfMemoryError: Container killed\)",
        ),
        (task("t1", Container("app", "STOPPED", None, "CannotPullContainerError")), r"has no exit code \(CannotPull"),
        (
            task("t1", Container("app", "STOPPED", 0), Container("proxy", "STOPPED", 1)),
            r"container proxy exited with 1",
        ),
        (task("t1", Container("app", "STOPPED", 0), Container("proxy", "STOPPED")), "container proxy has no exit code"),
        (task("t1", Container("other", "STOPPED", 0)), "it has no container app"),
        (
            task("t1", Container("app", "STOPPED", 0, "OutOfMemoryError: Container killed due to memory usage")),
            r"container app exited with 0 \(OutOfMemoryError: Container killed due to memory usage\)",
        ),
        (
            task("t1", Container("app", "STOPPED", 0), Container("proxy", "STOPPED", 143, "OutOfMemoryError: killed")),
            r"container proxy exited with 143 \(OutOfMemoryError: killed\), and the command may",
        ),
        (task(stopped_reason="OutOfMemoryError: Container killed"), "after 3 min: OutOfMemoryError: Container killed"),
        (task(stop_code="UserInitiated", stopped_reason="by ann"), r"UserInitiated: somebody stopped it \(by ann\)"),
        (task(stop_code="SpotInterruption"), "SpotInterruption: AWS took its Spot capacity back"),
        (task(stop_code="TerminationNotice"), "TerminationNotice: its instance was terminated"),
        (task(stop_code="InfrastructureHealth"), "InfrastructureHealth: AWS stopped it"),
        (task(stop_code="ServiceSchedulerInitiated"), "ServiceSchedulerInitiated: a service's scheduler"),
        (task(stop_code="Brand new"), "Brand new: which is not known to mean success"),
        (task(stop_code=""), "no stop code: which is not known"),
    ],
)
def test_every_other_end_is_a_failure_that_warns_of_a_half_changed_schema(stopped: Task, sentence: str):
    with pytest.raises(MigrationFailedError, match=sentence) as caught:
        judge_migration(stopped, ARN, "app", at(9))
    assert "the schema may be changed in part" in str(caught.value)


def test_task_that_never_started_has_changed_nothing():
    never = task("t1", Container("app", "STOPPED"), stop_code="TaskFailedToStart", stopped_reason="no such image")
    with pytest.raises(MigrationFailedError, match=r"it never started \(no such image\).*; nothing was migrated"):
        judge_migration(never, ARN, "app", at(9))


def test_task_is_followed_for_hours_and_said_to_be_late():
    assert judge_migration(living(), ARN, "app", at(5), 600).milestone == "task t1 is RUNNING"
    late = judge_migration(living(), ARN, "app", at(300), 600)
    assert (late.done, late.text) == (False, "task t1 is RUNNING, 300 min")
    assert late.milestone == "task t1 is RUNNING, longer than usual, still followed"


def test_task_that_aws_forgot_has_an_unknown_end():
    with pytest.raises(
        MigrationFailedError, match=r"^AWS does not know task t1 any more, so nobody knows how it ended"
    ):
        judge_migration(None, ARN, "app", at(5))


# never twice

RUN, OTHER = "database_migration/one", "database_migration/other"


def attempt(number: int = 1, run: str = RUN, name: str = "t1", outcome: str = "") -> Attempt:
    return Attempt(number, run, at(0), task(name).arn if name else "", outcome)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kept", "seen", "again", "following"),
    [
        ([], [], False, Next("start", 1)),
        ([attempt()], [living()], False, Next("follow", 1, ARN)),
        ([attempt(run=OTHER)], [living()], False, Next("follow", 1, ARN)),
        ([attempt(run=OTHER)], [living()], True, Next("follow", 1, ARN)),
        ([], [living()], False, Next("follow", 1, ARN)),
        ([attempt(name="")], [living()], False, Next("follow", 1, ARN)),
        ([attempt(name="")], [], False, Next("start", 1)),
        ([attempt()], [task()], False, Next("done", 1, ARN)),
        ([attempt(name="")], [task()], False, Next("done", 1, ARN)),
        ([attempt(outcome="succeeded")], [], False, Next("done", 1, ARN)),
        ([attempt(outcome="succeeded")], [], True, Next("done", 1, ARN)),
        ([attempt(run=OTHER, outcome="succeeded")], [], False, Next("done", 1, ARN)),
        ([attempt(run=OTHER, outcome="succeeded")], [], True, Next("start", 2)),
        ([attempt(run=OTHER, outcome="failed")], [], False, Next("start", 2)),
        ([attempt(run=OTHER)], [failing()], False, Next("start", 2)),
        ([attempt(run=OTHER, name="", outcome="failed")], [], False, Next("start", 2)),
        ([attempt(run=OTHER)], [], True, Next("start", 2)),
        ([attempt(run=OTHER, outcome="failed"), attempt(2, name="")], [], False, Next("start", 2)),
        ([attempt(run=OTHER, name="", outcome="refused")], [], False, Next("start", 2)),
        ([attempt(name="", outcome="refused")], [], False, Next("start", 2)),
        ([attempt(run=OTHER, outcome="succeeded"), attempt(2, OTHER, "t2", "failed")], [], False, Next("start", 3)),
        ([attempt(run=OTHER, outcome="succeeded"), attempt(2, OTHER, "", "refused")], [], False, Next("done", 1, ARN)),
        ([attempt(run=OTHER, outcome="failed"), attempt(2, name="t2")], [living("t2")], False,
         Next("follow", 2, task("t2").arn)),
    ],
)  # fmt: skip
def test_migration_is_started_followed_or_done(kept: list[Attempt], seen: list[Task], again: bool, following: Next):
    assert decide_next(kept, seen, "app", RUN, at(20), again=again) == following


@pytest.mark.parametrize(
    ("kept", "seen", "again", "sentence"),
    [
        ([attempt()], [failing()], False, r"^Attempt 1 \(task t1\) of this run has failed already"),
        ([attempt(outcome="failed")], [], True, "of this run has failed already"),
        ([attempt(name="")], [failing()], False, "of this run has failed already"),
        ([attempt()], [], False, "AWS has forgotten which"),
        ([attempt()], [], True, "AWS has forgotten which"),
        (
            [attempt(run=OTHER)],
            [],
            False,
            r"Attempt 1 \(task t1\) of this migration, by database_migration/other, is over",
        ),
        ([attempt(run=OTHER, name="")], [], False, r"Attempt 1 \(task unknown\)"),
    ],
)
def test_migration_that_failed_here_or_ended_unknown_is_not_started(
    kept: list[Attempt], seen: list[Task], again: bool, sentence: str
):
    with pytest.raises(MigrationFailedError, match=sentence):
        decide_next(kept, seen, "app", RUN, at(20), again=again)


def test_ends_that_only_aws_knows_are_found_to_be_put_on_record():
    kept = [attempt(run=OTHER), attempt(2, name="t2", outcome="failed"), attempt(3, OTHER, "t3"), attempt(4, OTHER, "")]
    seen = [failing(), task("t2"), living("t3")]
    (found,) = find_ends(kept, seen, "app", at(20))
    assert (found.number, found.outcome, found.exit_code) == (1, "failed", 1)


def test_start_of_which_nothing_is_seen_is_repeated_only_while_aws_would_still_know_of_it():
    begun = [attempt(name="")]
    assert decide_next(begun, [], "app", RUN, at(29)) == Next("start", 1)
    with pytest.raises(MigrationFailedError, match=r"Attempt 1 \(task unknown\) of this migration.*AWS has forgotten"):
        decide_next(begun, [], "app", RUN, at(30))


@given(st.data())
def test_whatever_dies_whenever_no_second_migration_lives_and_none_follows_a_success(data: st.DataObject):
    """Runs decide, note, start, keep and note the end; each may die in between, and AWS may forget a stopped task."""
    kept: dict[int, Attempt] = {}
    tasks: dict[str, Task] = {}  # by clientToken
    ended: dict[str, int] = {}
    for minute in range(0, data.draw(st.integers(1, 12)) * 20, 20):
        run = data.draw(st.sampled_from([RUN, OTHER, "third"]))
        for token, each in tasks.items():
            if token not in ended and data.draw(st.booleans()):
                tasks[token], ended[token] = data.draw(st.sampled_from([task, failing]))(each.id), minute
        seen = [each for token, each in tasks.items() if minute - ended.get(token, minute) < 60]
        try:
            now = decide_next([kept[n] for n in sorted(kept)], seen, "app", run, at(minute))
        except MigrationFailedError:
            continue
        if now.do == "start":
            kept.setdefault(now.number, Attempt(now.number, run, at(minute)))
            if data.draw(st.booleans()):
                continue  # died before RunTask
            token = client_token("key", now.number)
            if token not in tasks or tasks[token] not in seen:  # otherwise AWS answers with the existing task
                assert [each.id for each in tasks.values() if each.containers[0].exit_code != 1] == []
                tasks[token] = living(f"t{minute}")
            if data.draw(st.booleans()):
                continue  # died before it recorded the ARN
            now = replace(now, arn=tasks[token].arn)
        if now.number in kept:
            kept[now.number] = replace(kept[now.number], arn=now.arn)
            over = next((each for each in seen if each.arn == now.arn and each.last_status == "STOPPED"), None)
            if over and data.draw(st.booleans()):
                good = over.containers[0].exit_code == 0
                kept[now.number] = replace(kept[now.number], outcome="succeeded" if good else "failed")
