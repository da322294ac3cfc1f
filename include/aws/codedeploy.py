"""AWS CodeDeploy: deployments of a deployment group."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import yaml

from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_codedeploy.client import CodeDeployClient
    from mypy_boto3_codedeploy.type_defs import RevisionLocationTypeDef

DESCRIBE_LIMIT = 25  # the most deployments that one BatchGetDeployments call takes
DESCRIPTION_LENGTH = 100  # the longest description in characters
ROLLBACK = "codeDeployRollback"  # the creator of a deployment that rolls back another

CREATE = Action("codedeploy", "CreateDeployment", resources=("deploymentGroupName",), values=("revision",))
STOP = Action("codedeploy", "StopDeployment", resources=("deploymentId",))


@dataclass(frozen=True)
class Deployment:
    """One deployment of a deployment group, as CodeDeploy describes it."""

    id: str
    status: str
    creator: str
    created_at: datetime
    task_definition: str = ""  # from its AppSpec, or "" if the revision does not contain it
    error_code: str = ""
    error_message: str = ""
    rollback_id: str = ""  # rollbackInfo.rollbackDeploymentId: the deployment that undoes this one
    undoes_id: str = ""  # rollbackInfo.rollbackTriggeringDeploymentId: the one this undoes
    rollback_message: str = ""


def list_deployments(client: CodeDeployClient, application: str, group: str, since: datetime) -> tuple[Deployment, ...]:
    """Return the group's deployments created since a time (AWS's clock), oldest first.

    Raises: PreconditionError if there is no such application or group.
    """
    pages = client.get_paginator("list_deployments").paginate(
        applicationName=application, deploymentGroupName=group, createTimeRange={"start": since}
    )
    missing = client.exceptions.ApplicationDoesNotExistException, client.exceptions.DeploymentGroupDoesNotExistException
    try:
        ids = [id for page in pages for id in page["deployments"]]
    except missing as error:
        raise PreconditionError(
            f"There is no deployment group {group} of a CodeDeploy application {application} in this account and region; "
            "correct code_deploy in the inventory."
        ) from error
    batches = [ids[start : start + DESCRIBE_LIMIT] for start in range(0, len(ids), DESCRIBE_LIMIT)]
    found = [
        _deployment(item)
        for batch in batches
        for item in client.batch_get_deployments(deploymentIds=batch)["deploymentsInfo"]
    ]
    return tuple(sorted(found, key=lambda deployment: (deployment.created_at, deployment.id)))


def list_alarms(client: CodeDeployClient, application: str, group: str) -> tuple[str, ...]:
    """Return the alarms that stop a deployment of the group."""
    found: Any = client.get_deployment_group(applicationName=application, deploymentGroupName=group)
    configuration = found["deploymentGroupInfo"].get("alarmConfiguration", {})
    return tuple(alarm["name"] for alarm in configuration.get("alarms", ())) if configuration.get("enabled") else ()


def create_deployment(
    client: CodeDeployClient,
    application: str,
    group: str,
    definition: str,
    *,
    container: str,
    port: int,
    service: str,
    by: str,
    since: datetime,
) -> Write[str]:
    """Return the write that starts a deployment of a task definition and returns its id. The group's alarms do not stop it.

    It is a rollback, and an alarm that fires is the usual reason to go. CodeDeploy knows no token that would make a second call
    the same, but takes no second deployment while the first is at work. `since`: when the run began, by AWS's clock.
    """
    about, revision = f"{service} to {definition.rsplit('/', 1)[-1]}", revision_of(definition, container, port)

    def make() -> str:
        made = client.create_deployment(
            applicationName=application,
            deploymentGroupName=group,
            revision=cast("RevisionLocationTypeDef", revision),
            description=f"{about}, by {by}"[:DESCRIPTION_LENGTH],
            overrideAlarmConfiguration={"enabled": False},
        )
        return made["deploymentId"]

    return Write(
        CREATE,
        about,
        make,
        resources={"applicationName": application, "deploymentGroupName": group},
        values={"revision": revision, "wanted": definition, "since": since.isoformat()},
    )


def revision_of(definition: str, container: str, port: int) -> dict[str, Any]:
    """Return the revision that makes an ECS service run a task definition, with its traffic on that container's port."""
    properties = {
        "TaskDefinition": definition,
        "LoadBalancerInfo": {"ContainerName": container, "ContainerPort": port},
    }
    resource = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    content = json.dumps({"version": 1, "Resources": [resource]})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


def stop_deployment(client: CodeDeployClient, id: str, about: str) -> Write[bool]:
    """Return the write that stops a deployment and has CodeDeploy roll it back. It returns False if the deployment had ended already.

    `about` says what comes of it.
    """

    def make() -> bool:
        try:
            client.stop_deployment(deploymentId=id, autoRollbackEnabled=True)
        except client.exceptions.DeploymentAlreadyCompletedException:
            return False
        return True

    return Write(STOP, f"{id}: {about}", make, resources={"deploymentId": id})


def was_applied(client: CodeDeployClient, write: RecordedWrite) -> bool | None:
    """Tell whether a write of this module shows in CodeDeploy now. Return None if the journal does not say where to look."""
    application, group = write.resource("applicationName"), write.resource("deploymentGroupName")
    if write.action == CREATE.name and application:
        since = datetime.fromisoformat(write.values["since"])
        return any(
            deployment.task_definition == write.values["wanted"] and deployment.creator != ROLLBACK
            for deployment in list_deployments(client, application, group, since)
        )
    if write.action == STOP.name and (id := write.resource("deploymentId")):
        (found,) = client.batch_get_deployments(deploymentIds=[id])["deploymentsInfo"]
        return bool(found["status"] == "Stopped")
    return None


def _deployment(item: Any) -> Deployment:
    error, rollback = item.get("errorInformation", {}), item.get("rollbackInfo", {})
    return Deployment(
        id=item["deploymentId"],
        status=item["status"],
        creator=item.get("creator", ""),
        created_at=item["createTime"],
        task_definition=_task_definition(item.get("revision", {})),
        error_code=error.get("code", ""),
        error_message=error.get("message", ""),
        rollback_id=rollback.get("rollbackDeploymentId", ""),
        undoes_id=rollback.get("rollbackTriggeringDeploymentId", ""),
        rollback_message=rollback.get("rollbackMessage", ""),
    )


def _task_definition(revision: Any) -> str:
    """Return the task definition of a revision's AppSpec, or "" if the AppSpec cannot be read."""
    content = (revision.get("appSpecContent") or revision.get("string") or {}).get("content", "")
    resources = _value(_read(content), "resources")
    for resource in resources if isinstance(resources, list) else []:
        for service in resource.values() if isinstance(resource, dict) else []:
            if definition := _value(_value(service, "properties"), "taskdefinition"):
                return str(definition)
    return ""


def _read(content: str) -> Any:
    try:
        return json.loads(content)  # PyYAML also reads JSON, but not if it is indented with tabs
    except ValueError:
        try:
            return yaml.safe_load(content)
        except yaml.YAMLError:
            return None


def _value(mapping: Any, key: str) -> Any:
    """Return the value of a key regardless of its case, as CodeDeploy does."""
    return next((v for k, v in mapping.items() if str(k).lower() == key), None) if isinstance(mapping, dict) else None
