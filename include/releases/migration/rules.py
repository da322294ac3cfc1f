"""Rules for migrations: the command, whether it may start, how its task ended. None is started twice by accident."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from include.aws.ecs import Container, Task
from include.ecs.task_end import BY_ITSELF, OUT_OF_MEMORY, STOP_CODES, describe_container
from include.errors import MigrationFailedError, PreconditionError
from include.inventory.models import OneOff
from include.run.migration_attempts import Attempt
from include.run.params import shown, storable
from include.text import joined, one_line
from include.waiters.progress import Progress, minutes

PRESETS = ("migrate", "prepare", "seed", "setup")  # drop is for review apps only, and destroys data
MIGRATION = re.compile(r"(?:^|/)(?:migrate|migrations)/[^/]+\.(?:rb|ts|js|py|sql)$")
LONGEST_OVERRIDE = 8_192  # characters of JSON that RunTask takes as overrides
LONGEST_COMMAND = LONGEST_OVERRIDE - 1_024  # the rest of the overrides needs some space
STARTED_BY = "migration/"
TOLD_TO_STOP = 143  # SIGTERM, with which ECS ends the other containers after an essential one has exited
KILLED = 137  # SIGKILL, which follows if that is not enough, and which ends a container for want of memory, too
# AWS knows a stopped task, and a clientToken, for an hour after its end: within half of that, a started task is found
REMEMBERED = timedelta(minutes=30)
HALF_WAY = "the schema may be changed in part: look at the log and at the database before you start another run"

Names = Collection[str]
Essential = Mapping[str, Names | None]  # the essential containers by task definition, None where they are not known


def choose_command(one_off: OneOff, preset: str = "", given: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the command of a one-off task: a preset of the inventory, or one given in full. Raises: PreconditionError."""
    if bool(preset) == bool(given):
        raise PreconditionError(
            "Give either a preset or a command in full, as a list of words"
            f"{', not both' if preset else ''}; nothing was changed."
        )
    if preset:
        found = one_off.commands.get(preset) if preset in PRESETS else None  # type: ignore[call-overload]
        if not found:
            known = ", ".join(each for each in PRESETS if each in one_off.commands) or "none"
            raise PreconditionError(
                f"There is no command {shown(preset)} for {one_off.family} (there is: {known}); choose one of those, add it to "
                "the inventory, or give the command in full."
            )
        return tuple(found)
    for word in given:
        if not isinstance(word, str) or not word or not storable(word) or one_line(word) != word:
            raise PreconditionError(
                f"{shown(word)} is no word of a command; give a list of words such as ['bundle', 'exec', 'rake', "
                "'db:migrate'], nothing was changed."
            )
    length = len(json.dumps(list(given)))
    if length > LONGEST_COMMAND:
        raise PreconditionError(
            f"The command has {length:,} characters, more than ECS takes; put it into the image as a script."
        )
    return tuple(given)


def find_migrations(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the migrations among the changed files: those in a folder `migrate` or `migrations`, as frameworks keep them."""
    return tuple(sorted(path for path in set(paths) if MIGRATION.search(path)))


def migration_key(target: str, digest: str, command: Sequence[str]) -> str:
    """Return the key of a migration: the same image and command on the same target is the same migration (I17)."""
    text = json.dumps([target, digest, list(command)], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def started_by(key: str) -> str:
    """Return RunTask's startedBy, by which ListTasks finds every task of a migration."""
    return f"{STARTED_BY}{key}"


def client_token(key: str, attempt: int) -> str:
    """Return RunTask's clientToken: two calls for the same attempt start one task (64 characters at most)."""
    return f"{key}-{attempt}"


@dataclass(frozen=True)
class Next:
    """What to do about a migration now: start attempt `number`, follow its task, or nothing because it is done."""

    do: Literal["start", "follow", "done"]
    number: int
    arn: str = ""


def decide_next(
    kept: Sequence[Attempt],
    seen: Iterable[Task],
    container: str,
    run: str,
    now: datetime,
    *,
    again: bool = False,
    essential: Essential | None = None,
) -> Next:
    """Decide whether a migration starts. `seen` are the tasks that AWS knows by its startedBy, stopped ones for an hour.

    A running task is followed, whoever started it. A migration that succeeded is not started again. Neither is one whose end
    is unknown, unless a person asked for that (`again`, a part of the approved plan). A failed one is started again only by
    another run, which needs a new approval. The newest attempt decides, and one that was refused never began.
    Raises: MigrationFailedError.
    """
    tasks = _in_order(seen)
    recorded = _with_ends(kept, tasks, container, now, essential)
    last = max([0, *(each.number for each in recorded)])
    attempts = [each for each in recorded if each.outcome != "refused"]  # the others never began
    numbers = {attempt.arn: attempt.number for attempt in attempts}
    for task in tasks:
        if task.last_status != "STOPPED":
            return Next("follow", numbers[task.arn], task.arn)
    for each in reversed(attempts if again else attempts[-1:]):
        if each.outcome == "succeeded" and (each.run == run or not again):
            return Next("done", each.number, each.arn)
    for attempt in attempts:
        if attempt.run == run and attempt.outcome == "failed":
            raise MigrationFailedError(
                f"{_named(attempt)} of this run has failed already, and one run never starts it twice; {HALF_WAY}."
            )
        if attempt.run == run and not attempt.arn and now - attempt.begun_at < REMEMBERED:
            return Next("start", attempt.number)  # its clientToken prevents a second task
        if not attempt.outcome and (attempt.run == run or not again):
            raise MigrationFailedError(
                f"{_named(attempt)} of this migration, by {attempt.run or 'nobody on record'}, is over or never began, and AWS has "
                f"forgotten which; {HALF_WAY}, and give 'again' to database_migration."
            )
    return Next("start", last + 1)


def _with_arns(kept: Sequence[Attempt], tasks: Sequence[Task], now: datetime) -> list[Attempt]:
    """Give attempts without a recorded ARN, since their process died too early, the tasks that AWS knows, oldest first."""
    known = {each.arn for each in kept}
    unkept = [task.arn for task in tasks if task.arn not in known]
    attempts = []
    for each in sorted(kept, key=lambda each: each.number):
        is_open = not each.arn and not each.outcome
        attempts.append(replace(each, arn=unkept.pop(0)) if is_open and unkept else each)
    last = max([0, *(attempt.number for attempt in attempts)])
    return attempts + [Attempt(last + place, "", now, arn) for place, arn in enumerate(unkept, 1)]


def find_ends(
    kept: Sequence[Attempt],
    seen: Iterable[Task],
    container: str,
    now: datetime,
    essential: Essential | None = None,
) -> list[Attempt]:
    """Return the attempts whose end is not on record although AWS still knows it, with that end."""
    open_ones = {each.number for each in kept if not each.outcome}
    found = _with_ends(kept, _in_order(seen), container, now, essential)
    return [each for each in found if each.outcome and each.number in open_ones]


def _in_order(seen: Iterable[Task]) -> list[Task]:
    return sorted(seen, key=lambda each: (str(each.created_at), each.arn))


def _with_ends(
    kept: Sequence[Attempt], tasks: Sequence[Task], container: str, now: datetime, essential: Essential | None
) -> list[Attempt]:
    """Give attempts without a recorded end the one that AWS knows."""
    stopped = {each.arn: each for each in tasks if each.last_status == "STOPPED"}
    found = []
    for attempt in _with_arns(kept, tasks, now):
        task = None if attempt.outcome else stopped.get(attempt.arn)
        if task is None:
            found.append(attempt)
            continue
        main = task.container(container)
        well = has_succeeded(task, container, (essential or {}).get(task.task_definition))
        code = main.exit_code if main else None
        found.append(replace(attempt, outcome="succeeded" if well else "failed", exit_code=code))
    return found


def _named(attempt: Attempt) -> str:
    return f"Attempt {attempt.number} (task {_id(attempt.arn) or 'unknown'})"


def read_start(tasks: Sequence[Task], failures: Sequence[Mapping[str, Any]]) -> str:
    """Return the ARN of the one task that RunTask started. Raises: MigrationFailedError with the failures that AWS reports."""
    if failures or not tasks:
        why = joined(
            " ".join(filter(None, (str(failure.get("reason") or "no reason given"), str(failure.get("detail") or ""))))
            for failure in failures
        )
        raise MigrationFailedError(
            f"ECS could not place the task ({why or 'it named no task and no failure'}), so nothing was migrated; "
            f"{_advice(why)}, then start again."
        )
    if len(tasks) > 1:
        raise MigrationFailedError(
            f"ECS started {len(tasks)} tasks ({', '.join(task.id for task in tasks)}) where one was asked for; stop all but one "
            "by hand, and look at the database."
        )
    return tasks[0].arn


def _advice(why: str) -> str:
    if "RESOURCE" in why or "Capacity" in why or "capacity" in why:
        return "wait for capacity, or choose a smaller size"
    if "INACTIVE" in why or "MISSING" in why:
        return "look whether the cluster and the task definition still exist"
    return "correct what it says"


def has_succeeded(task: Task, container: str, essential: Names | None = None) -> bool:
    """Tell whether a task ended well: its command exited with 0, and nothing else can have ended it half way."""
    return task.last_status == "STOPPED" and not why_failed(task, container, essential)


def judge_migration(
    task: Task | None,
    arn: str,
    container: str,
    now: datetime,
    outlives: int | None = None,
    essential: Names | None = None,
) -> Progress:
    """Follow a task to its end, even for hours. `outlives` is when to tell people, in seconds.

    `essential` are the essential containers of its definition, None if they are not known. Raises: MigrationFailedError.
    """
    if task is None:
        raise MigrationFailedError(
            f"AWS does not know task {_id(arn)} any more, so nobody knows how it ended; {HALF_WAY}."
        )
    since = task.started_at or task.created_at or now
    if task.last_status != "STOPPED":
        text = f"task {task.id} is {task.last_status}, {minutes(since, now)}"
        late = outlives is not None and (now - since).total_seconds() > outlives
        milestone = f"task {task.id} is {task.last_status}"
        return Progress(False, text, f"{milestone}, longer than usual, still followed" if late else milestone)
    if wrong := why_failed(task, container, essential):
        never = task.stop_code == "TaskFailedToStart" and all(each.exit_code is None for each in task.containers)
        rest = "nothing was migrated; correct that, then start another run" if never else HALF_WAY
        raise MigrationFailedError(f"Task {task.id} failed after {_lasted(task)}: {wrong}; {rest}.")
    text = joined([f"task {task.id} exited with 0 after {_lasted(task)}", *_besides(task, container, essential)])
    return Progress(True, text, f"task {task.id} exited with 0")


def why_failed(task: Task, container: str, essential: Names | None = None) -> str:
    """Return why a stopped task does not count as having done its command, or "" if it ended well.

    An exit code of 0 proves nothing if a process of the container was killed for want of memory, or if an essential container ended
    first: ECS then ends the command, which may take the signal and exit with 0 half way. AWS does not say which one ended first.
    So another essential container must have ended as ECS ends it, or well. One that is not essential does not count.
    """
    said = f" ({one_line(task.stopped_reason)})" if task.stopped_reason else ""
    problems = []
    if task.stop_code != BY_ITSELF:
        meaning = STOP_CODES.get(task.stop_code, "which is not known to mean success")
        problems.append(f"{task.stop_code or 'no stop code'}: {meaning}{said}")
    elif OUT_OF_MEMORY in task.stopped_reason:
        problems.append(one_line(task.stopped_reason))
    if task.container(container) is None:
        problems.append(f"it has no container {container}")
    for each in task.containers:
        if each.name == container:
            if each.exit_code != 0 or each.reason:
                problems.append(describe_container(each))
        elif _is_essential(each, essential) and not _was_ended(each):
            problems.append(f"{describe_container(each)}, and the command may have been ended with it half way")
    return joined(problems)


def _is_essential(each: Container, essential: Names | None) -> bool:
    return essential is None or each.name in essential


def _was_ended(each: Container) -> bool:
    return each.exit_code in (0, TOLD_TO_STOP) and OUT_OF_MEMORY not in each.reason


def _besides(task: Task, container: str, essential: Names | None) -> list[str]:
    """Return how containers that do not count ended, where that is not as ECS ends them."""
    return [
        f"{describe_container(each)}, which is not essential"
        for each in task.containers
        if each.name != container
        and not _is_essential(each, essential)
        and (each.reason or each.exit_code not in (0, TOLD_TO_STOP, KILLED))
    ]


def _lasted(task: Task) -> str:
    start, end = task.started_at or task.created_at, task.stopped_at
    if start is None or end is None:
        return "an unknown time"
    seconds = max(0, (end - start).total_seconds())
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _id(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
