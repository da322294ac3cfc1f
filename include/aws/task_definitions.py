"""Amazon ECS: task definitions, and the writes that make a service run another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from include.aws.batches import batches
from include.aws.clock import answered_at
from include.aws.ecs import UPDATE_SERVICE, Deployment, read_described_service
from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

REGISTER = Action("ecs", "RegisterTaskDefinition", resources=("family",))

DEREGISTER = Action("ecs", "DeregisterTaskDefinition", resources=("taskDefinition",))
DELETE = Action("ecs", "DeleteTaskDefinitions", resources=("taskDefinitions",))

DELETED_AT_ONCE = 10  # revisions in one DeleteTaskDefinitions

Definition = dict[str, Any]  # as AWS returns it, including fields that this program does not know


def describe_definition(client: ECSClient, name: str) -> Definition:
    """Return a task definition, with its tags as `tags`.

    It is given by ARN or `family:revision`; a family alone stands for its newest ACTIVE revision. Raises: PreconditionError if
    there is none.
    """
    try:
        response = client.describe_task_definition(taskDefinition=name, include=["TAGS"])
    except (client.exceptions.ClientException, client.exceptions.InvalidParameterException) as error:
        raise PreconditionError(
            f"There is no task definition {name} in this account and region ({error}); correct the inventory, or register one."
        ) from error
    definition: Definition = dict(response["taskDefinition"])
    if response.get("tags"):
        definition["tags"] = response["tags"]
    return definition


def checked_containers(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the essential containers that have a health check in a task definition. Only theirs decide on a task's health."""
    return frozenset(
        each["name"]
        for each in definition["containerDefinitions"]
        if each.get("healthCheck") and each.get("essential", True)
    )


def list_definitions(client: ECSClient, family: str, limit: int = 20) -> tuple[str, ...]:
    """Return the ARNs of a family's ACTIVE revisions, newest first."""
    pages = client.get_paginator("list_task_definitions").paginate(
        familyPrefix=family, status="ACTIVE", sort="DESC", PaginationConfig={"PageSize": 100}
    )
    # the parameter is a prefix: core-app also matches core-app-worker
    arns = (arn for page in pages for arn in page["taskDefinitionArns"])
    return tuple(islice((arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family), limit))


def takes(definition: Mapping[str, Any], launch_type: str) -> bool:
    """Tell whether a task definition is meant for a launch type. What it requires decides, not everything it is compatible with."""
    return launch_type in (definition.get("requiresCompatibilities") or definition.get("compatibilities") or [])


def describe_newest(client: ECSClient, family: str, launch_type: str) -> Definition:
    """Return a family's newest ACTIVE revision for a launch type.

    A service on instances may share the family of a one-off task. Raises: PreconditionError if there is none.
    """
    for arn in list_definitions(client, family):
        definition = describe_definition(client, arn)
        if takes(definition, launch_type):
            return definition
    raise PreconditionError(
        f"Task definition family {family} has no active revision that {launch_type} takes; register one, nothing was changed."
    )


def register_definition(client: ECSClient, definition: Mapping[str, Any], container: str) -> Write[str]:
    """Return the write that registers a revision and returns its ARN. The container's image identifies it later.

    It is not idempotent: `client` must not repeat it by itself, and callers look at the newest revision before they repeat it.
    """
    family, image = str(definition["family"]), image_of(definition, container)

    def make() -> str:
        response: Any = client.register_task_definition(**definition)
        return str(response["taskDefinition"]["taskDefinitionArn"])

    return Write(
        REGISTER,
        f"{family}: {image}",
        make,
        resources={"family": family, "container": container},
        values={"image": image},
    )


def was_applied(client: ECSClient, write: RecordedWrite) -> bool | None:
    """Tell whether the family's newest revision has the image of the write. Return None if the journal does not name the family."""
    family, container = write.resource("family"), write.resource("container")
    if write.action != REGISTER.name or not container:
        return None
    return bool(image_of(describe_definition(client, family), container) == write.values["image"])


def is_active(client: ECSClient, arn: str) -> bool:
    """Tell whether tasks can be started with this revision."""
    return client.describe_task_definition(taskDefinition=arn)["taskDefinition"].get("status") == "ACTIVE"


def deregister(client: ECSClient, arn: str) -> Write[None]:
    """Return the write after which no task can be started with this revision. It is safe to repeat."""

    def make() -> None:
        client.deregister_task_definition(taskDefinition=arn)

    return Write(DEREGISTER, arn.rsplit("/", 1)[-1], make, resources={"taskDefinition": arn})


def delete(client: ECSClient, arns: Sequence[str]) -> Write[None]:
    """Return the write that deletes revisions that are no longer active, once no task uses them. It is safe to repeat."""

    def make() -> None:
        for batch in batches(arns, DELETED_AT_ONCE):
            client.delete_task_definitions(taskDefinitions=batch)

    return Write(DELETE, f"{len(arns)} revisions", make, resources={"taskDefinitions": tuple(arns)})


def container_of(definition: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    """Return the definition of a container. Raises: PreconditionError if there is none of that name."""
    for defined in definition["containerDefinitions"]:
        if defined["name"] == container:
            found: Mapping[str, Any] = defined
            return found
    names = ", ".join(str(defined["name"]) for defined in definition["containerDefinitions"])
    raise PreconditionError(
        f"Task definition {definition.get('family')} has no container {container} (it has {names}); correct the inventory."
    )


def essential_names(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of a definition's essential containers: if one of them ends, ECS ends the whole task."""
    return frozenset(str(each["name"]) for each in definition["containerDefinitions"] if each.get("essential", True))


def image_of(definition: Mapping[str, Any], container: str) -> str:
    """Return the image of a container. Raises: PreconditionError if the definition has no such container."""
    return str(container_of(definition, container)["image"])


def log_prefix(definition: Mapping[str, Any], container: str) -> str:
    """Return the prefix of a container's log streams by the awslogs driver, or the name of its family if no prefix is set."""
    options = container_of(definition, container).get("logConfiguration", {}).get("options", {})
    return str(options.get("awslogs-stream-prefix", definition["family"]))


def set_task_definition(
    client: ECSClient, cluster: str, service: str, definition: str, asked_at: datetime
) -> Write[Deployment]:
    """Return the write that makes a service run a task definition and returns its deployment.

    ECS starts no deployment if the service runs that task definition already. `asked_at` is AWS's time just before: what ECS has
    begun since can be told by it.
    """

    def make() -> Deployment:
        response = client.update_service(cluster=cluster, service=service, taskDefinition=definition)
        return read_described_service(response["service"], cluster, answered_at(response)).primary

    return Write(
        UPDATE_SERVICE,
        f"{service}: {definition.rsplit('/', 1)[-1]}",
        make,
        resources={"cluster": cluster, "service": service},
        values={"taskDefinition": definition, "asked_at": asked_at.isoformat()},
    )
