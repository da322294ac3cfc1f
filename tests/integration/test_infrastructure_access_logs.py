"""A load balancer whose access logs ELB may not write yet: what is left of the approved plan is applied again, and nothing else."""

import shutil
from datetime import timedelta

import pytest

from include.aws.sts import ask_who
from include.errors import ApplyFailedError
from include.infrastructure import apply, apply_again
from include.infrastructure.apply_again import apply_patiently
from include.infrastructure.change import steps
from include.infrastructure.settle import settle
from include.infrastructure.state import find_lock, read_target_state
from include.terraform.errors import AccessLogsRefusedError
from tests.support.infrastructure_scene import RUN, InfrastructureScene, InfrastructureStep

TARGET = "core/staging"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

BACKEND = 'terraform {\n  backend "s3" {}\n}\n'
REFUSED = "Access Denied for bucket: core-logs. Please check S3bucket permission"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    return tmp_path / "terraform"


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


@pytest.fixture
def refusals(tmp_path):
    """Return code of a creation that is refused so often in ELB's words, beside one that is not, and how often it was tried."""
    tries = tmp_path / "tries"
    tries.mkdir()

    def code(times):
        command = f"mktemp -p {tries} && [ $(ls {tries} | wc -l) -gt {times} ] || {{ echo '{REFUSED}'; exit 1; }}"
        front = f'  depends_on = [terraform_data.logs]\n  provisioner "local-exec" {{ command = "{command}" }}\n'
        both = f'resource "terraform_data" "logs" {{}}\nresource "terraform_data" "front" {{\n{front}}}\n'
        return {"main.tf": f"{BACKEND}{both}"}

    return code, lambda: len(list(tries.iterdir()))


class Applying:
    """A run whose approved plan is applied, in a world whose clock stands between two looks at it."""

    def __init__(self, scene, monkeypatch, code):
        self.scene = scene
        self.commit = scene.has_code(monkeypatch, code)
        self.ctx = self.step()
        self.plan, _ = steps.make_plan(self.ctx, self.commit, keep=True)

    def step(self):
        return InfrastructureStep(self.scene, self.scene.writer(RUN, "apply_plan"))

    def apply(self, pause=None):
        plan = self.plan
        wanted = apply.Wanted.by(plan)
        return apply_patiently(self.step(), wanted, plan.variables, pause or self.pause)

    def pause(self, seconds):
        self.scene.cloud.advance(30)


def test_what_is_left_of_the_approved_plan_is_applied_again_after_a_minute(scene, monkeypatch, refusals):
    code, tries = refusals
    applying = Applying(scene, monkeypatch, code(times=1))
    _, began = ask_who(scene.clients.sts)
    assert applying.apply() == "1 added, 0 changed, 1 destroyed"
    assert timedelta(seconds=60) <= ask_who(scene.clients.sts)[1] - began < timedelta(seconds=120)
    assert tries() == 2
    assert set(read_target_state(applying.ctx).ids) == {"terraform_data.front", "terraform_data.logs"}
    applies = [text for text in scene.texts(RUN, "intent") if text.startswith("terraform.apply")]
    assert [text.split("(")[1].split(")")[0] for text in applies] == ["2 to add", "1 to replace"]
    assert scene.texts(RUN, "note")[-2].startswith(
        "ELB may not write its access logs yet; what is left of the plan is applied again in 1 "
    )
    assert settle(applying.ctx) == "1 added, 0 changed, 1 destroyed"
    bucket = scene.target.environment.terraform.state_bucket
    assert not scene.clients.s3.list_object_versions(Bucket=bucket, Prefix="runbook-plans/").get("Versions")


def test_refusal_that_stays_fails_the_run_after_its_last_attempt(scene, monkeypatch, refusals):
    monkeypatch.setattr(AccessLogsRefusedError, "attempts", 2)
    code, tries = refusals
    applying = Applying(scene, monkeypatch, code(times=1000))
    with pytest.raises(
        ApplyFailedError, match="It was applied again 2 times, each after 1 minute, so time does not mend it"
    ) as failed:
        applying.apply()
    assert not isinstance(failed.value, AccessLogsRefusedError)
    assert tries() == 3
    settle(applying.ctx)
    assert find_lock(applying.ctx) is None


class Killed(BaseException):
    """The process of the step is killed here."""


def killed(*given, **named):
    raise Killed


def test_worker_killed_in_the_wait_or_before_the_second_apply_is_followed_and_nothing_is_applied_twice(
    scene, monkeypatch, refusals
):
    code, tries = refusals
    applying = Applying(scene, monkeypatch, code(times=1))
    with pytest.raises(Killed):
        applying.apply(pause=killed)
    applying.pause(30)
    _, before = ask_who(scene.clients.sts)
    with monkeypatch.context() as patch:
        patch.setattr(apply_again, "_refuse_beyond", killed)
        with pytest.raises(Killed):
            applying.apply()
    assert ask_who(scene.clients.sts)[1] - before <= timedelta(seconds=60), "the wait goes on, and does not begin again"
    with monkeypatch.context() as patch:
        patch.setattr(apply, "_judge", killed)
        with pytest.raises(Killed):
            applying.apply()
    assert (applying.apply(), tries()) == ("1 added, 0 changed, 1 destroyed", 2)
    assert settle(applying.ctx) == "1 added, 0 changed, 1 destroyed"


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('resource "terraform_data" "other" {}\n', "create terraform_data.other, which was not approved so"),
        (
            'resource "terraform_data" "logs" { input = "other" }\n',
            "change terraform_data.logs, which was not approved so",
        ),
    ],
)
def test_what_was_not_approved_is_not_applied_with_what_is_left(scene, monkeypatch, refusals, added, said):
    code, tries = refusals
    files = code(times=1)
    applying = Applying(scene, monkeypatch, files)
    kept = 'resource "terraform_data" "logs" {}\n' if '"other" {}' in added else ""
    text = files["main.tf"].replace('resource "terraform_data" "logs" {}\n', kept + added)

    def pause(seconds):
        scene.has_code(monkeypatch, {"main.tf": text})
        applying.pause(seconds)

    with pytest.raises(ApplyFailedError, match=said):
        applying.apply(pause)
    assert tries() == 1
    assert "terraform_data.other" not in read_target_state(applying.ctx).ids


def test_another_value_of_a_variable_is_not_applied_with_what_is_left(scene, monkeypatch, refusals):
    code, tries = refusals
    text = code(times=1)["main.tf"] + 'variable "size" {}\n'
    place = scene.target.environment.terraform.model_copy(update={"parameters": {"size": "/core/size"}})
    for module in (steps, apply_again):
        monkeypatch.setattr(module, "terraform_of", lambda ctx: place)
    scene.clients.ssm.put_parameter(Name="/core/size", Value="1", Type="String")
    applying = Applying(scene, monkeypatch, {"main.tf": text})

    def pause(seconds):
        scene.clients.ssm.put_parameter(Name="/core/size", Value="2", Type="String", Overwrite=True)
        applying.pause(seconds)

    with pytest.raises(
        ApplyFailedError, match="its variables or its lock file are others than the approved ones by now"
    ):
        applying.apply(pause)
    assert tries() == 1
