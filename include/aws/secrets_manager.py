"""AWS Secrets Manager: secrets on their way out, and back. No value leaves this file but to be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from include.write import Action, Write

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

DELETE = Action("secretsmanager", "DeleteSecret", resources=("SecretId",), values=("ForceDeleteWithoutRecovery",))
RESTORE = Action("secretsmanager", "RestoreSecret", resources=("SecretId",))
REMOVE_REPLICAS = Action("secretsmanager", "RemoveRegionsFromReplication", resources=("SecretId",))


@dataclass(frozen=True)
class Secret:
    """A secret without its value."""

    name: str
    arn: str
    deleted_at: datetime | None  # when it was marked for deletion; its name is taken until it is gone
    replicas: tuple[str, ...]  # regions


def describe_secret(client: SecretsManagerClient, name: str) -> Secret | None:
    """Return the secret of a name or an ARN, also one that is marked for deletion, or None if there is none."""
    try:
        found = client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        return None
    regions = tuple(sorted(each["Region"] for each in found.get("ReplicationStatus", ()) if "Region" in each))
    return Secret(found["Name"], found["ARN"], found.get("DeletedDate"), regions)


def delete_for_good(client: SecretsManagerClient, secret: Secret) -> Write[None]:
    """Return the write that deletes a secret without recovery. It is safe to repeat; AWS frees the name some time after it."""

    def make() -> None:
        client.delete_secret(SecretId=secret.arn, ForceDeleteWithoutRecovery=True)

    values = {"ForceDeleteWithoutRecovery": True}
    return Write(DELETE, f"{secret.name}, without recovery", make, resources={"SecretId": secret.arn}, values=values)


def restore_secret(client: SecretsManagerClient, secret: Secret) -> Write[None]:
    """Return the write that takes back a secret's deletion. It is safe to repeat."""

    def make() -> None:
        client.restore_secret(SecretId=secret.arn)

    return Write(RESTORE, secret.name, make, resources={"SecretId": secret.arn})


def remove_replicas(client: SecretsManagerClient, secret: Secret) -> Write[None]:
    """Return the write that deletes a secret's replicas, without which it can be deleted itself. It is safe to repeat."""

    def make() -> None:
        client.remove_regions_from_replication(SecretId=secret.arn, RemoveReplicaRegions=list(secret.replicas))

    return Write(
        REMOVE_REPLICAS, f"{secret.name} in {', '.join(secret.replicas)}", make, resources={"SecretId": secret.arn}
    )


def judge_value(client: SecretsManagerClient, name: str, judge: Callable[[str | None], str]) -> str:
    """Return what `judge` says of a secret's text, which is None if it has no value, or a binary one."""
    try:
        found = client.get_secret_value(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        return judge(None)
    return judge(found.get("SecretString"))
