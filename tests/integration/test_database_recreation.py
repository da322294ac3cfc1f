"""A protected database that the AWS provider destroys and makes again from its snapshot, with its data."""

import shutil
import threading

import pytest

from include.infrastructure import apply as applying
from include.infrastructure.change import steps as change
from include.infrastructure.kept import list_kept
from include.infrastructure.recreation import applies, kept_data, preflight, remedies, steps
from include.infrastructure.recreation.plan import Choices
from include.run import terraform_documents as documents
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep
from tests.support.release_scene import until_done
from tests.support.terraform import LOCK_FILE, provider_needed

TARGET, RUN, NAME = "core/staging", "infrastructure_recreation/one", "core-staging"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

# the provider waits 80 seconds for each change of a database, for one after a restore as well: here only lifting the protection is one
DATABASE = """
terraform {
  backend "s3" {}
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_db_instance" "records" {
  identifier                = "core-staging"
  engine                    = "postgres"
  instance_class            = "db.t3.medium"
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "core-staging-final"
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [engine_version]
  }
}
"""
THERE = 'import {\n  to = aws_db_instance.records\n  id = "core-staging"\n}\n'  # it was made by hand, long ago


@pytest.fixture
def flowing(cloud):
    """Let the world's time pass: the provider waits by its own clock."""
    over = threading.Event()

    def flow():
        while not over.wait(0.2):
            with cloud.world.lock:
                cloud.advance(10)

    thread = threading.Thread(target=flow)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services, flowing, with_provider):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def step(scene, part="", run=RUN):
    made = InfrastructureStep(scene, scene.writer(run, part or "a_step"))
    made.part = part
    return made


def code(**files):
    return {"main.tf": DATABASE, ".terraform.lock.hcl": LOCK_FILE.read_text(), **files}


@pytest.fixture
def commit(scene, monkeypatch):
    """Have the database in the state, and return the commit of its code."""
    commit = scene.has_code(monkeypatch, code(**{"import.tf": THERE}))
    scene.clients.rds.modify_db_instance(DBInstanceIdentifier=NAME, DeletionProtection=True, ApplyImmediately=True)
    ctx = step(scene, run="infrastructure_change/before")
    with provider_needed():
        plan, _ = change.make_plan(ctx, commit, keep=True)
    applying.apply(ctx, applying.Wanted.by(plan))
    return scene.has_code(monkeypatch, code())


def held(scene):
    """Return what the database holds, as the sandbox knows it."""
    (found,) = scene.clients.rds.describe_db_instances(DBInstanceIdentifier=NAME)["DBInstances"]
    environment = scene.target.environment
    return scene.cloud.world.region(environment.account, environment.region).written[found["DBInstanceArn"]], found


def test_database_comes_back_from_its_snapshot_with_its_data_and_its_protection(scene, commit, monkeypatch):
    monkeypatch.setattr(steps, "wrong_values", lambda ctx, names: {})  # as if people had entered every secret
    scene.inject("database_written", instance=NAME, text="1,204 logs of lettings")
    scene.inject("snapshot_exists", name="core-staging-final")
    never_back: documents.KeptDataDocument = {
        "at": "2026-01-01T00:00:00+00:00",
        "address": "aws_db_instance.records",
        "name": NAME,
        "place": "core-staging-long-ago",
        "objects": 0,
        "run": "infrastructure_recreation/zero",
    }
    scene.store.add(*documents.kept_data(TARGET, never_back["place"]), never_back)
    request = preflight.Request(commit, (), Choices())
    plan, _ = preflight.make_plan(step(scene), request)
    assert plan.notes[0].startswith(
        "aws_db_instance.records was not made of snapshot core-staging-long-ago, which infrastructure_recreation/zero took."
    )
    assert preflight.make_plan(step(scene), request)[0] == plan  # RDS moves the time to which it can be restored
    assert [each.what for each in plan.changes[:3]] == [
        "aws_db_instance.records has prevent_destroy in the code",
        "aws_db_instance.records is protected in AWS (deletion_protection is true)",
        "aws_db_instance.records would make a final snapshot core-staging-final, and there is one of that name",
    ]
    (database,) = plan.databases
    remedies.make_snapshots(step(scene), plan)
    until_done(scene, lambda: remedies.look_at_snapshots(step(scene), plan), every=60)
    applies.lift_protection(step(scene, "lift"), plan)
    assert "1 destroyed" in steps.destroy(step(scene, "destroy"), plan)
    assert not scene.clients.rds.describe_db_instances()["DBInstances"]
    assert "1 added" in applies.build(step(scene, "build"), plan)
    text, found = held(scene)
    assert text == "1,204 logs of lettings"
    assert (found["DBInstanceStatus"], found["DeletionProtection"]) == ("available", True)
    kept_data.return_objects(step(scene), plan)
    assert list_kept(step(scene), None) == {}
    said = steps.verify(step(scene), plan)
    assert f"aws_db_instance.records was restored from snapshot {database.snapshot}" in said
