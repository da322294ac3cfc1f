"""A right that the role lacks is named by the plan, and not found half way."""

import pytest
import yaml
from botocore.exceptions import ClientError

from include.aws.rights import LATER, _trials, refuse_missing_reads
from include.errors import PreconditionError
from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.aws.authorization.role_policies import runbooks_of

PROMOTED = "staff-device-logging/development"
REVIEWED = "core/review-1"
TARGETS = ("districtbuilder/staging", "core/staging", "planning-data/staging", PROMOTED, REVIEWED)
NOT_UNDERSTOOD = ("NotImplementedException", "ValidationException")
UNKNOWN_HERE = {"codedeploy:GetDeploymentConfig"}  # an operation that the sandbox lacks
OPERATIONS = {  # where a right has another name than its operation
    "s3:ListAllMyBuckets": "s3:ListBuckets",
    "s3:ListBucket": "s3:ListObjectsV2",
    "s3:ListBucketVersions": "s3:ListObjectVersions",
}


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """A target of each kind; that of review apps is made of core's template."""
    folder = tmp_path_factory.mktemp("inventory")
    for name in (target for target in TARGETS if target != REVIEWED):
        system, _, environment = name.partition("/")
        content = yaml.safe_load((SHIPPED / f"{system}.yaml").read_text())
        content["environments"] = {environment: content["environments"][environment]}
        (folder / f"{system}.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.mark.parametrize("target", TARGETS)
def test_every_trial_is_harmless_and_denied_alone(scene_of, target):
    scene = scene_of(target)
    offered = runbooks_of(scene.cloud.inventory, scene.target)
    rights = sorted({right for right, _ in _trials(scene.clients, scene.target)})
    denied = 0
    for right in rights:
        service, action = OPERATIONS.get(right, right).split(":")
        runbook = next((name for name in offered if right in LATER.get(name, ())), None)
        if runbook is None:  # a trial that no runbook of this target makes
            continue
        before = len(scene.cloud.application.calls)
        refuse_missing_reads(scene.clients, scene.target, runbook)
        assert not [call for call in list(scene.cloud.application.calls)[before:] if call.mutates]
        fault = scene.inject("access_denied", api=service, action=action)
        with pytest.raises(PreconditionError, match=f"may not do {right}, which {runbook} does after its approval"):
            refuse_missing_reads(scene.clients, scene.target, runbook)
        scene.control.delete(f"/faults/{fault}")
        denied += 1
    assert denied, "no runbook of this target was tried"


def test_every_later_read_has_a_trial(scene_of):
    scenes = [scene_of(target) for target in TARGETS]
    tried = {right for scene in scenes for right, _ in _trials(scene.clients, scene.target)}
    assert tried == {right for later in LATER.values() for right in later}


@pytest.mark.parametrize("target", TARGETS)
def test_every_trial_is_a_call_that_the_service_understands(scene_of, target):
    scene = scene_of(target)
    codes = {right: code_of(trial) for right, trial in _trials(scene.clients, scene.target)}
    assert {right for right, code in codes.items() if code in NOT_UNDERSTOOD} <= UNKNOWN_HERE


def code_of(trial):
    """Return the error by which AWS refuses a trial, or "" if it does not."""
    try:
        trial()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_all_denied_rights_are_named_at_once(scene_of):
    scene = scene_of("core/staging")
    scene.inject("access_denied", api="logs")
    with pytest.raises(
        PreconditionError, match="may not do logs:FilterLogEvents, logs:GetLogEvents, which staging_deployment"
    ):
        refuse_missing_reads(scene.clients, scene.target, "staging_deployment")
