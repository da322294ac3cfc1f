"""Plans of image_publication and database_migration."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws.ecr import Image
from include.errors import InventoryError, PreconditionError
from include.inventory import load
from include.releases.image.plan import plan_image_publication
from include.releases.migration.plan import DatabaseMigrationPlan, plan_database_migration
from include.releases.migration.rules import find_migrations, migration_key
from include.run.migration_attempts import Attempt
from include.run.plan.markdown import render

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
CORE, MAPS = load().target("core/staging"), load().target("districtbuilder/staging")
HERE = CORE.environment.account


def image(digest: str = ONE) -> Image:
    return Image(digest, (COMMIT,), NOON)


def test_image_that_is_there_is_not_built_again():
    plan = plan_image_publication(CORE, COMMIT, {"core": image()}, HERE, builder="workflow build.yml")
    assert (plan.changes, plan.builder, plan.expected_seconds) == ((), "", 0)
    assert [skip.why for skip in plan.skips] == ["it has image sha256:111111111111 of this commit already"]
    assert "Nothing to change." in render(plan)


def test_plan_says_where_an_image_is_an_index():
    index = replace(image(), media_type="application/vnd.oci.image.index.v1+json")
    plan = plan_image_publication(CORE, COMMIT, {"core": index}, HERE, builder="workflow build.yml")
    assert [skip.why for skip in plan.skips] == [
        "it has image sha256:111111111111, an index of images by platform of this commit already"
    ]


def test_registry_without_the_image_gets_it_built():
    plan = plan_image_publication(CORE, COMMIT, {"dev": image(), "staging": None}, HERE, builder="workflow build.yml")
    assert [change.what for change in plan.changes] == [
        "build the image of commit 0123456789ab (workflow build.yml) and push it to staging"
    ]
    assert [(registry.registry, registry.digest) for registry in plan.registries] == [("dev", ONE), ("staging", "")]
    assert plan.tag == COMMIT


def test_seven_letters_where_the_registry_has_them():
    assert plan_image_publication(CORE, COMMIT, {"x": None}, HERE, length=7, builder="b").tag == "0123456"


@pytest.mark.parametrize(
    ("found", "builder", "account", "sentence"),
    [
        ({"a": image(), "b": image(TWO)}, "x", HERE, r"Commit 0123456789ab has more than one image \(a: sha256:11"),
        ({"a": None}, None, HERE, "a has no image of commit 0123456789ab, and core/staging has no builder"),
        ({"a": None}, "x", "999999999999", "Connection aws_core_staging leads to account 999999999999"),
    ],
)
def test_publication_is_refused(found: Any, builder: str | None, account: str, sentence: str):
    with pytest.raises(PreconditionError, match=rf"^{sentence}"):
        plan_image_publication(CORE, COMMIT, found, account, builder=builder)


def test_publication_of_no_commit_is_refused():
    with pytest.raises(PreconditionError, match="'main' is no commit"):
        plan_image_publication(CORE, "main", {"a": None}, HERE, builder="x")


def migrated(*kept: Attempt, target: Any = CORE, **different: Any) -> DatabaseMigrationPlan:
    facts: dict[str, Any] = {"preset": "migrate", **different}
    return plan_database_migration(
        target, "x/core-staging-ad-hoc:9", ONE, kept, target.environment.account, NOON, **facts
    )


def test_migration_is_one_command_in_a_task_of_the_newest_revision():
    plan = migrated()
    assert [change.what for change in plan.changes] == [
        "run `bundle exec rake db:migrate` in a task of core-staging-ad-hoc:9 (ecs.RunTask)"
    ]
    task = plan.migration
    assert (task.cpu, task.memory, task.network_of, task.container) == (1024, 2048, "core-staging-app", "app")
    assert task.key == migration_key("core/staging", ONE, ["bundle", "exec", "rake", "db:migrate"])
    assert "by hand, with the lead developer" in render(plan)


def test_migration_of_maps_has_its_own_words():
    task = migrated(target=MAPS).migration
    assert task.command == ("run", "migration:run")
    assert task.network is not None
    assert (task.network_of, task.network.subnet_name) == ("", "PrivateSubnet")


def test_snapshot_comes_first():
    plan = migrated(snapshot=True)
    assert plan.migration.snapshot == "core-staging"
    assert plan.changes[0].what == "snapshot of database core-staging (rds.CreateDBSnapshot)"


def attempt(outcome: Any) -> Attempt:
    return Attempt(1, "database_migration/x", NOON, "arn", outcome)


def test_migration_made_before_is_skipped_unless_asked_for_again():
    plan = migrated(attempt("succeeded"))
    assert (plan.changes, plan.expected_seconds) == ((), 0)
    assert [skip.why for skip in plan.skips] == ["database_migration/x has made it; give 'again' to repeat it"]
    again = migrated(attempt("succeeded"), again=True)
    assert len(again.changes) == 1
    assert again.migration.again
    assert again.digest != plan.digest


def test_failed_attempt_is_shown_to_who_approves_the_next():
    assert (
        "1 earlier attempts are on record, the last by database_migration/x: failed."
        in migrated(attempt("failed")).notes
    )


@pytest.mark.parametrize(
    ("different", "sentence"),
    [
        ({"cpu": 1024, "memory": 1024}, "Fargate does not offer 1024 MiB with 1024 CPU units"),
        ({"preset": "prepare"}, "There is no command 'prepare' for core-staging-ad-hoc"),
        ({"command": ["ls"]}, "Give either a preset or a command in full"),
    ],
)
def test_migration_is_refused(different: Any, sentence: str):
    with pytest.raises(PreconditionError, match=rf"^{sentence}"):
        migrated(**different)


def test_target_without_one_off_tasks_says_so():
    with pytest.raises(InventoryError, match=r"^planning-data/staging has no one_off section"):
        migrated(target=load().target("planning-data/staging"))


def test_migrations_are_found_among_changed_files():
    changed = [
        "db/migrate/2026_a.rb",
        "src/server/migrations/17-b.ts",
        "db/schema.rb",
        "db/migrate/README.md",
        "immigrate/x.rb",
    ]
    assert find_migrations(changed) == ("db/migrate/2026_a.rb", "src/server/migrations/17-b.ts")
