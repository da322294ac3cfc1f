"""The rollback of a release: newest first, only the services that changed, and with everything that is not undone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import PreconditionError
from include.releases.deployment.rollback import DeploymentRollback, find_mixed, not_undone, plan_deployment_rollback
from tests.unit.releases.facts import APP, APP_NEW, APP_OLD, WORK_NEW, WORK_OLD, WORKERS

PARTS = [APP, WORKERS]
WANTED = {"core-app": APP_NEW, "core-sidekiq": WORK_NEW}
THERE = {APP_OLD: True, WORK_OLD: True}


def way(app: str, workers: str, **different: object) -> DeploymentRollback:
    runs = {"core-app": app, "core-sidekiq": workers}
    return plan_deployment_rollback(PARTS, WANTED, runs, THERE, **different)  # type: ignore[arg-type]


def test_services_go_back_newest_first():
    back = way(APP_NEW, WORK_NEW)
    assert [(each.part.service, each.runs, each.to) for each in back.returns] == [
        ("core-sidekiq", WORK_NEW, WORK_OLD),
        ("core-app", APP_NEW, APP_OLD),
    ]
    assert (back.untouched, back.mixed) == ((), None)


def test_release_that_failed_between_app_and_workers_is_mixed_and_only_the_app_goes_back():
    back = way(APP_NEW, WORK_OLD)
    assert [each.part.service for each in back.returns] == ["core-app"]
    assert back.untouched == ("core-sidekiq",)
    assert str(back.mixed).startswith("The release is mixed: core-app on core-app:42 (the release), core-sidekiq on")
    assert back.text == "Going back: core-app from core-app:42 to core-app:41."


def test_what_is_not_undone_is_said():
    assert not_undone(["bundle exec rake db:migrate"], "v0.6.15") == (
        "the schema changes of bundle exec rake db:migrate (going back in the database is done by hand, with the lead developer)",
        "release and tag v0.6.15 on GitHub, which stay published",
    )
    assert not_undone([], "") == ()


def test_release_that_ecs_has_rolled_back_itself_needs_no_way_back():
    back = way(APP_OLD, WORK_OLD)
    assert (back.returns, back.mixed) == ((), None)
    assert back.text == "Every service runs what it ran before; nothing goes back."


def test_service_that_ecs_is_still_rolling_back_is_waited_for():
    back = way(APP_OLD, WORK_OLD, unsettled=["core-app"])
    assert [(each.part.service, each.runs, each.to) for each in back.returns] == [("core-app", APP_OLD, APP_OLD)]
    assert (back.untouched, back.mixed) == (("core-sidekiq",), None)
    assert back.text == "Going back: core-app to core-app:41, as ECS has begun by itself."


def test_somebody_elses_work_is_not_undone():
    with pytest.raises(
        PreconditionError, match=r"^core-app runs core-app:7, which is neither this release nor core-app:41"
    ):
        way(APP_OLD.replace("41", "7"), WORK_NEW)


def test_way_back_to_what_is_gone_is_refused():
    with pytest.raises(
        PreconditionError, match=r"^core-app cannot go back to core-app:41: its task definition or an image of it"
    ):
        plan_deployment_rollback(PARTS, WANTED, {"core-app": APP_NEW, "core-sidekiq": WORK_OLD}, {APP_OLD: False})


def test_service_whose_new_revision_was_never_registered_is_where_it_was():
    runs = {"core-app": APP_NEW, "core-sidekiq": WORK_OLD}
    back = plan_deployment_rollback(PARTS, {"core-app": APP_NEW}, runs, THERE)
    assert [each.part.service for each in back.returns] == ["core-app"]


@pytest.mark.parametrize(
    ("app", "workers", "sentence"),
    [
        (APP_NEW, WORK_NEW, None),
        (APP_OLD, WORK_OLD, None),
        (APP_NEW, WORK_OLD,
         "The release is mixed: core-app on core-app:42 (the release), core-sidekiq on core-sidekiq:17"),
        (APP_OLD, f"{WORK_OLD}9",
         "The release is mixed: core-app on core-app:41, core-sidekiq on core-sidekiq:179 (neither the release nor what was "
         "before)"),
    ],
)  # fmt: skip
def test_mixed_release_is_named_service_by_service(app: str, workers: str, sentence: str | None):
    assert find_mixed(PARTS, WANTED, {"core-app": app, "core-sidekiq": workers}) == sentence


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_after_the_way_back_every_service_runs_what_it_ran_before(released: list[bool]):
    parts = [APP.model_copy(update={"service": f"s{n}", "before": f"x/s{n}:1"}) for n in range(len(released))]
    wanted = {part.service: f"x/{part.service}:2" for part in parts}
    runs = {
        each.service: wanted[each.service] if new else each.before for each, new in zip(parts, released, strict=True)
    }
    back = plan_deployment_rollback(parts, wanted, runs, {part.before: True for part in parts})
    after = {**runs, **{each.part.service: each.to for each in back.returns}}
    assert after == {part.service: part.before for part in parts}
    order = [each.part.service for each in back.returns]
    assert order == sorted(order, reverse=True)
    assert (back.mixed is not None) == (len(set(released)) > 1)
