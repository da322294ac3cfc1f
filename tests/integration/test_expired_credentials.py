"""Credentials that expire in the middle of an apply: Terraform gets new ones for as long as somebody follows it."""

import shutil
import time

import pytest

from include.infrastructure import apply, follow
from include.infrastructure.change import steps
from include.infrastructure.settle import settle
from include.infrastructure.state import find_lock, read_target_state
from include.terraform import process
from include.terraform.workdir import run_folder
from tests.support.infrastructure_scene import RUN, InfrastructureScene, InfrastructureStep

TARGET, SECONDS = "core/staging", 12.0  # long enough for what comes before the apply on a busy machine
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")


class Killed(BaseException):
    """The process of the step is killed here."""


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def step(scene):
    return InfrastructureStep(scene, scene.writer(RUN, "apply_plan"))


@pytest.fixture
def long_apply(scene, monkeypatch, tmp_path):
    """Plan an apply that lasts until the gate is there. Return it, the gate, and the file that tells that it has begun."""
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    command = f"touch {begun}; while [ ! -e {gate} ]; do sleep 0.05; done"
    made = f'resource "terraform_data" "long" {{\n  provisioner "local-exec" {{ command = "{command}" }}\n}}\n'
    code = f'terraform {{\n  backend "s3" {{}}\n}}\n{made}'
    plan, _ = steps.make_plan(step(scene), scene.has_code(monkeypatch, {"main.tf": code}), keep=True)
    scene.inject("sessions_shortened", seconds=SECONDS)
    yield apply.Wanted.by(plan), gate, begun
    gate.touch()  # so that no Terraform outlives the test
    if started := process.find_started(run_folder(RUN) / follow.PROCESS):
        list(started.lines())


def expiry(scene):
    """Return until when the credentials last that Terraform was given last."""
    handed_out = scene.cloud.application.identities._callers.values()
    return [each.expires for each in handed_out if each.session == "terraform"][-1]


def test_an_apply_that_outlives_its_credentials_gets_new_ones_although_the_role_is_denied_for_a_while(
    scene, long_apply, monkeypatch
):
    wanted, gate, begun = long_apply
    look, first = follow._Record.look, []

    def looking(self):
        look(self)
        if begun.exists() and not first:
            first.append(expiry(scene))
            scene.inject("assume_role_denied", times=1)
            self._renewed_until = follow.datetime.now(follow.UTC)
            monkeypatch.setattr(follow, "AGAIN", follow.timedelta(seconds=1))
        if first and time.time() > first[0]:
            gate.touch()

    monkeypatch.setattr(follow._Record, "look", looking)
    assert apply.apply(step(scene), wanted) == "1 added, 0 changed, 0 destroyed"
    assert expiry(scene) > first[0]
    assert settle(step(scene)) == "1 added, 0 changed, 0 destroyed"
    assert find_lock(scene) is None
    assert set(read_target_state(scene).ids) == {"terraform_data.long"}


def test_whoever_finds_an_apply_with_expired_credentials_renews_them_at_once(scene, long_apply, monkeypatch):
    wanted, gate, begun = long_apply
    look = follow._Record.look

    def dies(self):
        if begun.exists():
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(follow._Record, "look", dies)
        with pytest.raises(Killed):
            apply.apply(step(scene), wanted)
    last = expiry(scene)
    while time.time() <= last:
        time.sleep(0.1)

    def looking(self):
        look(self)
        gate.touch()

    monkeypatch.setattr(follow._Record, "look", looking)
    assert apply.apply(step(scene), wanted) == "1 added, 0 changed, 0 destroyed"
    assert find_lock(scene) is None
