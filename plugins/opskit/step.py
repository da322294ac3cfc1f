"""Steps as functions of their context: how a step becomes a task, how often it is tried, and how it reports its failure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, overload

from airflow.sdk import PokeReturnValue, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSensorTimeout
from botocore.exceptions import BotoCoreError, ClientError

from include.aws.refusals import explain, refusal_of
from include.errors import BeginsAgainError, RunbookError
from include.run.journal import add_event
from include.text import spoken
from include.waiters.progress import Progress
from opskit.context import StepContext
from opskit.failure import StepFailedError
from opskit.notifications.run_state import show_step, show_wait
from opskit.polling import poll_seconds
from opskit.queues import describe_loss
from opskit.step_definition import StepDefinition, display_name

log = logging.getLogger(__name__)

RETRIES = 8  # a step survives failures of a worker, its scheduler, the API server and the database, one after the other
ASIDE = timedelta(seconds=15)  # that a step leaves its worker to others before it begins again
MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    StopIteration,
    TypeError,
)


Body = Callable[[StepContext], Any]


class Repeat(Enum):
    """Whether a step may be tried again after its process was killed, or after a temporary error.

    A refusal of ours and a bug in the code are never tried again.
    """

    SAFE = RETRIES  # the step looks before it writes, and writes absolute values
    NEVER = 0


class running:  # noqa: N801  # used as a function: with running(context) as ctx
    """Run a step's body. A RunbookError, a refusal of AWS or a bug in the code is journalled and fails the task at once.

    Any other error may be temporary, so Airflow tries again as often as the step's declaration allows.
    """

    def __init__(self, context: Any = None, *, shown: bool = True, may_stand_aside: bool = True):
        self.ctx = StepContext(context or get_current_context(), may_stand_aside=may_stand_aside)
        self.shown = shown  # in the run's note; a poll shows for what it waits instead

    def __enter__(self) -> StepContext:
        if self.shown:
            show_step(self.ctx)
        return self.ctx

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BeginsAgainError):
            if self.shown:
                show_wait(self.ctx, str(error))
            raise AirflowRescheduleException(datetime.now(UTC) + ASIDE) from error
        if isinstance(error, RunbookError):
            fail(self.ctx, error)
        if error is not None and (refused := refusal_of(error)):
            fail(self.ctx, refused)
        if isinstance(error, MISTAKES):
            log.exception("This is a mistake in the code, so the step is not tried again.")
            fail(
                self.ctx,
                RunbookError(f"{self.ctx.name} met an error that nobody foresaw: {type(error).__name__}: {error}"),
            )


class FunctionStep(StepDefinition):
    """A step whose body is a function of the context."""

    def __init__(
        self,
        function: Body,
        *,
        name: str = "",
        kind: Any = task,
        repeat: Repeat = Repeat.SAFE,
        look: Body | None = None,
        **options: Any,
    ):
        super().__init__(name or getattr(function, "__name__", ""))
        self.function = function
        self.kind = kind
        self.look = look
        self.options = {"retries": repeat.value, "task_display_name": display_name(self.name), **options}

    def make(self) -> Any:
        def body() -> Any:
            return self.run()

        body.__name__, body.__doc__ = self.name, self.function.__doc__
        return self.kind(task_id=self.name, **self.options)(body)()

    def run(self) -> Any:
        """Run the body in the current task. A later attempt first checks what became of the one before it."""
        repeatable = self.options["retries"] > 0 and self.look is None
        with running(shown=self.kind is not task.sensor, may_stand_aside=repeatable) as ctx:
            if self.look and ctx.context["ti"].try_number > 1 and (found := self.look(ctx)) is not None:
                return found
            result = self.function(ctx)
            if isinstance(result, Progress):
                ctx.tell_progress(result)
                if not result.done:
                    show_wait(ctx, result.text)
                    self._refuse_to_wait_longer(ctx, result)
                return PokeReturnValue(is_done=result.done, xcom_value=result.text)
            return result

    def _refuse_to_wait_longer(self, ctx: StepContext, progress: Progress) -> None:
        """Fail once the time-out has passed. Airflow's own error would not say for what the step has waited."""
        since, timeout = ctx.waiting_since, timedelta(seconds=self.options.get("timeout", 0))
        if since and datetime.now(UTC) - since > timeout:
            fail(
                ctx,
                RunbookError(
                    f"{ctx.name} has waited {spoken(timeout)}, as long as it may; the last look: {progress.text}."
                ),
            )

    def variant(self, function: Body) -> FunctionStep:
        """Return the same step with another body. References to either find the one in their runbook."""
        made = FunctionStep(function, name=self.name)
        made._task_ids = self._task_ids
        return made


@overload
def step(function: Body) -> FunctionStep: ...
@overload
def step(
    *, name: str = "", repeat: Repeat = Repeat.SAFE, look: Body | None = None, **options: Any
) -> Callable[[Body], FunctionStep]: ...
def step(
    function: Body | None = None,
    *,
    name: str = "",
    repeat: Repeat = Repeat.SAFE,
    look: Body | None = None,
    **options: Any,
) -> Any:
    """Make a step of a function of the context.

    `queue` is one of opskit.queues, for a step that needs a program which not every worker has.

    `look` makes a step repeatable that is not safe to repeat by itself: a second attempt gets what it returns, and runs the body only
    if it returns None, since nothing was begun. It raises if that cannot be known.
    """
    if function is not None:
        return FunctionStep(function)
    return lambda function: FunctionStep(function, name=name, repeat=repeat, look=look, **options)


def branch(function: Body) -> FunctionStep:
    """Make a step of a function that returns the id of the task to continue with."""
    return FunctionStep(function, kind=task.branch)


def poll(*, timeout: float, name: str = "") -> Callable[[Body], FunctionStep]:
    """Make a step that calls a function repeatedly, without holding a worker, until its Progress is done.

    `timeout` is in seconds.
    """
    options: dict[str, Any] = {"mode": "reschedule", "poke_interval": poll_seconds(), "timeout": timeout}
    return lambda function: FunctionStep(function, name=name, kind=task.sensor, **options)


class OperatorStep(StepDefinition):
    """A step that is an operator of its own: a wait, or a question to people."""

    def __init__(self, operator: type[Any], name: str, **arguments: Any):
        super().__init__(name)
        self.operator = operator
        self.arguments = {"retries": RETRIES, "task_display_name": display_name(name), **arguments}

    def make(self) -> Any:
        return self.operator(task_id=self.name, **self.arguments)


def fail(ctx: StepContext, error: RunbookError) -> None:
    """Fail the task without a retry and journal the failure. A run that only plans writes nothing, not even this."""
    _journal(ctx, error)
    raise StepFailedError(str(error)) from error


def note_failure(context: Any) -> None:
    """Journal an unexpected failure once no retry is left (callback of every task).

    An example is a sensor that ran into its time-out. Without an error there is none: the DAG processor calls this for a task
    whose process has died, or which no worker took.
    """
    ctx, error = StepContext(context), context.get("exception")
    if error is None:
        queue, hostname = context["task"].queue, getattr(context["ti"], "hostname", None)
        _journal(ctx, RunbookError(f"{ctx.name} was lost: {describe_loss(queue, hostname or '')}"))
    elif isinstance(error, AirflowSensorTimeout):
        _journal(ctx, RunbookError(f"{ctx.name} ran out of time: {error}"))
    elif not isinstance(error, AirflowFailException):  # this one is journalled already
        said = explain(error) if isinstance(error, ClientError) else f"{type(error).__name__}: {error}"
        _journal(ctx, RunbookError(f"{ctx.name} gave up after its last retry: {said}"))


def _journal(ctx: StepContext, error: RunbookError) -> None:
    if ctx.params.get("plan_only"):
        return
    try:
        add_event(ctx.store, ctx.run, ctx.name, "failed", str(error), {"error": type(error).__name__})
    except (RunbookError, BotoCoreError, ClientError) as second:  # it may be the very cause of the failure
        log.warning("The failure could not be journalled: %s", second)
