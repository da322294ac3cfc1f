"""A change by Terraform: planned, bound to all that it rests on, applied exactly so, and proved."""

import json
import os
import shutil
import signal
from contextlib import contextmanager
from datetime import timedelta

import psutil
import pytest

from include.errors import ApplyFailedError, ApprovalError, PreconditionError, ServiceUnavailableError
from include.infrastructure import apply, follow, plan_file, settle, state, working_copy
from include.infrastructure.change import steps
from include.infrastructure.drift import describe_drift
from include.infrastructure.durations import read_durations
from include.infrastructure.plan_file import keep_plan_file
from include.infrastructure.state import find_lock, read_target_state
from include.run import terraform_documents as documents
from include.terraform import process
from include.terraform.workdir import run_folder
from sandbox.external_services.github import archives
from tests.support.infrastructure_scene import RUN, InfrastructureScene, InfrastructureStep

TARGET = "core/staging"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

BACKEND = 'terraform {\n  backend "s3" {}\n}\n'
TWO = (
    BACKEND
    + """
resource "terraform_data" "first" { input = "one" }
resource "terraform_data" "second" { input = terraform_data.first.output }
output "shown" { value = terraform_data.second.output }
output "hidden" {
  value     = "canary-of-an-output"
  sensitive = true
}
"""
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    return tmp_path / "terraform"


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def step_of(scene, name="apply_plan", run=RUN):
    return InfrastructureStep(scene, scene.writer(run, name))


def test_a_change_is_planned_applied_and_proved(scene, monkeypatch, folder):
    commit = scene.has_code(monkeypatch, {"main.tf": TWO})
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, commit, keep=True)
    assert (plan.lineage, plan.serial, plan.operations) == ("", 0, 2)
    assert len(plan.changes) == 2
    again, _ = steps.make_plan(ctx, commit, keep=True, confirming=True)
    assert again == plan
    text = apply.apply(ctx, apply.Wanted.by(plan))
    assert "2 added" in text
    assert read_durations(ctx).keys() == {"create terraform_data"}
    assert set(read_target_state(ctx).ids) == {"terraform_data.first", "terraform_data.second"}
    assert "finds nothing to change" in steps.verify(ctx, plan.commit)
    assert "2 added" in settle.settle(ctx)
    assert not list(folder.rglob("*"))
    bucket = scene.target.environment.terraform.state_bucket
    found = scene.clients.s3.list_object_versions(Bucket=bucket, Prefix="runbook-plans/")
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def slow(gate, begun):
    """Return code whose second resource tells that it has begun, and waits for a file."""
    wait = f"touch {begun}; while [ ! -e {gate} ]; do sleep 0.05; done"
    return (
        BACKEND
        + f"""
resource "terraform_data" "first" {{ input = "one" }}
resource "terraform_data" "second" {{
  input = terraform_data.first.output
  provisioner "local-exec" {{ command = "{wait}" }}
}}
"""
    )


class Killed(BaseException):
    """The process of the step is killed here."""


@pytest.fixture
def half_way(scene, monkeypatch, tmp_path):
    """Apply until Terraform makes the second resource, then kill the step. Return its plan, and the gate that lets Terraform go on."""
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": slow(gate, begun)}), keep=True)

    def look(self):
        if begun.exists():
            raise Killed

    try:
        with monkeypatch.context() as patch:
            patch.setattr(follow._Record, "look", look)
            with pytest.raises(Killed):
                apply.apply(ctx, apply.Wanted.by(plan))
        yield plan, gate
    finally:
        gate.touch()  # so that no Terraform outlives the test
        if started := process.find_started(run_folder(RUN) / follow.PROCESS):
            list(started.lines())


def test_worker_killed_during_an_apply_loses_nothing_and_nothing_is_applied_twice(scene, half_way):
    plan, gate = half_way
    ctx = step_of(scene)
    gate.touch()
    assert "2 added" in apply.apply(ctx, apply.Wanted.by(plan))
    assert set(read_target_state(ctx).ids) == {"terraform_data.first", "terraform_data.second"}
    intents = [text for text in scene.texts(RUN, "intent") if text.startswith("terraform.apply")]
    assert len(intents) == 1
    assert len(scene.texts(RUN, "found")) == 1
    assert settle.settle(ctx) == "2 added, 0 changed, 0 destroyed"
    assert find_lock(ctx) is None


@pytest.mark.parametrize("with_its_shell", [True, False])
def test_terraform_killed_during_an_apply_leaves_no_lock_and_what_it_made_is_taken_into_the_state(
    scene, half_way, monkeypatch, with_its_shell
):
    plan, _gate = half_way
    started = process.find_started(run_folder(RUN) / follow.PROCESS)
    if with_its_shell:
        os.killpg(started.pid, signal.SIGKILL)
    else:  # as the kernel kills the largest process when memory runs out
        [terraform] = [each for each in psutil.Process(started.pid).children() if each.name() == "terraform"]
        terraform.kill()
    ctx = step_of(scene)
    with pytest.raises(
        ApplyFailedError, match=r"Terraform was killed on .* \(1 of 2 done; creating terraform_data.second"
    ):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert find_lock(ctx) is not None
    said = settle.settle(ctx)
    assert find_lock(ctx) is None
    assert "of this run's Terraform, which is gone, was released" in said
    assert "made, and in no state: terraform_data.first (" in said
    assert "begun, and perhaps made: terraform_data.second" in said
    after = step_of(scene, run="infrastructure_change/two")
    commit = scene.has_code(monkeypatch, {"main.tf": TWO})
    plan, _ = steps.make_plan(after, commit, keep=True)
    assert plan.summary == "1 to add, 1 to change"  # taken into the state with what it lacks there
    assert plan.notes[0].startswith("terraform_data.first (")
    assert apply.apply(after, apply.Wanted.by(plan))
    assert set(read_target_state(after).ids) == {"terraform_data.first", "terraform_data.second"}


def test_a_lock_of_somebody_else_is_named_by_the_plan_and_never_released(scene, half_way, monkeypatch):
    plan, _gate = half_way
    lock = find_lock(scene)
    other = step_of(scene, run="infrastructure_change/two")
    with pytest.raises(PreconditionError, match=rf"is locked by .* since .* \(apply, lock id {lock.id}\)"):
        steps.make_plan(other, plan.commit, keep=True)
    assert settle.settle(other) == "Terraform was never started"
    assert find_lock(scene) == lock


def test_a_lock_whose_answer_got_lost_is_known_as_its_own_and_released(scene, monkeypatch):
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": TWO}), keep=True)
    lost = scene.inject("lock_answer_lost")
    with pytest.raises(PreconditionError, match="is locked by"):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert scene.injected(lost) == 1
    lock = find_lock(ctx)
    assert f"lock {lock.id} of this run's Terraform, which is gone, was released" in settle.settle(ctx)
    assert find_lock(ctx) is None


def test_a_lock_that_somebody_takes_before_the_apply_is_never_released(scene, monkeypatch):
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": TWO}), keep=True)
    info = {"ID": "theirs", "Operation": "OperationTypeApply", "Who": "ann@laptop", "Created": "2026-11-27T12:00:00Z"}
    terraform = scene.target.environment.terraform
    name = f"{terraform.state_bucket}/{terraform.state_key}"
    item = {"LockID": {"S": name}, "Info": {"S": json.dumps({**info, "Path": name})}}
    scene.clients.dynamodb.put_item(TableName=terraform.lock_table, Item=item)
    with pytest.raises(PreconditionError, match="is locked by ann@laptop"):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert "is locked by ann@laptop" in settle.settle(ctx)
    assert find_lock(ctx).id == "theirs"


def test_an_interrupted_apply_writes_its_state_and_releases_its_lock(scene, half_way):
    plan, gate = half_way
    apply.interrupt(RUN)
    gate.touch()
    ctx = step_of(scene)
    with pytest.raises(ApplyFailedError):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert find_lock(ctx) is None
    assert "terraform_data.first" in read_target_state(ctx).ids


def test_another_plan_file_than_the_approved_one_is_not_applied(scene, monkeypatch):
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": TWO}), keep=True)
    keep_plan_file(ctx, b"another one", keep=True)
    with pytest.raises(ApprovalError, match="somebody replaced it"):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert read_target_state(ctx) is None
    assert steps.make_plan(ctx, plan.commit, keep=True, confirming=True)[0].digest != plan.digest


def test_a_state_that_has_moved_since_the_approval_is_another_plan(scene, monkeypatch):
    ctx = step_of(scene)
    commit = scene.has_code(monkeypatch, {"main.tf": TWO})
    plan, _ = steps.make_plan(ctx, commit, keep=True)
    other = step_of(scene, run="infrastructure_change/two")
    apply.apply(other, apply.Wanted.by(steps.make_plan(other, commit, keep=True)[0]))
    now, _ = steps.make_plan(ctx, commit, keep=True, confirming=True)
    assert (now.serial, now.operations) != (plan.serial, plan.operations)
    with pytest.raises(PreconditionError, match="the plan is stale"):
        apply.apply(step_of(scene), apply.Wanted.by(plan))


def test_nothing_secret_is_kept_where_people_look(scene, monkeypatch):
    code = TWO + 'variable "password" {}\nresource "terraform_data" "third" { input = sensitive(var.password) }\n'
    scene.grant("arn:aws:ssm:eu-west-2:111111111111:parameter/core/*", "ssm:GetParameters")
    scene.somebody.ssm.put_parameter(Name="/core/password", Value="canary-of-a-parameter", Type="SecureString")
    terraform = scene.target.environment.terraform.model_copy(update={"parameters": {"password": "/core/password"}})
    monkeypatch.setattr(steps, "terraform_of", lambda ctx: terraform)
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": code}), keep=True)
    apply.apply(ctx, apply.Wanted.by(plan))
    settle.settle(ctx)
    table = scene.somebody.dynamodb.scan(TableName="runbook-operations")["Items"]
    said = f"{plan.model_dump_json()} {table} {ctx.told}"
    assert "canary" not in said
    assert set(plan.variables) == {"password"}


def test_a_missing_and_an_empty_parameter_are_both_named(scene, monkeypatch):
    wanted = {"one": "/core/missing", "two": "/core/blank"}
    scene.grant("arn:aws:ssm:eu-west-2:111111111111:parameter/core/*", "ssm:GetParameters")
    scene.somebody.ssm.put_parameter(Name="/core/blank", Value=" ", Type="String")
    terraform = scene.target.environment.terraform.model_copy(update={"parameters": wanted})
    monkeypatch.setattr(steps, "terraform_of", lambda ctx: terraform)
    with pytest.raises(PreconditionError, match="/core/missing is missing, /core/blank is empty"):
        steps.make_plan(step_of(scene), "0" * 40, keep=True)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sh", "-c", "test -e main.tf"), ""),
        (("sh", "-c", "echo main.tf has a wildcard; exit 2"), "ended with 2: main.tf has a wildcard; mend the code"),
        (
            ("no-such-linter", "--recursive"),
            "no-such-linter on its PATH; install it, or take it out of the checks of the inventory",
        ),
    ],
)
def test_static_checks_of_the_inventory_decide_before_anything_is_planned(scene, monkeypatch, command, said):
    terraform = scene.target.environment.terraform.model_copy(update={"checks": (command,)})
    monkeypatch.setattr(steps, "terraform_of", lambda ctx: terraform)
    commit = scene.has_code(monkeypatch, {"main.tf": TWO})
    if not said:
        plan, _ = steps.make_plan(step_of(scene), commit, keep=False)
        assert plan.operations == 2
        return
    with pytest.raises(PreconditionError, match=said):
        steps.make_plan(step_of(scene), commit, keep=False)


def test_a_workspace_that_there_is_not_is_made_by_a_plan_that_is_to_be_applied(scene, monkeypatch):
    scene.grant("arn:aws:s3:::core-non-prod-tf-state/env:/blue/*", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    terraform = scene.target.environment.terraform.model_copy(update={"workspace": "blue"})
    for module in (steps, state, working_copy, plan_file):
        monkeypatch.setattr(module, "terraform_of", lambda ctx: terraform)
    commit, ctx = scene.has_code(monkeypatch, {"main.tf": TWO}), step_of(scene)
    with pytest.raises(PreconditionError, match="no workspace blue yet, and a run that only plans makes none"):
        steps.make_plan(ctx, commit, keep=False)
    assert read_target_state(ctx) is None
    plan, _ = steps.make_plan(ctx, commit, keep=True)
    assert steps.make_plan(ctx, commit, keep=True, confirming=True)[0] == plan
    assert plan.serial > 0


def test_a_state_that_its_bucket_refuses_is_pushed_as_soon_as_it_takes_it(scene, monkeypatch):
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": TWO}), keep=True)
    fault = scene.inject("state_unwritable")
    with pytest.raises(ApplyFailedError, match=r"errored\.tfstate"):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert read_target_state(ctx) is None
    with pytest.raises(ServiceUnavailableError, match="nothing of it is lost"):
        settle.settle(ctx)
    scene.control.delete(f"/faults/{fault}")
    assert "was pushed" in settle.settle(step_of(scene))
    assert set(read_target_state(ctx).ids) == {"terraform_data.first", "terraform_data.second"}
    assert find_lock(ctx) is None


def test_a_plan_tells_how_long_such_changes_took_the_last_times(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, {"main.tf": TWO})
    for day, seconds in (("2026-11-02", 700), ("2026-11-09", 95)):
        place = documents.took(TARGET, day, "infrastructure_change/before")
        scene.store.add(*place, {"at": day, "seconds": {"create terraform_data": seconds}})
    plan, _ = steps.make_plan(step_of(scene), commit, keep=True)
    assert plan.details == ("It took the last times, each at most: create terraform_data 12 minutes.",)
    assert plan.expected_seconds == 700 + 60 + 60


def test_a_plan_that_destroys_more_than_the_target_allows_is_refused(scene, monkeypatch):
    four = BACKEND + 'resource "terraform_data" "many" { count = 4 }\n'
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": four}), keep=True)
    apply.apply(ctx, apply.Wanted.by(plan))
    other = step_of(scene, run="infrastructure_change/two")
    with pytest.raises(PreconditionError, match=r"destroys 4 resources .* limit is 3"):
        steps.make_plan(other, scene.has_code(monkeypatch, {"main.tf": BACKEND}), keep=True)


def test_a_lock_file_that_is_not_the_approved_one_is_not_applied(scene, monkeypatch):
    ctx = step_of(scene)
    plan, _ = steps.make_plan(ctx, scene.has_code(monkeypatch, {"main.tf": TWO}), keep=True)
    scene.has_code(monkeypatch, {"main.tf": TWO, ".terraform.lock.hcl": "# Another one.\n"})
    with pytest.raises(ApprovalError, match=r"The lock file of commit .* was approved"):
        apply.apply(ctx, apply.Wanted.by(plan))


def test_code_without_a_lock_file_or_without_the_folder_is_refused(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, {"main.tf": TWO, ".terraform.lock.hcl": None})
    with pytest.raises(PreconditionError, match=r"has no terraform/staging/\.terraform\.lock\.hcl"):
        steps.make_plan(step_of(scene), commit, keep=True)
    monkeypatch.setattr(archives, "files_of", lambda repository, commit: {"README.md": b"# Nothing\n"})
    with pytest.raises(PreconditionError, match="has no folder terraform/staging"):
        steps.make_plan(step_of(scene), commit, keep=True)
    with pytest.raises(PreconditionError, match="GitHub has no files of commit 111111111111"):
        steps.make_plan(step_of(scene), "1" * 40, keep=True)


def release(scene, lock):
    """Release a lock, as the person does who is asked to look."""
    table = scene.target.environment.terraform.lock_table
    scene.clients.dynamodb.delete_item(TableName=table, Key={"LockID": {"S": lock.path}})


def test_a_worker_whose_folder_is_gone_starts_no_second_apply(scene, half_way, folder):
    plan, _gate = half_way
    started = process.find_started(run_folder(RUN) / follow.PROCESS)
    os.killpg(started.pid, signal.SIGKILL)
    shutil.rmtree(folder)  # as on a new machine of the same name
    release(scene, find_lock(scene))
    ctx = step_of(scene)
    with pytest.raises(ApplyFailedError, match="how it ended is not known"):
        apply.apply(ctx, apply.Wanted.by(plan))
    assert "terraform_data.first (" in settle.settle(ctx)


@contextmanager
def another_worker(monkeypatch):
    """Carry out what is within as a worker with another name."""
    with monkeypatch.context() as patch:
        for module in (follow, settle):
            patch.setattr(module, "host", lambda: "another-worker")
        yield


def test_apply_is_left_to_the_worker_that_started_it_and_so_is_the_lock_of_its_terraform(scene, half_way, monkeypatch):
    plan, _gate = half_way
    ctx = step_of(scene)
    with another_worker(monkeypatch), pytest.raises(follow.LeftToItsWorkerError):
        apply.apply(ctx, apply.Wanted.by(plan))
    os.killpg(process.find_started(run_folder(RUN) / follow.PROCESS).pid, signal.SIGKILL)
    with pytest.raises(ApplyFailedError, match="Terraform was killed on"):
        apply.apply(ctx, apply.Wanted.by(plan))
    with another_worker(monkeypatch), pytest.raises(follow.LeftToItsWorkerError):
        settle.settle(ctx)
    assert find_lock(ctx) is not None
    assert "of this run's Terraform, which is gone, was released" in settle.settle(ctx)
    assert find_lock(ctx) is None


def test_worker_that_never_comes_back_is_told_with_its_lock_and_what_it_made_once_that_is_released(
    scene, half_way, monkeypatch
):
    plan, _gate = half_way
    os.killpg(process.find_started(run_folder(RUN) / follow.PROCESS).pid, signal.SIGKILL)
    lock, ctx = find_lock(scene), step_of(scene)
    monkeypatch.setattr(follow, "RETURN", timedelta(0))
    with another_worker(monkeypatch):
        with pytest.raises(follow.LeftToItsWorkerError):
            apply.apply(ctx, apply.Wanted.by(plan))
        monkeypatch.setattr(follow, "ELSEWHERE", timedelta(0))
        with pytest.raises(ApplyFailedError, match=f"once it is gone for sure, run 'terraform force-unlock {lock.id}'"):
            apply.apply(ctx, apply.Wanted.by(plan))
        release(scene, lock)
        with pytest.raises(ApplyFailedError, match="which is gone; how it ended is not known there"):
            apply.apply(ctx, apply.Wanted.by(plan))
        assert "terraform_data.first (" in settle.settle(ctx)


def test_drift_is_told_with_what_would_put_it_right_and_a_locked_state_is_left_alone(scene, monkeypatch, half_way):
    assert describe_drift(scene) == ""
    plan, gate = half_way
    gate.touch()
    apply.apply(step_of(scene), apply.Wanted.by(plan))
    assert describe_drift(scene) == ""
    commit = scene.has_code(monkeypatch, {"main.tf": TWO + 'resource "terraform_data" "third" {}\n'})
    told = describe_drift(scene)
    assert "core/staging differs from its code (commit " in told
    assert "Create terraform_data.third" in told
    assert told.endswith(f"start infrastructure_change on core/staging with commit {commit}.")
