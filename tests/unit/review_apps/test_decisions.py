"""Decisions about a review app: whether a pull request gets one, its place in the queue, what its names are, and whether it serves."""

import pytest
import yaml

from include.aws.ecs import Container
from include.errors import DriftError, InventoryError, RolloutFailedError
from include.github import Labelling, Pull
from include.inventory import load
from include.inventory.loader import SHIPPED
from include.review_apps.deployment.services import judge_service
from include.review_apps.deployment.serving import judge
from include.review_apps.identity import identify
from include.review_apps.queue import Standing, judge_place
from include.review_apps.wanted import fork_label, why_distrusted, why_unwanted
from tests.unit import facts

SHA = "1" * 40
APP = load().target("core/review-1234")


def pull(**other):
    given = {
        "number": 1234,
        "state": "open",
        "sha": SHA,
        "title": "A title",
        "own": True,
        "labels": ("review-app",),
        "updated": "",
    }
    return Pull(**{**given, **other})


def test_names_are_those_of_the_template():
    app = identify(APP)
    assert (app.prefix, app.workspace, app.database) == ("core-review-1234", "1234", "core-review-1234")
    assert app.families == ("core-review-1234-app", "core-review-1234-sidekiq", "core-review-1234-ad-hoc")
    assert app.log_groups == ("core-review-1234",)


def test_label_or_every_pull_request_by_the_inventory():
    section = APP.review_app
    assert why_unwanted(section, pull()) == ""
    assert why_unwanted(section, pull(labels=("bug",))) == "pull request 1234 has no label review-app"
    assert why_unwanted(section, pull(state="closed")) == "pull request 1234 is closed"
    every = section.model_copy(update={"opt_in": "every"})
    assert why_unwanted(every, pull(labels=())) == ""


def test_fork_is_trusted_by_a_label_with_its_commit_given_by_somebody_who_may_write():
    label = fork_label(SHA)
    assert len(label) == 47  # GitHub takes 50
    assert why_distrusted(pull(), None, may_write=False) == ""
    old = Labelling("amelia", "")  # of the label of another commit
    assert why_distrusted(pull(own=False), old, may_write=True).endswith(f"give the pull request the label {label}")
    labelled = pull(own=False, labels=("review-app", label))
    assert why_distrusted(labelled, Labelling("amelia", ""), may_write=True) == ""
    assert "by stranger, who has no write access" in why_distrusted(
        labelled, Labelling("stranger", ""), may_write=False
    )
    assert "somebody who is gone" in why_distrusted(labelled, Labelling("", ""), may_write=False)
    assert why_distrusted(labelled, None, may_write=True)


@pytest.mark.parametrize(
    ("living", "waiting", "standing"),
    [
        ([], [7], Standing(0, 0)),
        ([1, 2, 3], [7], Standing(1, 3)),
        ([1, 2, 3], [8, 7], Standing(2, 3)),
        ([1, 2], [8, 7], Standing(1, 2)),  # 8 is just taking the last place
        ([1, 2], [2, 7], Standing(0, 2)),  # 2 has taken its place
        ([1, 2, 7], [7], Standing(0, 3)),  # it lives already
        ([1, 2, 3, 4, 5], [7], Standing(3, 5)),
    ],
)
def test_place_in_the_queue(living, waiting, standing):
    assert judge_place(7, living, waiting, 3) == standing


def test_answer_proves_a_commit_only_by_its_name():
    section = APP.review_app
    assert judge(section, SHA, 204, SHA, "").done
    assert not judge(section, SHA, 503, "", "").done
    assert not judge(section, SHA, 0, "", "connection refused").done
    assert judge(section, SHA, 204, "2" * 40, "").text.endswith("is still commit 222222222222")
    with pytest.raises(DriftError, match="without the header X-Commit, so which commit serves is not proved"):
        judge(section, SHA, 204, "", "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"purpose": "staging"}, "an environment with review_app is for review, not for staging"),
        ({"account": "111111111111"}, "review apps need an account without such targets"),
        ({"account": "111111111112"}, "review apps need an account without such targets"),
        ({"services": [], "one_off": None}, "a review app has at least one service"),
    ],
)
def test_review_apps_stay_away_from_what_must_last(tmp_path, change, said):
    content = yaml.safe_load((SHIPPED / "core.yaml").read_text())
    content["templates"]["review"]["environment"] |= change
    (tmp_path / "core.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InventoryError, match=said):
        load(tmp_path)


def test_workspace_of_another_number_is_refused(tmp_path):
    content = yaml.safe_load((SHIPPED / "core.yaml").read_text())
    content["templates"]["review"]["environment"]["terraform"]["workspace"] = "{name}"
    (tmp_path / "core.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InventoryError, match="a review app has the one of its number"):
        load(tmp_path)


SERVICE = APP.environment.services[0]
RUNS = "sha256:" + "5" * 64


def running(digest=RUNS):
    return facts.task("one", started=5, containers=(Container("app", "RUNNING", image_digest=digest),))


def test_service_is_proved_by_the_image_that_its_tasks_run():
    assert judge_service(SERVICE, facts.state([running()], desired=1), RUNS).text == (
        f"core-review-1234-app runs 1 tasks of image {RUNS[:19]}"
    )
    assert not judge_service(SERVICE, facts.state([], desired=1), RUNS).done
    two = (facts.deployment(), facts.deployment("ecs-svc/0", status="ACTIVE"))
    assert not judge_service(SERVICE, facts.state([running()], desired=1, deployments=two), RUNS).done
    other = "sha256:" + "6" * 64
    with pytest.raises(RolloutFailedError, match=r"runs image sha256:666666666666, not sha256:555555555555"):
        judge_service(SERVICE, facts.state([running(other)], desired=1), RUNS)
    assert judge_service(SERVICE, facts.state([running(other)], desired=1), RUNS, accepted=(other,)).done


@pytest.mark.parametrize("broken", [{"failed": 3}, {"rollout_state": "FAILED", "rollout_reason": "circuit breaker"}])
def test_tasks_that_fail_end_the_deployment(broken):
    with pytest.raises(RolloutFailedError, match="new tasks of core-review-1234-app failed"):
        judge_service(SERVICE, facts.state([], desired=1, deployments=(facts.deployment(**broken),)), RUNS)
