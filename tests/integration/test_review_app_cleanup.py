"""The clean-up of review apps, over HTTP against the simulated AWS and GitHub."""

from dataclasses import replace
from datetime import timedelta

import pytest
from github import UnknownObjectException

from include.review_apps.cleanup.model import Note
from include.review_apps.cleanup.starting import why_not
from include.run.lease.store import read_lease, try_claim
from include.run.stop import Stop, set_stop
from sandbox.external_services.github import hooks
from tests.support.cleanup_scene import CleanupScene
from tests.support.external_services import control_of, inject_fault

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SEEDED = 2366  # the sandbox's pull request with the label
SETTLED = 11 * 60  # seconds after which no event is expected any more


@pytest.fixture
def scene(cloud, settled, external_services, small_inventory):
    made = CleanupScene(cloud, external_services.github, small_inventory)
    made.does("unlabel", number=SEEDED, label="review-app")
    return made


@pytest.fixture
def fault(scene, cloud, external_services, small_inventory):
    control = control_of(cloud, small_inventory, external_services)
    return lambda kind, **fields: inject_fault(control, kind, **fields)


def idle_since(scene, number, ago, **rest):
    sha = scene.issue(number).pull.head
    scene.note(number, lambda _: Note(active=scene.now - ago, sha=sha, **rest))


def test_planted_mess_of_40_apps_12_orphans_and_5_look_alikes(scene, cloud):
    pulls = [scene.opened() for _ in range(40)]
    closed = [scene.opened() for _ in range(12)]
    for number in closed:
        scene.does("close", number=number)
    cloud.advance(SETTLED)
    for number in pulls:
        scene.plant(number)
    whole, *partial = [["workspace", "cluster", "database"], ["workspace"], ["cluster"], ["database"]]
    for place, number in enumerate(closed):
        scene.plant(number, partial[place % 3] if place < 6 else whole)
    expired, day, hour, fresh = pulls[:5], pulls[5:9], pulls[9:12], pulls[12:]
    for number in expired:
        end = scene.now - 10 * MINUTE
        idle_since(scene, number, 30 * DAY + 10 * MINUTE, warned={3600: (end, end - HOUR)})
    for number in day:
        idle_since(scene, number, 29 * DAY + HOUR)
    for number in hour:
        idle_since(scene, number, 30 * DAY - 30 * MINUTE)
    # look-alikes: another tag, no tag, a name one character off (twice), and the number of no pull request
    scene.plant(closed[0] + 1000, ["cluster"], tag="other")
    scene.somebody.ecs.create_cluster(clusterName="core-review-7001-app")
    for name in ("core-revew-7002-app", "core-review-07003-app"):
        scene.somebody.ecs.create_cluster(clusterName=name, tags=[{"key": "review-app", "value": "7002"}])
    scene.plant(7004, ["workspace", "cluster", "database"])

    started: dict[int, str] = {}
    for round_ in range(4):  # five at once
        found = scene.clean_up()
        for start in found.starts:
            assert why_not(scene, scene.settings, start) == ""
            assert start.number not in started, f"twice, in round {round_}"
            started[start.number] = start.runbook
            scene.runs[f"{start.runbook}/{start.run_id}"] = "running"
            take_down(scene, start.number)
            scene.runs[f"{start.runbook}/{start.run_id}"] = "success"
    assert started == dict.fromkeys([*closed, *expired], "review_app_teardown")
    for number in (*day, *hour):
        assert scene.comment(number).count("This review app will be removed") == 1
    assert [number for number in fresh if scene.comment(number)] == []
    assert scene.noted(day[0]).warned.keys() == {86_400}
    assert scene.noted(hour[0]).warned.keys() == {3_600}
    left = {
        arn.rsplit("/", 1)[-1]
        for arn in scene.somebody.ecs.get_paginator("list_clusters").paginate().build_full_result()["clusterArns"]
    }
    assert {"core-review-7001-app", "core-revew-7002-app", "core-review-07003-app", "core-review-7004-app"} <= left
    assert f"core-review-{closed[0] + 1000}-app" in left
    writes = scene.written()
    for _ in range(2):
        assert scene.clean_up().starts == ()
    assert scene.written() == writes


def take_down(scene, number):
    """What a teardown does."""
    scene.somebody.ecs.delete_cluster(cluster=f"core-review-{number}-app") if exists(scene, number) else None
    terraform = scene.app(number).environment.terraform
    scene.somebody.s3.delete_object(Bucket=terraform.state_bucket, Key=f"env:/{number}/{terraform.state_key}")
    scene.databases.discard(f"core-review-{number}")


def exists(scene, number):
    described = scene.somebody.ecs.describe_clusters(clusters=[f"core-review-{number}-app"])["clusters"]
    return any(each["status"] == "ACTIVE" for each in described)


def test_a_lost_event_is_mended_and_said(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.does("close", number=number)
    assert scene.clean_up().starts == ()  # the event may still come
    cloud.advance(SETTLED)
    found = scene.clean_up()
    [start] = found.starts
    assert (start.runbook, start.target) == ("review_app_teardown", f"core/review-{number}")
    assert found.report.mended == (f"review-{number}: its pull request {number} is closed.",)
    assert "AN EVENT OF GITHUB WAS LOST" in found.text


def test_a_person_sees_what_would_be_done_and_nothing_is_written(scene, cloud):
    number = scene.opened()
    cloud.advance(SETTLED)
    scene.cloud.application.calls.clear()
    found = scene.clean_up(acting=False)
    assert (found.starts, f"Would deploy: 1.\n- review-{number}" in found.text) == ((), True)
    writes = [call.action for call in scene.cloud.application.calls if call.action in ("PutItem", "UpdateService")]
    assert writes == []
    assert scene.comment(number) == ""


def test_github_is_asked_again_right_before_a_run_is_started(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.does("close", number=number)
    cloud.advance(SETTLED)
    [start] = scene.clean_up().starts
    scene.does("reopen", number=number)
    assert why_not(scene, scene.settings, start) == f"pull request {number} asks for an app again"


MEANWHILE = {
    "a command that is on record": lambda scene, number: scene.note(
        number, lambda note: replace(note, until=scene.now + 7 * DAY)
    ),
    "a command whose event was lost": lambda scene, number: scene.does("comment", number=number, text="/extend 7d"),
    "a push": lambda scene, number: scene.does("push", number=number),
}


@pytest.mark.parametrize("happens", MEANWHILE)
def test_an_app_that_is_used_between_decision_and_teardown_stays(scene, cloud, happens):
    number = scene.opened()
    scene.plant(number)
    end = scene.now - 10 * MINUTE
    idle_since(scene, number, 30 * DAY + 10 * MINUTE, warned={3600: (end, end - HOUR)})
    cloud.advance(SETTLED)
    [start] = scene.clean_up().starts
    assert why_not(scene, scene.settings, start) == ""
    MEANWHILE[happens](scene, number)
    assert "was used or extended meanwhile" in why_not(scene, scene.settings, start)


def test_two_clean_ups_at_once(scene):
    scene.opened()
    other = replace(scene, run="review_app_cleanup/two")
    other.runs[scene.run] = scene.runs[scene.run] = "running"
    seen = []

    class Slow:
        def __getattr__(self, name):
            return getattr(scene, name)

        def list_databases(self):
            seen.append(other.clean_up())
            return scene.list_databases()

    from include.review_apps.cleanup.passing import clean_up

    first = clean_up(Slow(), scene.settings, scene.app, acting=True)
    [second] = seen
    assert second.report is None
    assert second.text.startswith("core/review is leased by review_app_cleanup/one")
    assert first.report is not None
    assert other.clean_up().report is not None  # the lease was given back


@pytest.mark.parametrize("limit", ["primary", "secondary"])
def test_github_limits_the_rate_at_the_beginning(scene, cloud, fault, limit):
    closed = scene.opened()
    scene.plant(closed)
    scene.does("close", number=closed)
    cloud.advance(SETTLED)
    fault("github_rate_limit", target="core/staging", limit=limit, retry_after=120)
    found = scene.clean_up()
    assert found.starts == ()
    assert "the open pull requests could not be read" in found.report.unknown[0]
    assert scene.written() == []


def test_github_limits_the_rate_in_the_middle(scene, cloud, monkeypatch):
    first, second = scene.opened(), scene.opened()
    for number in (first, second):
        scene.plant(number)
        idle_since(scene, number, 29 * DAY + HOUR)
    limited_after(scene, monkeypatch, writes=1)
    found = scene.clean_up()
    assert ["Warned: 1" in found.text, "Not done now: 1" in found.text] == [True, True]
    assert scene.comment(first) != ""
    assert scene.noted(second).warned == {}  # so the next clean-up warns
    monkeypatch.undo()


def limited_after(scene, monkeypatch, writes):
    from include.errors import ServiceUnavailableError
    from include.review_apps.cleanup import acting

    real, count = acting.put_notice, []

    def put(*given):
        if len(count) >= writes:
            raise ServiceUnavailableError("GitHub limits how often it is asked; try again in 60 s.", wait=60)
        count.append(1)
        real(*given)

    monkeypatch.setattr(acting, "put_notice", put)


def test_a_list_that_cannot_be_read_deletes_nothing(scene, cloud, fault):
    number = scene.opened()
    scene.plant(number)
    scene.does("close", number=number)
    cloud.advance(SETTLED)
    denied = fault("access_denied", target=f"core/review-{number}", api="s3", action="ListObjectsV2")
    found = scene.clean_up()
    assert denied()
    assert found.starts == ()
    assert "Terraform workspaces could not be read" in found.report.unknown[0]


def test_an_app_whose_pull_request_was_transferred_is_left_alone(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.does("transfer", number=number)
    cloud.advance(SETTLED)
    found = scene.clean_up()
    assert found.starts == ()
    assert f"review-{number}: GitHub shows no pull request {number}" in found.text


def test_an_app_whose_fork_was_deleted_lives_on(scene, cloud):
    number = scene.opened(fork="stranger")
    scene.plant(number)
    scene.does("delete_fork", number=number)
    cloud.advance(SETTLED)
    found = scene.clean_up()
    assert (found.starts, found.report.mended) == ((), ())


def test_an_idle_app_sleeps_and_wakes_when_it_is_used(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.plant_services(number)
    cloud.advance(SETTLED)
    idle_since(scene, number, 25 * HOUR)  # on a Saturday
    found = scene.clean_up()
    assert (scene.desired(number), "Sent to sleep: 1" in found.text) == ([0, 0], True)
    cloud.advance(SETTLED)
    found = scene.clean_up()
    assert "Asleep: 1, which saved about 0 hours" in found.text
    scene.does("comment", number=number, text="I would like to see it")
    cloud.advance(SETTLED)
    found = scene.clean_up()
    assert (scene.desired(number), scene.noted(number).asleep, "Woken: 1" in found.text) == ([1, 1], None, True)


def test_a_sleeping_app_whose_image_has_expired_is_built_anew_when_it_is_used(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.plant_services(number)
    cloud.advance(SETTLED)
    idle_since(scene, number, 25 * HOUR)
    assert "Sent to sleep: 1" in scene.clean_up().text
    scene.expire_image(number)
    cloud.advance(SETTLED)
    found = scene.clean_up()
    assert (found.starts, "Asleep: 1" in found.text) == ((), True)
    scene.does("comment", number=number, text="I would like to see it")
    cloud.advance(SETTLED)
    found = scene.clean_up()
    [start] = found.starts
    assert (start.runbook, start.target, found.report.mended) == ("review_app_deployment", f"core/review-{number}", ())
    assert "in use again, and its image has expired, so that it is built anew" in found.text
    assert scene.desired(number) == [0, 0]  # whose tasks no one could start


def test_the_app_of_a_suspended_author_stays_until_its_time_is_over_and_then_goes(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    cloud.advance(SETTLED)
    scene.clean_up()
    scene.does("suspend", number=number)
    cloud.advance(SETTLED)
    assert f"GitHub shows pull request {number} no longer, as after its author was suspended" in scene.clean_up().text
    scene.note(number, lambda note: replace(note, active=scene.now - 30 * DAY - 10 * MINUTE))
    found = scene.clean_up()
    [start] = found.starts
    assert (start.runbook, why_not(scene, scene.settings, start)) == ("review_app_teardown", "")
    scene.does("reinstate", number=number)
    assert why_not(scene, scene.settings, start) == f"pull request {number} asks for an app again"


def test_an_app_on_which_a_run_works_is_left_to_it(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.plant_services(number)
    cloud.advance(SETTLED)
    idle_since(scene, number, 25 * HOUR)
    scene.runs["review_app_deployment/other"] = "running"
    target = f"core/review-{number}"
    try_claim(scene.store, target, "review_app_deployment/other", "a push", scene.now, scene.run_state)
    found = scene.clean_up()
    assert scene.desired(number) == [1, 1]
    assert f"core/review-{number} is leased by review_app_deployment/other" in found.text
    assert read_lease(scene.store, target).waiting == {}


def test_the_warning_is_in_the_one_comment_and_a_comment_of_ours_is_no_use_of_the_app(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    idle_since(scene, number, 29 * DAY + HOUR)
    scene.clean_up()
    ours = scene.comment(number)
    assert "This review app will be removed: its time is over on 2026-11-22" in ours
    before = scene.noted(number).active
    cloud.advance(SETTLED)
    scene.clean_up()
    assert (scene.noted(number).active, scene.comment(number)) == (before, ours)


def test_a_failed_delivery_is_asked_for_again_once(scene, cloud, external_services):
    url = "http://127.0.0.1:9/door/github/example-housing"  # nobody listens there
    given = {"repository": "example-housing/core", "url": url, "event": "push", "payload": {}, "status": 503}
    lost = hooks.lose(scene.pretend_github, given)
    hooks.lose(scene.pretend_github, {**given, "url": "http://elsewhere.example/hook"})
    found = scene.clean_up()
    assert f"push {lost['guid']}, which failed at 12:00 UTC (Invalid HTTP Response: 503)" in found.text
    cloud.advance(SETTLED)
    assert "Failed deliveries" not in scene.clean_up().text
    [ours, other] = scene.pretend_github.repositories["example-housing/core"].hooks
    assert [attempt.redelivery for attempt in ours.attempts] == [False, True]
    assert [attempt.redelivery for attempt in other.attempts] == [False]


def test_without_the_right_to_see_webhooks_the_rest_is_done_and_the_lack_is_said(scene, cloud, fault):
    number = scene.opened()
    scene.plant(number)
    scene.does("close", number=number)
    cloud.advance(SETTLED)
    limited = replace(scene)
    limited.__dict__["github"] = Blind(scene.github)
    found = limited.clean_up()
    assert len(found.starts) == 1
    assert "failed deliveries are not asked for again" in found.text


class Blind:
    """A repository whose token may not see webhooks: GitHub says that there are none."""

    def __init__(self, repository):
        self._repository = repository

    def __getattr__(self, name):
        return getattr(self._repository, name)

    def get_hooks(self):
        raise UnknownObjectException(404, {"message": "Not Found"}, {})


def test_a_stopped_database_server_is_no_empty_one_and_nobody_has_to_mend_that(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.does("close", number=number)
    cloud.advance(SETTLED)
    scene.somebody.rds.stop_db_instance(DBInstanceIdentifier="core-development")
    found = scene.clean_up()
    assert (found.starts, found.report.unknown) == ((), ())
    assert "the databases are not known, since their server core-development is stop" in found.text


def test_the_emergency_stop_stands(scene, cloud):
    number = scene.opened()
    scene.plant(number)
    scene.does("close", number=number)
    cloud.advance(SETTLED)
    set_stop(scene.store, Stop("ann", scene.now, "A wrong image goes everywhere"))
    found = scene.clean_up()
    assert (found.starts, found.report) == ((), None)
    assert "nothing is done, since emergency stop by ann" in found.text
