"""What Terraform needs before its first run: buckets of its state and of archives, the table of locks, the values of its variables."""

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from include.inventory import Target
from sandbox.aws.seed.static_resources import StaticResources

CODE = Path(__file__).parents[2] / "infrastructure"
VARIABLES = "terraform/terraform.tfvars"  # the key of a target's file of variables in its state bucket


def create(resources: StaticResources, target: Target) -> None:
    """Create a target's backend as its owners do by hand, once: Terraform cannot keep the state of its own state bucket."""
    wanted = target.environment.terraform
    if wanted is None:
        return
    s3, region = resources.client("s3"), target.environment.region
    _bucket(s3, wanted.state_bucket, region)
    if wanted.recreation and wanted.recreation.archive:
        _bucket(s3, wanted.recreation.archive, region)
    if wanted.lock_table:
        _lock_table(resources.client("dynamodb"), wanted.lock_table)
    values = CODE / wanted.repository.partition("/")[2] / "values"
    file = values / f"{target.environment_name}.tfvars"
    if file.exists():
        s3.put_object(Bucket=wanted.state_bucket, Key=VARIABLES, Body=file.read_bytes())
    parameters = values / f"{target.environment_name}.parameters"
    if parameters.exists():
        _parameters(resources.client("ssm"), parameters)


def _bucket(s3: Any, name: str, region: str) -> None:
    """Create a versioned bucket; several targets may share one."""
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=name, **where)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    else:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _lock_table(dynamodb: Any, name: str) -> None:
    if name in dynamodb.list_tables()["TableNames"]:
        return
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _parameters(ssm: Any, file: Path) -> None:
    """Put the parameters of a file: on each line a name, its type, and its value."""
    for line in file.read_text(encoding="utf-8").splitlines():
        name, kind, value = line.split(maxsplit=2)
        ssm.put_parameter(Name=name, Type=kind, Value=value)
