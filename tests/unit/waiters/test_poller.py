"""One poller for many waits: batches for all, thorough looks at services that changed, within its budget."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from include.aws.clients import Clients
from include.errors import DriftError, RolloutFailedError
from include.waiters import Poller, TokenBucket, Wait
from include.waiters.poller import SILENCE
from include.waiters.progress import Progress

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Ecs:
    """DescribeServices for any number of services. `events` changes one, `error` is raised instead of an answer."""

    class exceptions:  # noqa: N801  # boto3's own name
        class ClusterNotFoundException(Exception):  # noqa: N818  # boto3's own name
            pass

    def __init__(self, on_call):
        self.asked: list[list[str]] = []
        self.events: Counter[str] = Counter()
        self.gone: set[str] = set()
        self.error: Exception | None = None
        self.known: set[str] = set()
        self.listed = 0
        self.listing_error: Exception | None = None
        self._on_call = on_call

    def describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        self._on_call()
        self.asked.append(services)
        if self.error:
            raise self.error
        headers = {"date": "Wed, 18 Nov 2026 12:00:00 GMT"}
        found = [self._service(name) for name in services if name not in self.gone]
        return {"services": found, "failures": [], "ResponseMetadata": {"HTTPHeaders": headers}}

    def get_paginator(self, action: str) -> "Ecs":
        assert action == "list_tasks"
        return self

    def paginate(self, cluster: str, desiredStatus: str) -> Iterator[dict[str, Any]]:  # noqa: N803  # boto3's own name
        """Return the running tasks of the cluster, two a service, a hundred a page. None has stopped."""
        self.listed += 1
        arns = [f"{name}/{number}" for name in sorted(self.known) for number in range(2)]
        for begin in range(0, len(arns), 100) if desiredStatus == "RUNNING" else [0]:
            self._on_call()
            if self.listing_error:
                raise self.listing_error
            yield {"taskArns": arns[begin : begin + 100] if desiredStatus == "RUNNING" else []}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        self._on_call()
        assert len(tasks) <= 100
        return {"tasks": [self._task(arn) for arn in tasks]}

    @staticmethod
    def _task(arn: str) -> dict[str, Any]:
        common = {"lastStatus": "RUNNING", "desiredStatus": "RUNNING", "taskDefinitionArn": "app:1"}
        return {"taskArn": arn, "group": f"service:{arn.split('/')[0]}", **common}

    def _service(self, name: str) -> dict[str, Any]:
        self.known.add(name)
        return {
            "serviceName": name,
            "status": "ACTIVE",
            "desiredCount": 2,
            "runningCount": 2,
            "pendingCount": 0,
            "taskDefinition": "app:1",
            "events": [{"id": f"{name} {self.events[name]}", "createdAt": NOW}],
        }


class World:
    """A poller over a simulated ECS whose thorough look costs `cost` calls and returns `answers` for a service."""

    def __init__(self, *, rate: float = 10, burst: float = 100, cost: int = 4, prompted: int = 1):
        self.clock = Clock()
        budgets = [TokenBucket(rate * times, burst, self.clock) for times in (1, prompted)]
        self.poller = Poller(self.look, *budgets, clock=self.clock)
        self.calls = 0
        self.ecs = Ecs(self.note_call)
        self.clients = Clients(lambda _: self.ecs)
        self.cost = cost
        self.looked: list[str] = []
        self.shared: list[str] = []  # of these, those that got their tasks with the others' of the cluster
        self.answers: dict[str, Progress | Exception] = {}

    def note_call(self) -> None:
        self.calls += 1
        self.poller.note_call()

    def look(self, watch: str, clients: Clients, arguments: dict[str, Any], service: Any) -> Progress:
        shared = service is not None and service.tasks is not None
        for _ in range(self.cost - 3 if shared else self.cost):
            self.note_call()
        name = service.name if service else arguments["name"]
        if shared:
            self.shared.append(name)
            assert [task.arn for task in service.tasks] == [f"{name}/0", f"{name}/1"]
        self.looked.append(name)
        answer = self.answers.get(name, Progress(False, "not yet"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def add(self, *names: str, cluster: str = "one") -> None:
        for name in names:
            self.poller.add(Wait(name, "settled", {}, cluster, name, self.clients))
        self.clock.now += 15

    def round(self) -> dict[str, Any]:
        self.looked.clear()
        self.shared.clear()
        self.ecs.asked.clear()
        self.clock.now += self.poller.pace(15)
        return dict(self.poller.round())


@pytest.fixture
def world() -> World:
    return World()


def names(count: int) -> list[str]:
    return [f"svc{number:04}" for number in range(count)]


def test_services_are_described_ten_a_call_and_one_cluster_a_call(world: World):
    world.add(*names(23))
    world.add("other", cluster="two")
    world.round()
    assert [len(asked) for asked in world.ecs.asked] == [10, 10, 3, 1]


def test_service_two_waits_look_at_is_described_once(world: World):
    for key in ("first", "second"):
        world.poller.add(Wait(key, "settled", {}, "one", "app", world.clients))
    news = world.round()
    assert world.ecs.asked == [["app"]]
    assert set(news) == {"first", "second"}


def test_every_wait_is_looked_at_thoroughly_each_round_while_there_are_few(world: World):
    world.add(*names(3))
    for _ in range(4):
        world.round()
        assert sorted(world.looked) == names(3)


def test_done_failed_and_waiting_are_told_apart(world: World):
    world.add("done", "failed", "waiting", "broken")
    world.answers = {
        "done": Progress(True, "all healthy"),
        "failed": RolloutFailedError("task stopped"),
        "broken": KeyError("x"),
    }
    news = world.round()
    assert (news["done"].status, news["done"].text) == ("done", "all healthy")
    assert (news["failed"].status, news["failed"].text) == ("waiting", "task stopped")
    assert world.round()["failed"].status == "failed"
    assert (news["waiting"].status, news["waiting"].over) == ("waiting", False)
    assert news["broken"].status == "failed", "a defect in one wait must not end the others"


def test_failure_seen_once_may_be_a_stale_read_and_ends_nothing(world: World):
    world.add("a")
    for _ in range(3):
        world.answers["a"] = DriftError("the desired count is 2, not 5")
        assert world.round()["a"].status == "waiting"
        world.answers["a"] = Progress(False, "not yet")
        assert world.round()["a"].status == "waiting"


def test_health_that_comes_and_goes_is_not_taken_for_health(world: World):
    world.poller.add(Wait("a", "new_tasks_healthy", {}, "one", "a", world.clients, agree=3))
    for done in (True, True, False, True, True):
        world.answers["a"] = Progress(done, "look")
        assert world.round()["a"].status == "waiting"
    assert world.round()["a"].status == "done"


def test_wait_that_was_only_just_added_is_left_alone():
    world = World()
    world.poller.add(Wait("a", "settled", {}, "one", "a", world.clients))
    assert world.poller.round() == []
    world.clock.now += 1
    assert [key for key, _ in world.poller.round()] == ["a"]


def test_wait_that_was_removed_is_not_looked_at(world: World):
    world.add("a", "b")
    world.poller.remove("a")
    world.poller.remove("never there")
    assert set(world.round()) == {"b"}


def settled_crowd() -> World:
    """Return many waits on a small budget, each looked at once already: 200 waits with 80 calls a minute."""
    world = World(rate=80 / 60)
    world.add(*names(200))
    for _ in range(100):
        world.round()
    return world


def test_what_moved_is_looked_at_as_soon_as_it_was_described_however_many_wait():
    world = settled_crowd()
    world.ecs.events["svc0177"] += 1
    world.answers["svc0177"] = Progress(True, "healthy")
    for _ in range(100):
        news = world.round()
        if any("svc0177" in asked for asked in world.ecs.asked):
            break
    assert news["svc0177"].status == "done"


def test_many_waits_where_nothing_moves_stay_inside_the_budget():
    world = settled_crowd()
    before, began = world.calls, world.clock.now
    while world.clock.now < began + 600:
        world.round()
    assert 0.7 * 800 <= world.calls - before <= 800 + 100
    assert world.poller.pace(15) == pytest.approx(20)


def test_nobody_is_left_out_for_ever_when_the_budget_is_small():
    world = World(rate=1, burst=10)
    world.add(*names(60))
    seen: set[str] = set()
    for _ in range(60):
        world.round()
        seen |= set(world.looked)
    assert seen == set(names(60))


def test_a_thousand_waits_leave_calls_to_look_at_each_in_turn_within_the_hour():
    world = World(rate=400 / 60)
    world.add(*names(1000))
    new = set(names(1000))
    while new:  # every wait is new, so all are looked at first
        world.round()
        new -= set(world.looked)
    seen: set[str] = set()
    before, began, most = world.calls, world.clock.now, 0
    while seen != set(names(1000)):
        last = world.calls
        world.round()
        seen |= set(world.looked)
        most = max(most, world.calls - last)
        assert world.clock.now - began <= 3600, f"{len(seen)} were looked at within the hour"
    assert world.calls - before <= (world.clock.now - began) * 400 / 60 + 150
    assert most <= 100 / 0.75 + world.cost, "nothing is saved up for a storm of calls at once"


def test_a_thousand_waits_of_a_triggerer_that_took_them_over_are_all_answered_within_five_minutes():
    world = World(
        rate=400 / 60, burst=100, cost=5, prompted=2
    )  # as in production; a first look reads the task definition
    world.add(*names(1000))
    began, answered = world.clock.now, set()
    while len(answered) < 1000:
        answered |= {key for key, look in world.round().items() if look.status != "missed"}
        assert world.clock.now - began <= 300, f"{len(answered)} are answered"
    assert world.calls <= 2 * 100 + 300 * 1200 / 60, "within both budgets"


def test_few_services_that_moved_are_each_asked_for_their_own_tasks():
    world = World()
    world.add(*names(1000))
    while world.round():
        if len(world.poller) == 1000 and not world.shared:
            break
    world.ecs.listed = 0
    world.ecs.events["svc0500"] += 1
    world.round()
    assert "svc0500" in world.looked
    assert world.ecs.listed == 0


def test_tasks_of_a_cluster_that_cannot_be_listed_are_asked_for_by_each_wait():
    world = World()
    world.add(*names(100))
    world.ecs.listing_error = EndpointConnectionError(endpoint_url="https://ecs")
    world.round()
    assert world.ecs.listed == 1
    assert world.shared == []
    assert len(world.looked) > 20


def test_pace_is_the_one_asked_for_unless_the_batches_need_longer(world: World):
    world.add(*names(10))
    assert world.poller.pace(15) == 15


def test_service_that_is_gone_ends_its_wait_and_no_other(world: World):
    world.add("here", "gone")
    world.ecs.gone.add("gone")
    world.round()
    news = world.round()
    assert news["gone"].status == "failed"
    assert "has no service gone any more" in news["gone"].text
    assert news["here"].status == "waiting"


def test_silence_of_aws_is_borne_for_ten_minutes_and_then_said(world: World):
    world.add("a")
    world.round()
    world.ecs.error = EndpointConnectionError(endpoint_url="https://ecs")
    until = world.clock.now + SILENCE
    while world.clock.now + 15 < until:
        assert world.round()["a"].status == "missed"
    look = world.round()["a"]
    assert look.status == "failed"
    assert "AWS has not answered for 600 s" in look.text


def test_answer_in_between_begins_the_silence_anew(world: World):
    world.add("a")
    for _ in range(3):
        world.ecs.error = EndpointConnectionError(endpoint_url="https://ecs")
        for _ in range(30):
            assert world.round()["a"].status == "missed"
        world.ecs.error = None
        assert world.round()["a"].status == "waiting"


def test_refused_credentials_begin_a_new_session(world: World):
    sessions = []
    clients = Clients(lambda _: world.ecs, begin=lambda: sessions.append("new"))
    world.poller.add(Wait("a", "settled", {}, "one", "a", clients))
    answer: Any = {"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}
    world.ecs.error = ClientError(answer, "DescribeServices")
    assert world.round()["a"].status == "missed"
    assert sessions == ["new"]
    world.ecs.error = None
    assert world.round()["a"].status == "waiting"


def test_refusal_of_aws_ends_its_wait_with_one_sentence(world: World):
    world.add("a")
    answer: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform: ecs:ListTasks"}}
    answer["ResponseMetadata"] = {"HTTPStatusCode": 400}
    world.answers["a"] = ClientError(answer, "ListTasks")
    assert world.round()["a"].status == "waiting", "it may be a moment's"
    look = world.round()["a"]
    assert look.status == "failed"
    assert look.text == (
        "AWS refuses ListTasks (AccessDeniedException: not authorized to perform: ecs:ListTasks); give the role of the target's "
        "Airflow connection that right, then start again."
    )
    denied = world.answers.pop("a")
    assert world.round()["a"].text == "not yet"
    world.ecs.error = denied
    assert world.round()["a"].status == "waiting"
    assert "AWS refuses ListTasks" in world.round()["a"].text


def test_wait_on_no_service_has_its_turn_without_a_batch(world: World):
    world.poller.add(Wait("task", "task_stopped", {"name": "a one-off task"}, "", "", world.clients))
    world.clock.now += 15
    assert world.round()["task"].status == "waiting"
    assert world.ecs.asked == []
    world.answers["a one-off task"] = Progress(True, "it has stopped")
    assert world.round()["task"].status == "done"


def test_waits_on_no_service_share_the_budget_with_the_others(world: World):
    poller = World(rate=0.1, burst=8, cost=4)
    for name in names(6):
        poller.poller.add(Wait(name, "task_stopped", {"name": name}, "", "", poller.clients))
    poller.clock.now += 15
    poller.round()
    assert len(poller.looked) == 2, "eight calls were left, and each look makes four"
