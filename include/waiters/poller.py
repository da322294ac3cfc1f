"""One poller for every wait of an account and region: cheap batched calls for all, thorough looks only as needed.

A thousand waits with separate polling would need ten times the calls that AWS allows an account in a region, a limit that is
shared with its deployments and its autoscaling. So a round first describes the services of all waits, ten a call. It
then looks thoroughly (tasks, target health, group, log) at services that changed, and at the others in turn within the budget.
When many have changed, as for a triggerer that has just taken a thousand waits over, it reads the tasks of a cluster at once.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import ecs
from include.aws.clients import Clients
from include.aws.cluster_tasks import calls_for_tasks, list_cluster_tasks
from include.aws.ecs import Service
from include.aws.refusals import refusal_of
from include.errors import DriftError, RunbookError
from include.retry import EXPIRED
from include.waiters.progress import Progress
from include.waiters.token_bucket import TokenBucket

DOUBT = 10.0  # seconds that a failure has to last: right after a write AWS may still answer with the state before it
SILENCE = 600.0  # seconds without an answer of AWS after which a wait gives up
TASK_CALLS = 3  # of a thorough look: it lists running and stopped tasks, and describes them
LOOK_CALLS = TASK_CALLS + 2  # with the health of its targets and, the first time, its task definition
ROUTINE_SHARE = 0.75  # of the calls for the batches; the rest is for thorough looks without a known change

log = logging.getLogger(__name__)
RunWaiter = Callable[[str, Clients, dict[str, Any], Service | None], Progress]


@dataclass(frozen=True)
class Wait:
    """A waiter (by name), with the arguments it was stored with; `clients` are shared with other waits.

    Cluster and service are empty for a waiter that looks at something else: it is not part of the batches, and is polled in turn.
    """

    key: str
    watch: str
    arguments: dict[str, Any]
    cluster: str
    service: str
    clients: Clients
    agree: int = 1  # successful looks in a row that are required


@dataclass(frozen=True)
class PollResult:
    """The result of one round for one wait. `status`: waiting, done, failed, or missed (AWS did not answer). `end` as in Progress."""

    status: str
    text: str
    milestone: str = ""
    end: Mapping[str, Any] | None = None

    @property
    def over(self) -> bool:
        return self.status in ("done", "failed")


@dataclass
class _State:
    """The poller's state of a wait. Times are by the poller's own clock."""

    wait: Wait
    since: float
    answered: float
    seen: tuple[Any, ...] | None = None  # the service's fingerprint when last described
    service: Service | None = None
    moved: bool = False
    agreed: int = 0  # successful looks in a row so far
    failing: float | None = None  # since when every look has failed
    described: float = 0.0
    looked: float = 0.0


class Poller:
    """Polls for all waits. Waits are added and removed at any time; `round` is called repeatedly, by one thread at a time.

    `routine` pays for the batches and for looks in turn, `prompted` for looks at services that changed. Every client of the
    waits must call `note_call` for each request it sends.
    """

    def __init__(
        self,
        run_watch: RunWaiter,
        routine: TokenBucket,
        prompted: TokenBucket,
        *,
        settle: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._run_watch = run_watch
        self._routine = routine
        self._prompted = prompted
        self._bursts = {budget: budget.burst for budget in (routine, prompted)}
        self._settle = settle
        self._clock = clock
        self._states: dict[str, _State] = {}
        self._paying = routine

    def __len__(self) -> int:
        return len(self._states)

    def add(self, wait: Wait) -> None:
        """Begin to wait. Nothing is reported in the first `settle` seconds, since Airflow needs to have stored the wait first."""
        now = self._clock()
        self._states[wait.key] = _State(wait, since=now, answered=now)

    def remove(self, key: str) -> None:
        """Stop waiting. A key that does not exist any more is fine."""
        self._states.pop(key, None)

    def note_call(self) -> None:
        """Note one request that was sent to AWS on behalf of a wait, retries included."""
        self._paying.spend()

    def pace(self, poll_seconds: float) -> float:
        """Return the seconds from the start of one round to the next: `poll_seconds`, or longer if the batches need longer."""
        return max(poll_seconds, self._calls_of_a_round() / self._routine.rate)

    def round(self) -> list[tuple[str, PollResult]]:
        """Look once on behalf of all waits. Return only news: a wait that the budget did not cover has none."""
        now = self._clock()
        # otherwise the batches would use up the budget for looks in turn, and of a round that takes longer some would be lost
        for budget, burst in self._bursts.items():
            budget.burst = max(burst, budget.rate * self._calls_of_a_round() / self._routine.rate)
        ready = [each for each in list(self._states.values()) if now - each.since >= self._settle]
        news = list(self._describe(ready))
        due = [each for each in ready if not each.wait.service or (each.service and each.described >= now)]
        self._read_tasks(due)
        for state in sorted(due, key=lambda candidate: (not candidate.moved, candidate.looked)):
            self._paying = self._prompted if state.moved else self._routine
            if self._paying.left < 1:
                continue
            news.append((state.wait.key, self._look(state)))
        self._paying = self._routine
        return news

    def _calls_of_a_round(self) -> float:
        """Return the number of calls for the batches of all waits, and for the looks in turn that belong to a round."""
        return sum(1 for _ in self._batches(self._states.values())) / ROUTINE_SHARE

    def _describe(self, states: list[_State]) -> Iterable[tuple[str, PollResult]]:
        self._paying = self._routine
        for clients, cluster, batch in self._batches(sorted(states, key=lambda each: each.described)):
            if self._routine.left < 1:
                return  # the remaining ones are first in the next round
            names = list(dict.fromkeys(each.wait.service for each in batch))
            try:
                services = ecs.describe_services(clients.ecs, cluster, names)
            except RunbookError as error:
                yield from ((each.wait.key, self._failed(each, error)) for each in batch)
                continue
            except (BotoCoreError, ClientError) as error:
                yield from ((each.wait.key, self._missed(each, error)) for each in batch)
                continue
            for state in batch:
                state.described = self._clock()
                state.service = services.get(state.wait.service)
                face = _face(state.service)
                state.moved = state.moved or face != state.seen
                state.seen = face
                if state.service is None:
                    text = f"Cluster {cluster} has no service {state.wait.service} any more; find out who removed it."
                    yield state.wait.key, self._failed(state, DriftError(text))

    def _read_tasks(self, due: list[_State]) -> None:
        """Read the tasks of a whole cluster, where that takes fewer calls than the looks for which there is budget now."""
        self._paying = self._prompted
        groups: dict[tuple[int, str], list[_State]] = {}
        for state in due:
            if state.service:
                groups.setdefault((id(state.wait.clients), state.wait.cluster), []).append(state)
        for (_, cluster), group in groups.items():
            looks = min(sum(state.moved for state in group), self._prompted.left / LOOK_CALLS)
            running = sum(state.service.running for state in group if state.service)
            if looks * TASK_CALLS <= calls_for_tasks(running):
                continue
            try:
                tasks = list_cluster_tasks(group[0].wait.clients.ecs, cluster)
            except (RunbookError, BotoCoreError, ClientError) as error:
                log.warning("Each wait reads the tasks of its own service: %s", error)
                continue
            for state in group:
                if state.service:
                    state.service = replace(state.service, tasks=tasks.get(state.service.name, ()))

    @staticmethod
    def _batches(states: Iterable[_State]) -> Iterable[tuple[Clients, str, list[_State]]]:
        groups: dict[tuple[int, str], list[_State]] = {}
        for state in (candidate for candidate in states if candidate.wait.service):
            groups.setdefault((id(state.wait.clients), state.wait.cluster), []).append(state)
        for (_, cluster), group in groups.items():
            rest = iter(group)
            while batch := list(islice(rest, ecs.DESCRIBE_SERVICES_LIMIT)):
                yield batch[0].wait.clients, cluster, batch

    def _look(self, state: _State) -> PollResult:
        wait = state.wait
        try:
            progress = self._run_watch(wait.watch, wait.clients, wait.arguments, state.service)
        except RunbookError as error:
            state.answered = self._clock()
            return self._failed(state, error)
        except (BotoCoreError, ClientError) as error:
            return self._missed(state, error)
        except Exception as error:  # a defect in one waiter must not end everybody else's waits
            log.exception("%s failed", wait.key)
            return PollResult("failed", f"{type(error).__name__} in the waiter {wait.watch}: {error}")
        state.answered = state.looked = self._clock()
        state.agreed, state.failing = state.agreed + 1 if progress.done else 0, None
        done = state.agreed >= wait.agree
        state.moved = progress.done and not done  # so that the next look does not have to wait for its turn
        return PollResult("done" if done else "waiting", progress.text, progress.milestone, progress.end)

    def _failed(self, state: _State, error: RunbookError) -> PollResult:
        now, text = self._clock(), str(error)
        state.agreed, state.looked, state.moved = 0, now, True
        state.failing = now if state.failing is None else state.failing
        return PollResult("failed" if now - state.failing >= DOUBT else "waiting", text)

    def _missed(self, state: _State, error: Exception) -> PollResult:
        if refused := refusal_of(error):
            state.answered = self._clock()
            return self._failed(state, refused)
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in EXPIRED:
            state.wait.clients.renew()
        silent = self._clock() - state.answered
        if silent < SILENCE:
            return PollResult("missed", f"AWS did not answer, for {silent:.0f} s by now: {error}")
        return PollResult(
            "failed",
            f"AWS has not answered for {silent:.0f} s ({error}); nothing was undone, look there and start again.",
        )


def _face(service: Service | None) -> tuple[Any, ...] | None:
    """Return a value that changes whenever a service changes, and not otherwise."""
    if service is None:
        return None
    counts = (service.desired, service.running, service.pending, service.task_definition, service.last_event)
    return (*counts, service.deployments)
