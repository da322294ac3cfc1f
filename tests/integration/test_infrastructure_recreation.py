"""An environment destroyed and built again by Terraform: nothing but what was approved goes, and a run that stopped half way goes on."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.errors import ApplyFailedError, DriftError, PreconditionError
from include.infrastructure import apply as applying
from include.infrastructure import follow
from include.infrastructure.change import steps as change
from include.infrastructure.recreation import applies, preflight, proof, steps
from include.infrastructure.recreation.plan import Choices
from include.infrastructure.settle import settle
from include.infrastructure.state import find_lock, read_target_state
from include.infrastructure.working_copy import WorkingCopy
from include.terraform import process
from include.terraform.workdir import run_folder
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep

TARGET, RUN = "core/staging", "infrastructure_recreation/one"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

BACKEND = 'terraform {\n  backend "s3" {}\n}\n'
GUARDED = (
    BACKEND
    + """
resource "terraform_data" "first" {
  input = "one"
  lifecycle { prevent_destroy = true }
}
module "inner" {
  source = "./inner"
  input  = terraform_data.first.output
}
"""
)
INNER = """
variable "input" {}
resource "terraform_data" "second" {
  count = 2
  input = var.input
  lifecycle { prevent_destroy = true }
}
"""
FILES = {"main.tf": GUARDED, "inner/main.tf": INNER}
ADDRESSES = {"terraform_data.first", "module.inner.terraform_data.second[0]", "module.inner.terraform_data.second[1]"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def part(scene, name="", run=RUN):
    made = InfrastructureStep(scene, scene.writer(run, name or "plan"))
    made.part = name
    return made


def have(scene, commit, run="infrastructure_change/before"):
    """Apply the code of a commit, as an earlier run."""
    ctx = part(scene, run=run)
    made, _ = change.make_plan(ctx, commit, keep=True)
    applying.apply(ctx, applying.Wanted(made.commit, made.plan_file, made.lock_file, made.operations, made.summary))


def request(commit, *modules):
    return preflight.Request(commit, modules, Choices())


@pytest.fixture
def there(scene, monkeypatch):
    """Have the resources, and return the commit with which they were made."""
    commit = scene.has_code(monkeypatch, FILES)
    have(scene, commit)
    return commit


def ids(scene):
    found = read_target_state(scene)
    return dict(found.ids) if found else {}


def test_all_is_destroyed_although_the_code_prevents_it_and_built_again(scene, there):
    before = ids(scene)
    ctx = part(scene)
    plan, _ = preflight.make_plan(ctx, request(there))
    assert {each.address for each in plan.doomed} == set(plan.unprevented) == ADDRESSES
    assert plan.typed == TARGET
    assert preflight.make_plan(ctx, request(there))[0] == plan
    assert "3 destroyed" in steps.destroy(part(scene, "destroy"), plan)
    assert ids(scene) == {}
    assert steps.destroy(part(scene, "destroy"), plan)  # a second attempt finds the first one's end on record
    assert "3 added" in applies.build(part(scene, "build"), plan)
    assert set(ids(scene)) == ADDRESSES
    assert steps.what_is_left(part(scene), plan, "").startswith("everything that was destroyed is in the state again")
    assert not set(ids(scene).values()) & set(before.values())
    for each in applies.PARTS:
        settle(part(scene, each))
    assert find_lock(scene) is None


def test_a_module_goes_with_what_depends_on_it_and_the_plan_says_so(scene, there, monkeypatch):
    commit = scene.has_code(
        monkeypatch,
        {
            **FILES,
            "more.tf": 'resource "terraform_data" "third" { input = module.inner.all }\n',
            "inner/out.tf": 'output "all" { value = terraform_data.second[*].output }\n',
        },
    )
    have(scene, commit, "infrastructure_change/later")
    plan, _ = preflight.make_plan(part(scene), request(commit, "module.inner"))
    assert {each.address for each in plan.doomed} == ADDRESSES - {"terraform_data.first"} | {"terraform_data.third"}
    assert "what depends on them goes: terraform_data.third." in str(plan.notes)
    steps.destroy(part(scene, "destroy"), plan)
    assert set(ids(scene)) == {"terraform_data.first"}
    assert "3 added" in applies.build(part(scene, "build"), plan)


def test_what_was_made_since_the_approval_is_not_destroyed(scene, there, monkeypatch):
    plan, _ = preflight.make_plan(part(scene), request(there))
    late = scene.has_code(monkeypatch, {**FILES, "more.tf": 'resource "terraform_data" "late" {}\n'})
    have(scene, late, "infrastructure_change/later")
    scene.has_code(monkeypatch, FILES)
    with pytest.raises(DriftError, match=r"would destroy terraform_data\.late, which was not approved"):
        steps.destroy(part(scene, "destroy"), plan)
    assert set(ids(scene)) == ADDRESSES | {"terraform_data.late"}


def test_a_build_that_would_replace_something_is_not_applied(scene, there, monkeypatch):
    plan, _ = preflight.make_plan(part(scene), request(there, "module.inner"))
    steps.destroy(part(scene, "destroy"), plan)
    other = GUARDED.replace('input = "one"', 'input = "other"\n  triggers_replace = ["x"]').replace(
        "prevent_destroy = true", ""
    )
    scene.has_code(monkeypatch, {**FILES, "main.tf": other})  # as if the commit had other content now
    with pytest.raises(DriftError, match=r"The build would replace terraform_data\.first, which was not approved"):
        applies.build(part(scene, "build"), plan)
    assert set(ids(scene)) == {"terraform_data.first"}


def test_a_commit_that_changes_more_than_it_builds_is_refused_before_anything_else(scene, there, monkeypatch):
    less = scene.has_code(monkeypatch, {"main.tf": BACKEND + 'resource "terraform_data" "first" { input = "one" }\n'})
    with pytest.raises(PreconditionError, match=r"would destroy module\.inner.* and 1 more as things are; apply it by"):
        preflight.make_plan(part(scene), request(less))


def test_a_commit_that_takes_something_out_of_the_state_alone_is_refused(scene, there, monkeypatch):
    removed = "removed {\n  from = module.inner\n  lifecycle { destroy = false }\n}\n"
    first = 'resource "terraform_data" "first" { input = "one" }\n'
    less = scene.has_code(monkeypatch, {"main.tf": BACKEND + first + removed})
    with pytest.raises(PreconditionError, match=r"would forget module\.inner.* and 1 more as things are; apply it by"):
        preflight.make_plan(part(scene), request(less))


def test_a_destruction_that_would_leave_something_in_no_state_is_refused(scene, there, monkeypatch):
    expect = WorkingCopy.expect

    def as_opentofu_says_it(copy, name, argv, **more):
        said = expect(copy, name, argv, **more)
        return said.replace('"actions":["delete"]', '"actions":["forget"]', 1) if name == "show" else said

    monkeypatch.setattr(WorkingCopy, "expect", as_opentofu_says_it)
    with pytest.raises(PreconditionError, match=r"One thing is in the way, .* would stay in AWS and in no state"):
        preflight.make_plan(part(scene), request(there))
    assert set(ids(scene)) == ADDRESSES


def test_nothing_to_destroy_is_refused(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, FILES)
    with pytest.raises(PreconditionError, match="knows no resource"):
        preflight.make_plan(part(scene), request(commit))
    have(scene, commit)
    with pytest.raises(PreconditionError, match=r"has nothing in module\.other"):
        preflight.make_plan(part(scene), request(commit, "module.other"))


class Killed(BaseException):
    """The process of the step is killed here."""


def test_a_worker_killed_in_the_destruction_follows_it_to_its_end(scene, monkeypatch, tmp_path):
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    slow = (
        BACKEND
        + f"""
resource "terraform_data" "first" {{
  provisioner "local-exec" {{
    when    = destroy
    command = "touch {begun}; while [ ! -e {gate} ]; do sleep 0.05; done"
  }}
}}
"""
    )
    commit = scene.has_code(monkeypatch, {"main.tf": slow})
    have(scene, commit)
    plan, _ = preflight.make_plan(part(scene), request(commit))

    def look(self):
        if begun.exists():
            raise Killed

    try:
        with monkeypatch.context() as patch:
            patch.setattr(follow._Record, "look", look)
            with pytest.raises(Killed):
                steps.destroy(part(scene, "destroy"), plan)
        gate.touch()
        assert "1 destroyed" in steps.destroy(part(scene, "destroy"), plan)
    finally:
        gate.touch()  # so that no Terraform outlives the test
        if started := process.find_started(run_folder(f"{RUN}#destroy") / follow.PROCESS):
            list(started.lines())
    assert ids(scene) == {}
    assert len([text for text in scene.texts(RUN, "intent") if text.startswith("terraform.apply")]) == 1


def test_a_destruction_that_fails_half_way_says_what_is_left_and_the_next_run_goes_on(scene, monkeypatch, tmp_path):
    allowed = tmp_path / "allowed"
    stuck = (
        BACKEND
        + f"""
resource "terraform_data" "first" {{
  provisioner "local-exec" {{
    when    = destroy
    command = "test -e {allowed}"
  }}
}}
resource "terraform_data" "second" {{ input = terraform_data.first.id }}
"""
    )
    commit = scene.has_code(monkeypatch, {"main.tf": stuck})
    have(scene, commit)
    plan, _ = preflight.make_plan(part(scene), request(commit))
    with pytest.raises(ApplyFailedError, match="stopped half way"):
        steps.destroy(part(scene, "destroy"), plan)
    told = steps.what_is_left(part(scene), plan, settle(part(scene, "destroy")))
    assert (
        "1 of 2 resources are gone; a new run of infrastructure_recreation with the same commit goes on from here"
        in told
    )
    allowed.touch()
    again = "infrastructure_recreation/two"
    plan, _ = preflight.make_plan(part(scene, run=again), request(commit))
    assert [each.address for each in plan.doomed] == ["terraform_data.first"]
    assert "also makes what is missing now: terraform_data.second" in str(plan.notes)
    steps.destroy(part(scene, "destroy", again), plan)
    assert "2 added" in applies.build(part(scene, "build", again), plan)
    assert "all that was destroyed is there again (1 in all)" in verified(scene, plan, again, monkeypatch)


def verified(scene, plan, run, monkeypatch):
    """Verify a recreation as if people had entered every secret."""
    monkeypatch.setattr(steps, "wrong_values", lambda ctx, names: {})
    return steps.verify(part(scene, run=run), plan)


def test_production_waits_for_the_environment_before_it(scene, there, monkeypatch):
    recreation = preflight.recreation_of(scene).model_copy(
        update={"proved_on": "staging", "within": timedelta(days=14)}
    )
    production = replace(scene.target, environment_name="production")
    now = datetime.now(UTC)
    ctx = part(scene)
    monkeypatch.setattr(ctx, "store_of", lambda target: scene.store, raising=False)
    monkeypatch.setattr(ctx, "target", production, raising=False)
    with pytest.raises(
        PreconditionError,
        match=r"core/staging has to be recreated within 14 days before core/production is, .* never was",
    ):
        proof.refuse_unproved(ctx, recreation, now)
    proof.keep_proof(part(scene), there)
    proof.refuse_unproved(ctx, recreation, now)
    with pytest.raises(PreconditionError, match="the last time was"):
        proof.refuse_unproved(ctx, recreation, now + timedelta(days=15))
