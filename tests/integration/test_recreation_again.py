"""A recreation whose build stopped half way, and the next run: it destroys what was not finished, and brings back the data of both."""

import shutil
from datetime import UTC, datetime
from functools import partial

import pytest

from include.errors import ApplyFailedError, PreconditionError
from include.infrastructure import apply as applying
from include.infrastructure.apply_again import apply_patiently
from include.infrastructure.change import steps as change
from include.infrastructure.kept import list_kept
from include.infrastructure.recreation import applies, kept_data, preflight, remedies, steps
from include.infrastructure.recreation.plan import Choices
from include.infrastructure.settle import settle
from include.infrastructure.state import read_target_state
from include.run import terraform_documents as documents
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep
from tests.support.terraform import LOCK_FILE, provider_needed

TARGET, ONE, TWO = "core/staging", "infrastructure_recreation/one", "infrastructure_recreation/two"
FILES, IMAGES = "aws_s3_bucket.files", "aws_ecr_repository.images"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

CODE = """
terraform {
  backend "s3" {}
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_s3_bucket" "files" {
  bucket = "core-staging-rehearsed-files"
}
resource "aws_ecr_repository" "images" {
  name       = "core-staging-rehearsed"
  depends_on = [aws_s3_bucket.files]
  provisioner "local-exec" {
    command = "test -e %s"
  }
}
"""
REFUSING = """
terraform {
  backend "s3" {}
}
locals {
  file = "%s"
}
resource "terraform_data" "first" {
  lifecycle {
    precondition {
      condition     = fileexists(local.file)
      error_message = "The secret has no value."
    }
  }
}
"""

IMPATIENT = """
terraform {
  backend "s3" {}
}
resource "terraform_data" "logs" {}
resource "terraform_data" "front" {
  depends_on = [terraform_data.logs]
  provisioner "local-exec" {
    command = "test -e %s || { touch %s; echo 'Access Denied for bucket: core-logs. Please check S3bucket permission'; exit 1; }"
  }
}
"""


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services, with_provider):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), ONE)


def step(scene, part="", run=ONE):
    made = InfrastructureStep(scene, scene.writer(run, part or "a_step"))
    made.part = part
    return made


def have(scene, commit, run="infrastructure_change/before"):
    ctx = step(scene, run=run)
    with provider_needed():
        plan, _ = change.make_plan(ctx, commit, keep=True)
    applying.apply(ctx, applying.Wanted.by(plan))


def destroy(scene, plan, run):
    """Take everything away as the run does, up to its build."""
    remedies.archive_buckets(step(scene, run=run), plan)
    applies.lift_protection(step(scene, "lift", run), plan)
    remedies.empty_buckets(step(scene, run=run), plan)
    steps.destroy(step(scene, "destroy", run), plan)


def keep(scene, address, place, name=""):
    """Have data on record that a run before has kept."""
    document = {
        "at": datetime.now(UTC).isoformat(),
        "address": address,
        "name": name,
        "place": place,
        "objects": 1,
        "run": ONE,
    }
    scene.store.add(*documents.kept_data(TARGET, place), document)


def test_next_run_destroys_what_the_build_has_not_finished_and_brings_back_the_data_of_both(
    scene, monkeypatch, tmp_path
):
    monkeypatch.setattr(steps, "wrong_values", lambda ctx, names: {})  # as if people had entered every secret
    allowed, s3 = tmp_path / "allowed", scene.clients.s3
    allowed.touch()
    commit = scene.has_code(monkeypatch, {"main.tf": CODE % allowed, ".terraform.lock.hcl": LOCK_FILE.read_text()})
    have(scene, commit)
    s3.put_object(Bucket="core-staging-rehearsed-files", Key="before", Body=b"1")
    request = preflight.Request(commit, (), Choices())

    plan, _ = preflight.make_plan(step(scene), request)
    destroy(scene, plan, ONE)
    allowed.unlink()
    with pytest.raises(ApplyFailedError, match="stopped half way"):
        applies.build(step(scene, "build"), plan)
    told = steps.what_is_left(step(scene), plan, settle(step(scene, "build")))
    assert f"data that is not back yet: {FILES} in {plan.buckets[0].archive}" in told
    assert told.endswith(f"everything that was destroyed is in the state again; {steps.NEXT}")

    allowed.touch()
    s3.put_object(Bucket="core-staging-rehearsed-files", Key="since", Body=b"2")
    again, _ = preflight.make_plan(step(scene, run=TWO), request)
    assert again.unfinished == (IMAGES,)
    assert again.buckets[0].archive == plan.buckets[0].archive
    destroy(scene, again, TWO)
    assert [text.split(" of ")[0] for text in scene.texts(TWO, "intent") if "untaint" in text] == [
        f"terraform.untaint {IMAGES}"
    ]
    assert "2 added" in applies.build(step(scene, "build", TWO), again)
    kept_data.return_objects(step(scene, run=TWO), again)
    held = s3.list_objects_v2(Bucket="core-staging-rehearsed-files")["Contents"]
    assert [each["Key"] for each in held] == ["before", "since"]
    assert list_kept(step(scene, run=TWO), None) == {}
    assert "all that was destroyed is there again" in steps.verify(step(scene, run=TWO), again)


def test_data_of_what_is_gone_comes_back_though_the_commit_cannot_be_planned_yet(scene, monkeypatch, tmp_path):
    """As after a recreation that was stopped before people had entered the new secrets."""
    entered = tmp_path / "entered"
    entered.touch()
    commit = scene.has_code(monkeypatch, {"main.tf": REFUSING % entered})
    have(scene, commit)
    entered.unlink()
    keep(scene, "module.store[0].aws_s3_bucket.files", "s3://core-non-prod-archive/one/", "files-of-core")
    keep(scene, 'aws_db_instance.records["a.b"]', "records-before-1", "records")
    plan, _ = preflight.make_plan(step(scene, run=TWO), preflight.Request(commit, (), Choices()))
    assert "cannot be planned: " in str(plan.notes)
    assert [(each.bucket, each.archive, each.earlier) for each in plan.buckets] == [
        ("files-of-core", "s3://core-non-prod-archive/one/", True)
    ]
    assert [(each.instance, each.snapshot, each.earlier) for each in plan.databases] == [
        ("records", "records-before-1", True)
    ]
    keep(scene, "aws_s3_bucket.other", "s3://core-non-prod-archive/other/")  # by a version that did not note the name
    with pytest.raises(PreconditionError, match=r"The name of aws_s3_bucket\.other, whose data .* is not known"):
        preflight.make_plan(step(scene, run=TWO), preflight.Request(commit, (), Choices()))


def test_environment_of_which_nothing_but_its_data_is_left_is_built_again(scene, monkeypatch, tmp_path):
    commit = scene.has_code(monkeypatch, {"main.tf": REFUSING % "/etc/hostname"})
    have(scene, commit)
    request = preflight.Request(commit, (), Choices())
    plan, _ = preflight.make_plan(step(scene), request)
    steps.destroy(step(scene, "destroy"), plan)
    with pytest.raises(PreconditionError, match="knows no resource"):
        preflight.make_plan(step(scene, run=TWO), request)
    keep(scene, "aws_s3_bucket.other", "s3://core-non-prod-archive/other/", "other")
    again, _ = preflight.make_plan(step(scene, run=TWO), request)
    assert again.doomed == ()
    steps.destroy(step(scene, "destroy", TWO), again)
    assert "1 added" in applies.build(step(scene, "build", TWO), again)


def test_build_makes_again_what_elb_refused_to_finish(scene, monkeypatch, tmp_path):
    monkeypatch.setattr(
        applies, "apply_patiently", partial(apply_patiently, pause=lambda seconds: scene.cloud.advance(30))
    )
    seen = tmp_path / "seen"  # by ELB: the policy of its bucket
    seen.touch()
    commit = scene.has_code(monkeypatch, {"main.tf": IMPATIENT % (seen, seen)})
    have(scene, commit)
    plan, _ = preflight.make_plan(step(scene), preflight.Request(commit, (), Choices()))
    steps.destroy(step(scene, "destroy"), plan)
    seen.unlink()
    assert applies.build(step(scene, "build"), plan) == "1 added, 0 changed, 1 destroyed"
    assert set(read_target_state(step(scene)).ids) == {"terraform_data.front", "terraform_data.logs"}


def test_change_never_makes_something_without_the_data_that_a_recreation_keeps(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, {"main.tf": CODE % "/", ".terraform.lock.hcl": LOCK_FILE.read_text()})
    keep(scene, FILES, "s3://core-non-prod-archive/one/", "core-staging-rehearsed-files")
    with (
        provider_needed(),
        pytest.raises(
            PreconditionError,
            match=rf"would make {FILES} without its data, which {ONE} has kept in s3://core-non-prod-archive/one/",
        ),
    ):
        change.make_plan(step(scene, run="infrastructure_change/two"), commit, keep=True)
    keep(scene, "aws_s3_bucket.elsewhere", "s3://core-non-prod-archive/two/")
    scene.has_code(monkeypatch, {"main.tf": REFUSING % "/etc/hostname"})
    plan, _ = change.make_plan(step(scene, run="infrastructure_change/two"), commit, keep=True)
    assert f"The data of aws_s3_bucket.elsewhere is not back since {ONE}" in str(plan.notes)
