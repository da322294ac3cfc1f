"""Faults of making and destroying infrastructure: what is in the way, what comes back, and a state that cannot be kept."""

from functools import partial
from typing import Any

from moto.rds.models import rds_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
from moto.ssm.models import ssm_backends

from include.inventory import Target
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.http.requests import TERRAFORM
from sandbox.aws.services.s3 import api as s3_api
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim.world import World
from sandbox.aws.state.call_log import Call

MONTH = 30 * 86400.0
EMPTY = " "  # the least that Parameter Store keeps
STATE_FAULTS = ("lock_answer_lost", "state_missing", "state_unwritable")
LOCK_FILE = ".tflock"  # beside the state


def prepare(fault: Fault, world: World, target: Target, name: str | None) -> None:
    """Check that a fault can apply to its target, and apply its immediate effect. Raises: FaultError."""
    if name:
        raise FaultError(f"Fault {fault.kind} strikes the target as a whole; leave 'service' out.")
    environment = target.environment
    fault.place = (environment.account, environment.region, "")
    if fault.kind in STATE_FAULTS:
        if environment.terraform is None:
            raise FaultError(f"Target {target.name} has no Terraform code, so {fault.kind} cannot apply to it.")
        fault.place = (environment.account, environment.region, environment.terraform.state_bucket)
    elif fault.kind in ("bucket_filled", "bucket_refilled"):
        _check_bucket(fault)
        if fault.kind == "bucket_filled":
            _fill(fault, world)
    elif fault.kind in ("parameter_missing", "parameter_empty"):
        _spoil_parameter(fault)
    elif fault.kind == "secret_scheduled":
        _schedule_secret(fault)
    elif fault.kind == "snapshot_exists":
        _add_snapshot(fault, target)
    elif fault.kind == "database_written":
        _write_database(fault, world)


def _check_bucket(fault: Fault) -> None:
    held, wanted = s3_backends[fault.account]["aws"].buckets, fault.fields["bucket"]
    if wanted not in held:
        raise FaultError(
            f"Account {fault.account} has no bucket {wanted!r}; it has {', '.join(sorted(held)) or 'none'}."
        )


def _fill(fault: Fault, world: World) -> None:
    """Put objects into a bucket, the first of them twice, and begin an upload. The last one is deleted again."""
    backend, bucket = s3_backends[fault.account]["aws"], fault.fields["bucket"]
    keys = [f"AWSLogs/{number:04d}.log.gz" for number in range(fault.fields["objects"])]
    with s3_api.time_of(world):
        for key in [keys[0], *keys]:
            backend.put_object(bucket, key, f"of {key}".encode(), disable_notification=True)
        backend.delete_object(bucket, keys[-1])
        no_metadata: Any = {}
        backend.create_multipart_upload(bucket, "AWSLogs/unfinished.log.gz", no_metadata, "STANDARD", {}, None, "", "")
    fault.count()


def refill(world: World, call: Call) -> None:
    """Put an object into a bucket that a call has just emptied, as somebody else, if a fault says so."""
    if call.service != "s3" or call.action not in ("DeleteObject", "DeleteObjects") or call.status >= 300:
        return
    account, bucket = call.account, call.params["Bucket"]
    backend = s3_backends[account]["aws"]
    held = backend.buckets.get(bucket)
    for fault in world.faults:
        wanted = fault.kind == "bucket_refilled" and (fault.account, fault.fields["bucket"]) == (account, bucket)
        if wanted and held is not None and not held.keys and fault.injected < fault.fields["times"]:
            fault.count()
            key = f"AWSLogs/late-{fault.injected}.log.gz"
            backend.put_object(bucket, key, b"late", disable_notification=True)
            _log(world, fault, Call("s3", "PutObject", fault.place[1], True, {"Bucket": bucket, "Key": key}))


def loses_lock(world: World, call: Call) -> bool:
    """Tell whether the answer is lost that would tell Terraform that it has its lock, in DynamoDB or in S3."""
    if call.agent != TERRAFORM or call.status >= 300 or call.action not in ("PutItem", "PutObject"):
        return False
    in_table = call.service == "dynamodb" and "ConditionExpression" in call.params
    if not in_table and not str(call.params.get("Key", "")).endswith(LOCK_FILE):
        return False
    for fault in world.faults:
        if (
            fault.kind == "lock_answer_lost"
            and fault.account == call.account
            and fault.injected < fault.fields["times"]
        ):
            fault.count()
            return True
    return False


def _spoil_parameter(fault: Fault) -> None:
    held: Any = ssm_backends[fault.account][fault.place[1]]._parameters
    name = fault.fields["name"]
    versions = held.get(name)
    if not versions:
        raise FaultError(f"There is no parameter {name!r} in {fault.place[1]} of account {fault.account}.")
    if fault.kind == "parameter_missing":
        del held[name]
        fault.undo = partial(held.__setitem__, name, versions)
    else:
        fault.undo = partial(setattr, versions[-1], "value", versions[-1].value)
        secret = versions[-1].parameter_type == "SecureString"
        versions[-1].value = versions[-1].encrypt(EMPTY) if secret else EMPTY
    fault.count()


def _schedule_secret(fault: Fault) -> None:
    """Have a secret of that name that is marked for deletion."""
    backend = secretsmanager_backends[fault.account][fault.place[1]]
    name = fault.fields["name"]
    if name not in backend.secrets:
        _make_secret(backend, name)
    found = backend.secrets[name]
    assert isinstance(found, FakeSecret)
    found.deleted_date = fault.since + MONTH
    fault.count()


def make_again(world: World, account: str, region: str, name: str) -> None:
    """Make a secret again that is gone by now, as somebody else, if a fault says so."""
    for fault in world.faults:
        wanted = fault.kind == "secret_recreated" and fault.place[:2] == (account, region)
        if wanted and fault.fields["name"] == name and not fault.injected:
            fault.count()
            _make_secret(secretsmanager_backends[account][region], name)
            _log(world, fault, Call("secretsmanager", "CreateSecret", region, True, {"Name": name}))


def _make_secret(backend: Any, name: str) -> None:
    backend.create_secret(
        name=name,
        secret_string="somebody's",  # noqa: S106  # of a pretend secret
        secret_binary=None,
        description="Made by hand",
        tags=[],
        kms_key_id=None,
        client_request_token=None,
        replica_regions=[],
        force_overwrite=False,
    )


def _add_snapshot(fault: Fault, target: Target) -> None:
    """Have a manual snapshot of that name, made of the target's database."""
    database = target.environment.database
    if database is None:
        raise FaultError(f"Target {target.name} has no database, so {fault.kind} cannot apply to it.")
    backend = rds_backends[fault.account][fault.place[1]]
    if fault.fields["name"] in backend.database_snapshots:
        raise FaultError(f"There is a snapshot {fault.fields['name']!r} already.")
    backend.create_db_snapshot(database.instance, fault.fields["name"], snapshot_type="manual")
    fault.count()


def _write_database(fault: Fault, world: World) -> None:
    """Have a database hold a text instead of what it held. Snapshots of it hold the same from now on."""
    name = fault.fields["instance"]
    database = rds_backends[fault.account][fault.place[1]].databases.get(name)
    if database is None:
        raise FaultError(f"There is no database instance {name!r} in {fault.place[1]} of account {fault.account}.")
    world.region(fault.account, fault.place[1]).written[database.db_instance_arn] = fault.fields["text"]
    fault.count()


def _log(world: World, fault: Fault, call: Call) -> None:
    call.account, call.role, call.status = fault.account, SOMEBODY, 200
    world.log_call(call)
