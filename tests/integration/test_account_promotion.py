"""One commit and one artefact through three accounts: proved in each, watched, and stopped where something speaks against it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import lambda_backends

from include.aws import cloudformation
from include.aws.log_groups import list_log_groups
from include.errors import ApplyFailedError, ApprovalError, BakeFailedError, PreconditionError
from include.infrastructure import apply, settle
from include.infrastructure.change import steps as change
from include.infrastructure.promotion import chain, preflight, steps
from include.infrastructure.promotion.retention import read_declared
from include.infrastructure.state import read_target_state
from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.aws.services.cloudformation.api import TAKES
from tests.support.promotion_scene import PromotionScene, PromotionStep
from tests.support.release_scene import dying_after

SYSTEM = "staff-device-logging"
DEVELOPMENT, PRE_PRODUCTION, PRODUCTION = f"{SYSTEM}/development", f"{SYSTEM}/pre-production", f"{SYSTEM}/production"
TRUST = (
    '{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)
STAND_INS = Path(__file__).parents[2] / "sandbox" / "bin"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """The system with three accounts alone."""
    folder = tmp_path_factory.mktemp("accounts")
    shutil.copy(SHIPPED / f"{SYSTEM}.yaml", folder)
    return load(folder)


@pytest.fixture(autouse=True)
def at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    monkeypatch.setenv("PATH", f"{STAND_INS}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(cloudformation, "WAIT", {"Delay": 0, "MaxAttempts": 5})


@pytest.fixture
def scene_at(cloud, control, small_inventory, settled, external_services):
    """Return the scene of a target, with the bucket for packages and the role of functions that its Terraform makes."""

    def scene(name=DEVELOPMENT, run="account_promotion/one"):
        made = PromotionScene(cloud, control, small_inventory.target(name), run)
        bucket = made.target.promotion.artefact.bucket
        where = {"LocationConstraint": made.target.environment.region}
        if bucket not in [each["Name"] for each in made.somebody.s3.list_buckets()["Buckets"]]:
            made.somebody.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
            iam = cloud.client("iam", name)
            iam.create_role(
                RoleName=bucket.replace("functionbeat-artifacts", "shipper"), AssumeRolePolicyDocument=TRUST
            )
        return made

    return scene


def functions_at(scene):
    place = scene.target.environment
    return [function.function_name for function in lambda_backends[place.account][place.region].list_functions()]


def step_of(scene):
    return PromotionStep(scene, scene.writer(scene.run, "a_step"))


def plan(ctx, scene, commit, **options):
    return preflight.make_plan(ctx, scene.reading(), scene.states.get, commit, **{"keep": True, **options})[0]


def deploy(ctx):
    """Look at the functions until all are deployed. Return what was told."""
    told = [steps.poll_functions(ctx)]
    while not told[-1].done:
        ctx.cloud.advance(TAKES)
        told.append(steps.poll_functions(ctx))
        assert len(told) < 30
    return told


def watch(ctx):
    progress = steps.poll_alarms(ctx)
    assert not progress.done
    ctx.cloud.advance(300)
    return steps.poll_alarms(ctx)


def promote(ctx, scene, commit):
    """Do what a run on one account does after its approval. Return its plan."""
    made = plan(ctx, scene, commit)
    apply.apply(ctx, apply.Wanted(made.commit, made.plan_file, made.lock_file, made.operations, made.summary))
    steps.prepare_functions(ctx, made)
    deploy(ctx)
    steps.set_log_retention(ctx)
    change.verify(ctx, made.commit)
    steps.verify_functions(ctx, made)
    assert watch(ctx).done
    steps.prove(ctx, made)
    settle.settle(ctx)
    return made


def test_commit_goes_through_three_accounts_with_one_artefact(scene_at, monkeypatch):
    made = []
    for name in (DEVELOPMENT, PRE_PRODUCTION, PRODUCTION):
        scene = scene_at(name, f"account_promotion/{name}")
        commit = scene.has_files(monkeypatch)
        made.append(promote(step_of(scene), scene, commit))
        assert sorted(function.rpartition("infra-")[2] for function in functions_at(scene)) == [
            "cloudwatch",
            "cloudwatch-syslog",
            "kinesis",
            "sqs",
        ]
        assert set(read_target_state(scene).ids) == {"terraform_data.first"}
    assert [each.earlier for each in made] == ["", DEVELOPMENT, PRE_PRODUCTION]
    assert len({each.artefact for each in made}) == len({each.commit for each in made}) == 1
    assert len({each.account for each in made}) == 3


def test_second_promotion_of_the_same_changes_nothing(scene_at, monkeypatch):
    scene = scene_at()
    commit = scene.has_files(monkeypatch)
    promote(step_of(scene), scene, commit)
    again = scene_at(run="account_promotion/two")
    ctx = step_of(again)
    made = plan(ctx, again, commit)
    assert made.changes == ()
    assert [skip.what.split()[0] for skip in made.skips] == ["function"] * 4
    steps.prepare_functions(ctx, made)
    before = again.called("cloudformation.ExecuteChangeSet")
    assert steps.poll_functions(ctx).text == "all 4 functions are deployed"
    assert again.called("cloudformation.ExecuteChangeSet") == before


def test_log_groups_get_the_retention_of_the_policy_but_for_those_of_others_and_of_terraform(scene_at, monkeypatch):
    scene = scene_at()
    logs, declared = scene.clients.logs, "staff-device-development-infra-syslog"
    wanted = [f"/aws/lambda/one-of-many-{number:03d}" for number in range(60)]  # more than a page of fifty
    for name in (*wanted, "/aws/lambda/right", "/somebody/else", declared):
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName="/aws/lambda/right", retentionInDays=7)
    state = {"resources": [of_terraform(declared, 30)]}
    monkeypatch.setattr(preflight, "read_declared", lambda body: read_declared(json.dumps(state).encode()))
    before = scene.called("logs.PutRetentionPolicy")
    said = steps.set_log_retention(step_of(scene))
    assert scene.called("logs.PutRetentionPolicy") == before + 60
    days = {group.name: group.days for group in list_log_groups(logs)}
    assert {days[name] for name in wanted} == {7}
    assert (days["/somebody/else"], days[declared]) == (None, None)
    assert said == (
        "60 log groups keep their lines for 7 days from now on, 1 have it already, 1 are outside of the list; Terraform declares "
        "otherwise, so they stay as they are: staff-device-development-infra-syslog (30 days)"
    )
    assert "0 log groups keep" in steps.set_log_retention(step_of(scene))
    assert scene.called("logs.PutRetentionPolicy") == before + 60


def of_terraform(name, days):
    attributes = {"name": name, "retention_in_days": days}
    return {"type": "aws_cloudwatch_log_group", "mode": "managed", "instances": [{"attributes": attributes}]}


def test_log_groups_are_set_although_calls_are_throttled(scene_at):
    scene = scene_at()
    for number in range(6):
        scene.clients.logs.create_log_group(logGroupName=f"/aws/lambda/{number}")
    scene.inject("throttle", api="logs", action="PutRetentionPolicy", every=3)
    said = steps.set_log_retention(step_of(scene))  # the SDK repeats a throttled call
    assert said.startswith("6 log groups keep their lines for 7 days")


@pytest.mark.parametrize(("fault", "wrong"), [("parameter_missing", "is missing"), ("parameter_empty", "is empty")])
@pytest.mark.parametrize("name", ["syslog_cidr", "shipper_key"])  # of Terraform, and of the package
def test_parameter_that_is_missing_or_empty_fails_before_anything_is_applied(scene_at, monkeypatch, fault, wrong, name):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    scene.inject(fault, name=f"/codebuild/staff-device-logging/development/{name}")
    with pytest.raises(PreconditionError, match=f"/codebuild/staff-device-logging/development/{name} {wrong}; put"):
        plan(ctx, scene, commit)
    assert read_target_state(scene) is None


def test_red_alarm_in_pre_production_stops_before_the_plan_for_production_and_under_the_lease(scene_at, monkeypatch):
    alarm = "staff-device-pre-production-infra-functions-errors"
    prove_at(scene_at, monkeypatch, DEVELOPMENT, PRE_PRODUCTION)
    scene, before = scene_at(PRODUCTION), scene_at(PRE_PRODUCTION)
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    assert chain.look_before(ctx, scene.states.get, commit, plan_only=False).done
    made = plan(ctx, scene, commit)
    fault = before.inject("alarm", name=alarm)
    for confirming in (False, True):
        with pytest.raises(
            PreconditionError, match=f"On {PRE_PRODUCTION} these alarms fire: {alarm} .*Nothing was changed"
        ):
            plan(ctx, scene, commit, confirming=confirming)
    with pytest.raises(PreconditionError, match="these alarms fire"):
        chain.look_before(ctx, scene.states.get, commit, plan_only=False)
    before.control.delete(f"/faults/{fault}")
    assert plan(ctx, scene, commit, confirming=True).digest == made.digest


def prove_at(scene_at, monkeypatch, *names, artefact=None):
    """Put on record that accounts have proved the commit, with the package that is built from it."""
    for name in names:
        scene = scene_at(name, f"account_promotion/{name}")
        commit, ctx = scene.has_files(monkeypatch), step_of(scene)
        chain.keep_promotion(ctx, commit, artefact or plan_of_package(scene, ctx, commit))


def plan_of_package(scene, ctx, commit):
    return preflight._plan_package(ctx, commit).digest


def test_alarm_that_fires_after_the_promotion_keeps_the_commit_from_the_next_account(scene_at, monkeypatch):
    scene = scene_at()
    ctx = step_of(scene)
    assert not steps.poll_alarms(ctx).done
    scene.inject("alarm", name="staff-device-development-infra-delivery-delayed")
    with pytest.raises(
        BakeFailedError, match=f"these alarms of {DEVELOPMENT} fire: .*-delivery-delayed .*goes no further"
    ):
        steps.poll_alarms(ctx)
    following = scene_at(PRE_PRODUCTION)
    commit = following.has_files(monkeypatch)
    with pytest.raises(PreconditionError, match=f"{DEVELOPMENT} has not proved commit"):
        chain.ensure_proved(step_of(following), commit, "any")


def test_another_package_than_the_proved_one_is_refused(scene_at, monkeypatch):
    prove_at(scene_at, monkeypatch, DEVELOPMENT, artefact="0" * 64)
    scene = scene_at(PRE_PRODUCTION)
    with pytest.raises(PreconditionError, match=f"proved on {DEVELOPMENT} with package 000000000000, and here it is"):
        plan(step_of(scene), scene, scene.has_files(monkeypatch))


def test_package_that_differs_after_the_approval_is_not_deployed(scene_at, monkeypatch):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    made = plan(ctx, scene, commit)
    other = made.model_copy(update={"artefact": "0" * 64})
    with pytest.raises(ApprovalError, match="No function was changed"):
        steps.prepare_functions(ctx, other)
    assert cloudformation.describe_stack(scene.clients.cloudformation, next(iter(made.templates))) is None


def test_chain_starts_what_is_missing_and_goes_on_when_it_is_proved(scene_at, monkeypatch):
    scene = scene_at(PRODUCTION, "account_promotion/release-7")
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    wanted = "account_promotion/release-7--pre-production"
    assert chain.missing_run(ctx, scene.states.get, commit, plan_only=False) == wanted
    assert chain.missing_run(ctx, scene.states.get, commit, plan_only=True) == ""
    scene.states[wanted] = "running"
    assert chain.missing_run(ctx, scene.states.get, commit, plan_only=False) == ""
    progress = chain.look_before(ctx, scene.states.get, commit, plan_only=False)
    assert (progress.done, progress.text) == (False, f"{wanted} promotes commit {commit[:12]} to {PRE_PRODUCTION}")
    scene.states[wanted] = "failed"
    with pytest.raises(PreconditionError, match=f"was not promoted to {PRE_PRODUCTION} by {wanted}: it is failed"):
        chain.look_before(ctx, scene.states.get, commit, plan_only=False)
    with pytest.raises(PreconditionError, match="a run that only plans promotes it nowhere"):
        chain.look_before(ctx, scene.states.get, commit, plan_only=True)
    prove_at(scene_at, monkeypatch, PRE_PRODUCTION)
    assert chain.look_before(ctx, scene.states.get, commit, plan_only=False).done
    assert chain.missing_run(ctx, scene.states.get, commit, plan_only=False) == ""


def test_stopped_run_stops_the_accounts_that_have_not_begun(scene_at, monkeypatch):
    scene = scene_at(PRE_PRODUCTION, "account_promotion/release-7--pre-production")
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    scene.states["account_promotion/release-7"] = "running"
    assert (
        chain.missing_run(ctx, scene.states.get, commit, plan_only=False)
        == "account_promotion/release-7--pre-production--development"
    )
    scene.states["account_promotion/release-7"] = "failed"
    for stopped in (
        lambda: chain.missing_run(ctx, scene.states.get, commit, plan_only=False),
        lambda: chain.look_before(ctx, scene.states.get, commit, plan_only=False),
        lambda: plan(ctx, scene, commit),
    ):
        with pytest.raises(PreconditionError, match=r"account_promotion/release-7, for which .* has ended \(failed\)"):
            stopped()


def test_role_of_the_plan_cannot_apply(scene_at, monkeypatch):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    made = plan(ctx, scene, commit)
    reading = scene.reading()
    scene.clients.access = reading.clients.access  # Terraform as the plan runs it
    with pytest.raises(PreconditionError, match=r"The role may not do dynamodb:PutItem"):
        apply.apply(ctx, apply.Wanted(made.commit, made.plan_file, made.lock_file, made.operations, made.summary))
    assert read_target_state(scene).ids == {}
    for write in (
        lambda: reading.clients.s3.put_object(Bucket=made_bucket(scene), Key="x", Body=b""),
        lambda: reading.clients.ssm.put_parameter(Name="/x", Value="x", Type="String"),
        lambda: reading.clients.logs.create_log_group(logGroupName="x"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            write()


def made_bucket(scene):
    return scene.target.promotion.artefact.bucket


def test_role_that_may_not_be_assumed_or_is_of_another_account_is_refused(scene_at, monkeypatch):
    scene, other = scene_at(), scene_at(PRODUCTION)
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    foreign = other.reading()
    foreign.target = scene.target
    with pytest.raises(
        PreconditionError,
        match=r"_development_read leads to account 333333333333, .* in 333333333331",
    ):
        preflight.make_plan(ctx, foreign, scene.states.get, commit, keep=True)
    scene.inject("assume_role_denied")
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        plan(ctx, scene, commit)
    assert read_target_state(scene) is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "This worker has no functionbeat on its PATH; install version 7.9.3 \\(https://"),
        (
            "echo functionbeat version 7.10.0",
            "functionbeat on this worker has version 7.10.0, and the inventory asks for 7.9.3",
        ),
        ("exit 3", "does not tell a version \\(it ended with 3\\)"),
    ],
)
def test_tool_that_is_missing_or_has_another_version_is_refused(scene_at, monkeypatch, tmp_path, script, said):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "terraform").symlink_to(str(shutil.which("terraform")))
    if script:
        (tools / "functionbeat").write_text(f"#!/bin/sh\n{script}\n")
        (tools / "functionbeat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    with pytest.raises(PreconditionError, match=said):
        plan(ctx, scene, commit)
    assert read_target_state(scene) is None


def test_tool_that_fails_shows_no_secret(scene_at, monkeypatch, tmp_path):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    tool = tmp_path / "functionbeat"
    tool.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo 7.9.3 && exit 0\necho "cannot log in with $ELASTIC_PASSWORD"; exit 1\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(
        PreconditionError, match=r"'functionbeat test config' ended with 1: cannot log in with \(hidden\)"
    ):
        plan(ctx, scene, commit)


def test_stack_that_fails_stops_the_rest_and_says_why(scene_at, monkeypatch):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    made = plan(ctx, scene, commit)
    failing = "staff-device-development-infra-cloudwatch"
    scene.inject("stack_fails", stack=failing)
    steps.prepare_functions(ctx, made)
    with pytest.raises(
        ApplyFailedError, match=f"Stack {failing} is ROLLBACK_COMPLETE .*; 1 of 4 functions are deployed"
    ):
        deploy(ctx)
    assert [function.rpartition("infra-")[2] for function in functions_at(scene)] == ["cloudwatch-syslog"]
    assert steps.drop_change_sets(ctx, scene.target.promotion.artefact) == 2
    again = scene_at(run="account_promotion/two")
    with pytest.raises(PreconditionError, match=f"Stack {failing} is ROLLBACK_COMPLETE, in which .* delete the stack"):
        plan(step_of(again), again, commit)


@pytest.mark.parametrize("write", ["create_change_set", "execute_change_set"])
def test_step_killed_right_after_a_write_repeats_none(scene_at, monkeypatch, write):
    scene = scene_at()
    commit, ctx = scene.has_files(monkeypatch), step_of(scene)
    made = plan(ctx, scene, commit)

    def begin():
        steps.prepare_functions(ctx, made)
        steps.poll_functions(ctx)

    with monkeypatch.context() as patch:
        patch.setattr(cloudformation, write, dying_after(getattr(cloudformation, write)))
        with pytest.raises(KeyboardInterrupt):
            begin()
    steps.prepare_functions(ctx, made)
    deploy(ctx)
    assert scene.called("cloudformation.ExecuteChangeSet") == 4
    assert len(scene.texts(scene.run, "found")) == 1
    assert "4 functions run package" in steps.verify_functions(ctx, made)
