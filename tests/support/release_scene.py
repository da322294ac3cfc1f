"""The context of a release's steps: a target, its clients, its repository, its store and its writer, all over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NoReturn

from include.aws.clients import Clients
from include.inventory import Target
from include.run.journal import list_events
from include.run.lease.store import confirm_lease, try_claim
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.waiters.progress import Progress
from include.write import Write
from opskit.connections.external_services import github_repository
from sandbox.aws.authorization.policy import Policies

RUN, NEXT = "staging_deployment/one", "staging_deployment/two"
MOST_LOOKS = 500  # of a wait: eight hours of the world at a look a minute
ATTEMPTS = 2  # attempts of the SDK: it repeats a call whose answer is lost once, and fails if all answers are lost


@dataclass
class Scene:
    cloud: Any
    control: Any
    target: Target
    run: str = RUN  # the run that only reads

    @cached_property
    def clients(self) -> Clients:
        name, of = self.target.name, self.cloud.client_of_runbooks
        return Clients(lambda service: of(service, name, ATTEMPTS), lambda service: of(service, name))

    @cached_property
    def somebody(self) -> Clients:
        """The clients of somebody else in the target's account, who may do everything."""
        return Clients(lambda service: self.cloud.client(service, self.target.name))

    def grant(self, resource: str, *rights: str) -> None:
        """Allow the runbooks' role more than its policies do, for a target that a test describes otherwise."""
        environment, roles = self.target.environment, self.cloud.application.identities.roles
        arn = f"arn:aws:iam::{environment.account}:role/{environment.role}"
        statement = {"Effect": "Allow", "Action": rights, "Resource": resource}
        roles[arn] = Policies([*roles[arn].documents, {"Statement": [statement]}])

    def clients_of(self, target: str) -> Clients:
        return Clients(lambda service: self.cloud.client_of_runbooks(service, target, ATTEMPTS))

    @cached_property
    def github(self) -> Any:
        return github_repository(self.target)

    @property
    def store(self) -> RunStore:
        return RunStore(self.cloud.client("dynamodb", self.target.name), "runbook-operations")

    def writer(self, run: str = RUN, step: str = "a_step") -> FencedWriter:
        """Return the writer of a run that holds the target. The run before it has ended."""
        claimed = try_claim(self.store, self.target.name, run, "a release", datetime.now(UTC), lambda _: "success")
        assert claimed.lease.owner == run
        confirm_lease(self.store, self.target.name, run, claimed.lease.fencing, "digest")
        return FencedWriter(self.store, self.target.name, run, claimed.lease.fencing, "digest", step)

    def step(self, run: str = RUN, name: str = "a_step") -> "SceneStep":
        """Return the context of a step of a run that holds the target; the run before it is over."""
        return SceneStep(self, self.writer(run, name))

    def inject(self, kind: str, **fields: Any) -> str:
        answer = self.control.post("/faults", json={"kind": kind, "target": self.target.name, **fields})
        assert answer.status_code == 200, answer.get_json()
        return str(answer.get_json()["id"])

    def injected(self, fault: str) -> int:
        faults = self.control.get("/faults").get_json()["faults"]
        return int(next(each["injected"] for each in faults if each["id"] == fault))

    def called(self, action: str) -> int:
        """Return the number of calls of an action such as ecs.RunTask, including the SDK's own retries."""
        return sum(f"{call.service}.{call.action}" == action for call in self.cloud.application.calls)

    def texts(self, run: str, phase: str) -> list[str]:
        """Return what is on record of a run: events of a phase, in order."""
        return [event["text"] for event in list_events(self.store, run) if event["phase"] == phase]


class SceneStep:
    """A step's context: everything of a scene, and what makes the step's writes."""

    def __init__(self, scene: Any, writer: FencedWriter):
        self.scene = scene
        self.writer = writer
        self.run = writer.owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scene, name)


def dying_after(write_of: Callable[..., Write[Any]]) -> Callable[..., Write[Any]]:
    """Return a function that gives the same write, but the process is killed right after it was made."""

    def dying(*given: Any, **named: Any) -> Write[Any]:
        write = write_of(*given, **named)

        def make() -> NoReturn:
            raise KeyboardInterrupt("the process is killed here", write.make())

        return replace(write, make=make)

    return dying


def until_done(scene: Any, look: Callable[[], Progress], *, every: float = 30) -> str:
    """Let the world's time pass until a look says that what is waited for is done. Return what that look says."""
    for _ in range(MOST_LOOKS):
        progress = look()
        if progress.done:
            return progress.text
        scene.cloud.advance(every)
    raise AssertionError(f"it is not done after {MOST_LOOKS} looks: {progress.text}")
