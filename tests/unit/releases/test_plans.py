"""Plans of staging_deployment, production_release and release_rollback."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.aws.cloudwatch import Alarm
from include.aws.ecr import Finding, Image, Scan
from include.ecs.room import Room, TaskSize
from include.errors import PreconditionError
from include.github import Commit
from include.inventory import load
from include.releases.deployment.plan import Live, live_of
from include.releases.migration.plan import keyed
from include.releases.production.plan import ProductionReleasePlan, Repository, World, plan_production_release
from include.releases.production.versions import read_tags, read_version
from include.releases.rollback.plan import Candidate, describe_offer, offer, plan_rollback
from include.releases.staging.plan import StagingDeploymentPlan, plan_staging_deployment
from include.run.image_attestations import Attestation
from include.run.plan.markdown import render
from tests.unit.facts import scaling_group
from tests.unit.releases.facts import APP_NEW, NEW_DIGEST, on

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
CORE, STAGING = load().target("core/production"), load().target("core/staging")
SERVICES = ("core-prod-app", "core-prod-sidekiq")


def live(services: tuple[str, ...] = SERVICES, **different: Any) -> dict[str, Live]:
    fact = Live("", frozenset({OLD}), 4, 4)
    return {name: replace(fact, **{"definition": f"x/{name}:41", **different}) for name in services}


def image(digest: str, *tags: str, days: int = 0) -> Image:
    return Image(digest, tags, NOON - timedelta(days=days))


IMAGES = [image(NEW, COMMIT), image(OLD, "production-v0.6.14-20261101000000", days=7)]
REPOSITORY = Repository(
    tags=read_tags(["v0.6.14", "v0.6.9", "v.0.3.25", "nightly", "2024.10.01"]),
    previous=read_version("v0.6.14"),
    commits=[Commit("a" * 40, "CLDC-1 Add a page"), Commit("b" * 40, "CLCD-2 Fix it"), Commit("c" * 40, "Bump rails")],
    files=(),
    comparison="behind",
    checks=[("Test", "success")],
)
ALARMS = tuple(Alarm(name, "OK", NOON, "", 300) for name in CORE.environment.alarms)
WORLD = World(
    live=live(),
    images=IMAGES,
    scan=Scan("COMPLETE", (Finding("CVE-2026-2", "HIGH"),)),
    proof=Attestation(NEW, COMMIT, "core/staging", "staging_deployment/ci-1", NOON),
    alarms=ALARMS,
    account="111111111112",
    keep={"production-": 3},
)


def released(repository: Any = None, world: Any = None, **different: Any) -> ProductionReleasePlan:
    facts = {"stamp": NOON, "registry": "core", **different}
    return plan_production_release(
        CORE, COMMIT, replace(REPOSITORY, **(repository or {})), replace(WORLD, **(world or {})), NOON, **facts
    )


def refusal(repository: Any = None, world: Any = None, **different: Any) -> str:
    with pytest.raises(PreconditionError) as caught:
        released(repository, world, **different)
    return str(caught.value)


def test_release_goes_from_publishing_to_the_app_and_then_its_workers():
    plan = released()
    assert [change.what for change in plan.changes] == [
        "publish release v0.6.15 of example-housing/core at 0123456789ab",
        "tag image sha256:111111111111 (ecr.PutImage)",
        "run `bundle exec rake db:migrate` in a task of core-prod-ad-hoc with image sha256:111111111111 (ecs.RunTask)",
        "core-prod-app (ecs.RegisterTaskDefinition, ecs.UpdateService)",
        "core-prod-sidekiq (ecs.RegisterTaskDefinition, ecs.UpdateService)",
    ]
    assert (plan.version, plan.previous, plan.readable) == ("v0.6.15", "v0.6.14", "production-v0.6.15-20261118120000")
    assert (plan.image, plan.commit, plan.proved_by) == (NEW, COMMIT, "staging_deployment/ci-1")
    assert [(service.service, service.before, service.before_digest, service.count) for service in plan.services] == [
        ("core-prod-app", "x/core-prod-app:41", OLD, 4),
        ("core-prod-sidekiq", "x/core-prod-sidekiq:41", OLD, 4),
    ]
    assert plan.bake_seconds == 35 * 60


def test_approver_sees_what_goes_out_its_proof_and_whether_going_back_is_safe():
    text = render(released({"files": ("db/migrate/1_a.rb",)}))
    for words in (
        "3 commits since v0.6.14, 2 tickets: CLDC-1, CLDC-2.",
        "CLDC-1 Add a page",
        "CLCD-2 in bbbbbbb is read as CLDC-2.",
        "Image sha256:111111111111, proved on core/staging by staging\\_deployment/ci-1; scan complete: 1 high.",
        "Going back is possible: what runs now (sha256:000000000000) outlives this release in the registry.",
        "Migrations will run with this release: 1\\_a.rb; going back does not undo them",
        "Not counted as a version: tag 2024.10.01 (it has no prefix v).",
        "Not counted as a version: tag nightly (it is no version).",
    ):
        assert words in text


def test_release_without_migrations_is_said_to_be_safe_to_go_back_from():
    assert "No migration has changed since the last release, so going back is safe for the schema." in released().notes


def test_same_world_gives_the_same_plan_and_another_stamp_or_image_before_another():
    assert released().digest == released().digest
    later = plan_production_release(
        CORE, COMMIT, REPOSITORY, WORLD, NOON + timedelta(hours=2), stamp=NOON, registry="core"
    )
    assert later == released()
    assert released(stamp=NOON + timedelta(seconds=1)) != released()
    assert released(world={"live": live(definition="x/other:1")}) != released()


def test_service_without_tasks_gets_its_definition_and_the_note_that_nothing_proves_it():
    found = live()
    found["core-prod-sidekiq"] = replace(found["core-prod-sidekiq"], desired=0, healthy=0)
    plan = released(world={"live": found})
    assert [(service.service, service.count, service.before_digest) for service in plan.services] == [
        ("core-prod-app", 4, OLD),
        ("core-prod-sidekiq", 0, OLD),
    ]
    assert (
        "core-prod-sidekiq has a desired count of 0: its definition is renewed, and no task of it runs that could prove it"
        in plan.notes
    )


def test_alarm_that_fires_already_is_shown_and_does_not_stop_the_release():
    firing = (replace(ALARMS[0], state="ALARM"), *ALARMS[1:])
    plan = released(world={"alarms": firing})
    assert plan.firing == ("core-prod-app-average-cpu",)
    assert "Firing already, so not held against this release: core-prod-app-average-cpu." in plan.notes


def test_reverted_work_and_what_the_last_release_had_more_are_told():
    commits = [Commit("a" * 40, "CLDC-1 Add x"), Commit("b" * 40, 'Revert "CLDC-1 Add x"')]
    plan = released({"commits": commits, "lacking": [Commit("c" * 40, "CLDC-3 Mend z")]})
    assert plan.tickets == ()
    assert plan.notes[-1] == "2 commits since v0.6.14, 0 tickets: none named."
    for note in (
        "Reverted, so not released: CLDC-1.",
        "Withdrawn, though an earlier release had them: CLDC-3.",
        "v0.6.14 has 1 commits that this release takes away again: ccccccc CLDC-3 Mend z.",
    ):
        assert note in plan.notes


def test_skipped_checks_are_told():
    plan = released({"checks": [("Docs", "skipped"), ("Test", "success")]})
    assert "Skipped, so nothing was checked by them: Docs." in plan.notes


def test_differences_from_the_definition_the_proof_was_made_in_are_shown():
    plan = released(world={"differences": ["core-prod-app has no variable REDIS_URL"]})
    assert "Here, core-prod-app has no variable REDIS_URL." in plan.notes


@pytest.mark.parametrize(
    ("repository", "world", "different", "sentence"),
    [
        ({}, {}, {"version": "v0.6.14"}, "Version v0.6.14 exists already"),
        ({}, {}, {"version": "v0.6.13"}, "Version v0.6.13 is lower than the last one"),
        ({"comparison": "diverged"}, {}, {}, "Commit 0123456789ab is not on main"),
        ({"checks": [("Test", "failure")]}, {}, {}, "Commit 0123456789ab has failed checks"),
        ({"checks": [("Test", "")]}, {}, {}, "Commit 0123456789ab is not green yet: it waits for Test; start"),
        ({"checks": [("Test", "skipped")]}, {}, {}, "Commit 0123456789ab is not green yet: it waits for a check that succeeds"),
        ({}, {"images": [image(NEW, f"x-{COMMIT}"), IMAGES[1]]}, {}, "Repository core has no image tagged"),
        ({}, {"proof": None}, {}, "No staging deployment of image sha256:111111111111"),
        ({}, {"proof": replace(WORLD.proof, digest=OLD)}, {}, "core/staging has proved image sha256:000000000000"),
        ({}, {"scan": Scan("COMPLETE", (Finding("CVE-1", "CRITICAL"),))}, {}, "Image sha256:111111111111 has 1 CRITICAL"),
        ({}, {"scan": Scan("PENDING")}, {}, "Nothing can be said of it yet: the scan of image"),
        ({}, {"keep": {"production-": 1}}, {}, "The image sha256:000000000000 that core-prod-app runs now would expire"),
        ({}, {"images": IMAGES[:1]}, {}, "The image sha256:000000000000 that core-prod-app runs now is not in the"),
        ({}, {"live": live(digests=frozenset())}, {}, "Which image core-prod-app runs is not known"),
        ({}, {"live": live(digests=frozenset({OLD, NEW}))}, {}, "Service core-prod-app runs 2 images at once"),
        ({}, {"live": live(busy="deployment 9 to x:9")}, {}, "Service core-prod-app is being deployed (deployment 9"),
        ({}, {"live": live(desired=0)}, {}, "Every service of core/production has a desired count of 0"),
        ({}, {"live": live(controller="CODE_DEPLOY")}, {}, "Service core-prod-app is deployed by CODE_DEPLOY, but"),
        ({}, {"live": live(status="DRAINING")}, {}, "Service core-prod-app is DRAINING"),
        ({}, {"alarms": ALARMS[1:]}, {}, "CloudWatch has no alarm core-prod-app-average-cpu"),
        ({}, {"account": "999999999999"}, {}, "Connection aws_core_production leads to account 999999999999"),
    ],
)  # fmt: skip
def test_release_is_refused(repository: Any, world: Any, different: Any, sentence: str):
    assert refusal(repository, world, **different).startswith(sentence)


def test_release_by_a_pipeline_is_followed_rather_than_made():
    release = CORE.release.model_copy(update={"deployed_by": "pipeline", "workflow": "production.yml"})
    environment = CORE.environment.model_copy(update={"release": release})
    system = CORE.system.model_copy(update={"environments": {**CORE.system.environments, "production": environment}})
    target = replace(CORE, system=system)
    plan = plan_production_release(target, COMMIT, REPOSITORY, WORLD, NOON, stamp=NOON)
    assert plan.changes[1].what == "workflow production.yml, which publishing starts, followed to its end"
    assert (plan.deployed_by, plan.workflow) == ("pipeline", "production.yml")
    assert not [change for change in plan.changes if "PutImage" in change.what]


# staging

STAGED = ("core-staging-app", "core-staging-sidekiq")


def staged(found: Image | None = IMAGES[0], target: Any = STAGING, **different: Any) -> StagingDeploymentPlan:
    facts: dict[str, Any] = {
        "live": live(target.release.services),
        "checks": [("Test", "success")],
        "comparison": "identical",
        "account": target.environment.account,
        "now": NOON,
        "stamp": NOON,
        **different,
    }
    return plan_staging_deployment(target, COMMIT, found, **facts)


def test_staging_tags_migrates_and_deploys_in_order_and_is_measured():
    plan = staged()
    assert [change.what.split(" (")[0] for change in plan.changes] == [
        "tag image sha256:111111111111",
        "run `bundle exec rake db:migrate` in a task of core-staging-ad-hoc with image sha256:111111111111",
        *STAGED,
    ]
    assert plan.readable == "staging-20261118120000"
    assert plan.performance == ("bash", "-c", "sh ./lib/tasks/performance_test.sh")


def test_image_that_is_not_there_is_built_first():
    plan = staged(None)
    assert plan.changes[0].what == "build the image of commit 0123456789ab"
    assert plan.image == ""
    assert plan.migration is not None
    assert plan.migration.key == ""
    built = staged().migration
    assert keyed(plan.migration, "core/staging", NEW) == built
    assert built is not None
    assert len(built.key) == 32
    assert plan.expected_seconds == staged().expected_seconds + 15 * 60


def test_checks_at_work_are_waited_for_and_red_ones_refuse():
    assert staged(checks=[("Test", "")]).services
    with pytest.raises(PreconditionError, match=r"has failed checks: Test \(failure\)"):
        staged(checks=[("Test", "failure")])
    with pytest.raises(PreconditionError, match="is not on main"):
        staged(comparison="ahead")


def test_blue_green_staging_is_codedeploys_work_and_has_no_gate():
    target = load().target("planning-data/staging")
    green = live(("staging-web",), controller="CODE_DEPLOY")
    plan = staged(None, target=target, live=green)
    assert [change.what.split(" of ")[0] for change in plan.changes] == [
        "build the image",
        "staging-web (CodeDeploy, blue-green)",
    ]
    with pytest.raises(PreconditionError, match="only the push of an image starts its deployment"):
        staged(target=target, live=green)
    assert [skip.what for skip in plan.skips] == ["a performance test"]
    assert (plan.migration, plan.performance) == (None, ())


MAPS = load().target("districtbuilder/staging")


def test_service_on_instances_needs_room_for_both_revisions_and_takes_the_groups_maximum():
    name = "StagingApp_EC2LaunchType"
    plan = staged(target=MAPS, live=live((name,), desired=2, healthy=2, group=scaling_group()), comparison="behind")
    assert plan.services[0].group is not None
    assert plan.services[0].group.maximum == 5
    assert "desired capacity of Auto Scaling group asgStagingContainerInstance" in plan.changes[2].what
    with pytest.raises(
        PreconditionError, match=r"allows 3 instances but the deployment of StagingApp_EC2LaunchType needs 4"
    ):
        staged(target=MAPS, live=live((name,), desired=2, group=scaling_group(max=3)))


def test_daemon_is_released_in_place_without_raising_its_group():
    (name,) = MAPS.release.services
    how = f"{name} runs one task on each instance (DAEMON): on each, ECS stops the old one"
    plan = staged(target=MAPS, live=live((name,), desired=2, group=scaling_group(max=2), daemon=how))
    assert plan.services[0].group is None
    assert plan.notes[-1] == how
    with pytest.raises(PreconditionError, match=r"^Service x can never be replaced\.$"):
        staged(target=MAPS, live=live((name,), desired=2, daemon=how, stuck="Service x can never be replaced."))


def test_room_on_instances_decides_and_not_how_many_tasks_there_are():
    (name,) = MAPS.release.services
    small = {"desired": 8, "healthy": 8, "group": scaling_group(max=4)}
    size = TaskSize(256, 512)
    assert staged(target=MAPS, live=live((name,), **small, room=Room(size, 0, 4))).services[0].count == 8
    with pytest.raises(PreconditionError) as error:
        staged(target=MAPS, live=live((name,), **small, room=Room(size, 1, 3, barred=1)))
    assert str(error.value).startswith(
        f"Only 7 of 8 new tasks of {name} (256 CPU units and 512 MiB each) find room beside the old ones, even with 4 instances"
    )
    assert "1 of whose instances its placement constraints exclude" in str(error.value)
    plan = staged(target=MAPS, live=live((name,), **small, room=Room(size, 8, 4, unjudged=("memberOf(a or b)",))))
    assert any(note.startswith("Not judged: whether instances meet memberOf(a or b), so") for note in plan.notes)


def test_alarm_that_fires_already_is_noted_where_ecs_deploys_and_refused_where_a_push_would():
    firing = {"firing": ("web-5xx",)}
    plan = staged(live=live(STAGED, **firing))
    assert sum("web-5xx fires already, so ECS watches none of the alarms" in note for note in plan.notes) == len(STAGED)


def test_service_that_is_short_before_is_noted_since_going_back_leads_there():
    assert "core-staging-app has 1 healthy tasks of 4 before this run" in staged(live=live(STAGED, healthy=1)).notes[0]


def test_service_as_it_is_read_from_ecs():
    described = MAPS.environment.services[0]
    seen = live_of(on(APP_NEW), described)
    assert (seen.definition, seen.digests, seen.desired, seen.healthy, seen.busy) == (
        APP_NEW,
        frozenset({NEW_DIGEST}),
        2,
        2,
        "",
    )
    state = on(APP_NEW)
    moving = replace(state.service.deployments[0], rollout_state="IN_PROGRESS")
    busy = live_of(replace(state, service=replace(state.service, deployments=(moving,))), described).busy
    assert busy == "deployment ecs-svc/2 to core-app:42"


# rollback

TAG = "production-v0.6.14-20261101000000"


def candidates(*found: tuple[str, bool]) -> dict[str, list[Candidate]]:
    chosen = found or ((OLD, True),)
    return {
        name: [Candidate(f"x/{name}:{40 - n}", digest, active) for n, (digest, active) in enumerate(chosen)]
        for name in SERVICES
    }


def back(to: str = TAG, **different: Any) -> Any:
    facts: dict[str, Any] = {
        "images": IMAGES,
        "candidates": candidates(),
        "live": live(digests=frozenset({NEW})),
        "account": "111111111112",
        "now": NOON,
        **different,
    }
    return plan_rollback(CORE, to, **facts)


def test_rollback_goes_newest_first_to_the_newest_active_revision_with_that_image():
    plan = back(candidates=candidates((NEW, True), (OLD, False), (OLD, True), (OLD, True)))
    assert [service.service for service in plan.services] == ["core-prod-sidekiq", "core-prod-app"]
    assert plan.to == {"core-prod-sidekiq": "x/core-prod-sidekiq:38", "core-prod-app": "x/core-prod-app:38"}
    assert [change.before for change in plan.changes] == ["core-prod-sidekiq:41, 4 tasks", "core-prod-app:41, 4 tasks"]
    assert "Schema changes are not undone" in render(plan)


def test_rollback_changes_nothing_where_the_revision_runs_already():
    plan = back(live=live(definition="x/core-prod-app:40", digests=frozenset({OLD})))
    assert [change.what for change in plan.changes] == ["core-prod-sidekiq (ecs.UpdateService)"]


def test_releases_that_are_still_in_the_registry_are_offered_newest_first():
    images = [*IMAGES, image("sha256:9", "production-v0.6.13-2026", days=9), image("sha256:8", "staging-2026")]
    assert offer(images, "production") == (TAG, "production-v0.6.13-2026")


def test_offered_releases_are_told_apart_by_what_runs():
    images = [
        image(NEW, "production-v3", days=1),
        image(OLD, "production-v2", days=2),
        image("sha256:9", "production-v1", days=9),
    ]
    there = offer(images, "production")
    assert describe_offer(there, images, live(digests=frozenset({OLD})), "production-v1") == {
        "production-v3": "newer than what runs: it went back, or was not released here",
        "production-v2": "runs now",
        "production-v1": "the last release before the one that runs; taken if the field is left empty",
    }


def test_rollback_that_names_no_release_takes_the_last_one_before_the_one_that_runs_and_says_so():
    plan = back("")
    assert plan.version == TAG
    assert f"({TAG}, the last release before the one that runs, since the run names none)." in plan.notes[0]


def test_rollback_that_names_no_release_never_goes_forward_again_to_the_one_that_was_left():
    # production was rolled back to OLD: NEW is newer than what runs
    with pytest.raises(
        PreconditionError,
        match="no release before the running one for which every service has a task definition; choose",
    ):
        back("", live=live(digests=frozenset({OLD})), candidates=candidates((NEW, True), (OLD, True)))


def test_rollback_that_names_no_release_is_refused_if_what_runs_is_not_in_the_registry():
    with pytest.raises(PreconditionError, match="no release before the running one"):
        back("", live=live(digests=frozenset({"sha256:gone"})))


def test_rollback_to_what_is_gone_is_refused_with_what_is_there():
    with pytest.raises(PreconditionError, match=rf"no image tagged production-v0.6.1 any more; choose .* there: {TAG}"):
        back("production-v0.6.1")
    with pytest.raises(
        PreconditionError, match="core-prod-sidekiq has no active task definition with image sha256:0000"
    ):
        back(candidates=candidates((OLD, False)))
