"""Which rights a call needs, and on which resources: AWS's service authorization reference, for the calls of the runbooks.

A call that is not listed needs the right of its own name on everything of its service in the account and region, as far as Terraform
makes it. `requests_of` is given the role's account, to which unqualified names belong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.aws.authorization import s3_requests
from sandbox.aws.authorization.policy import Request
from sandbox.aws.http.honoured import HONOURED
from sandbox.aws.sim.world import World
from sandbox.aws.state.call_log import Call

PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}  # of rights, where it is not the service's signing name
Params = dict[str, Any]


class Place:
    """Where a call goes: it makes ARNs."""

    def __init__(self, call: Call, world: World):
        self.account, self.region, self.world = call.account, call.region, world

    def arn(self, service: str, rest: str, account: str = "") -> str:
        return f"arn:aws:{service}:{self.region}:{account or self.account}:{rest}"

    def cluster(self, params: Params) -> str:
        return str(params.get("cluster") or "default").rsplit("/", 1)[-1]

    def in_cluster(self, kind: str, given: Iterable[Any], params: Params) -> list[str]:
        """Return the ARNs of a cluster's things, which a call may name by their names, too."""
        cluster = self.cluster(params)
        names = (str(each).rsplit("/", 1)[-1] for each in given)
        return [self.arn("ecs", f"{kind}/{cluster}/{name}") for name in names]


def requests_of(call: Call, world: World) -> list[Request]:
    """Return what a role has to be allowed for a call to be carried out."""
    place, params = Place(call, world), call.params if isinstance(call.params, dict) else {}
    if call.service == "s3":
        return s3_requests.requests_of(call.action, params, place.account)
    right = right_of(call.service, call.action)
    resources = RESOURCES[right](place, params) if right in RESOURCES else [_everything(right, place)]
    context = _cluster_of(place, params) if call.service == "ecs" and call.action not in BEYOND_CLUSTERS else ()
    found = [Request(right, each, context) for each in resources or [_everything(right, place)]]
    return [*found, *_besides(right, place, params)]


def right_of(service: str, action: str) -> str:
    """Return the name of a call's right. `service`: its signing name."""
    if service == "s3":
        return s3_requests.right_of(action)
    return f"{PREFIXES.get(service, service)}:{action}"


ALL = {
    "cloudformation": "stack/*",
    "lambda": "function:*",
    "logs": "log-group:*",
}  # of a service, where policies name a kind


def _everything(right: str, place: Place) -> str:
    service = right.split(":")[0]
    return place.arn(service, ALL.get(service, "*"))


def _role(place: Place, params: Params) -> list[str]:
    return [f"arn:aws:iam::{place.account}:role/{params.get('RoleName') or '*'}"]


def _cluster_of(place: Place, params: Params) -> tuple[tuple[str, tuple[str, ...]], ...]:
    cluster = place.cluster(params)
    for name in ("serviceDeploymentArns", "serviceDeploymentArn", "serviceRevisionArns"):
        if given := params.get(name):
            cluster = str(given if isinstance(given, str) else given[0]).split("/")[1]
    return (("ecs:cluster", (place.arn("ecs", f"cluster/{cluster}"),)),)


def _besides(right: str, place: Place, params: Params) -> Iterator[Request]:
    """Yield what AWS asks for beside the right of a call's own name."""
    if right == "ecs:RegisterTaskDefinition":
        if params.get("tags"):
            created = ("ecs:createaction", ("RegisterTaskDefinition",))
            yield Request("ecs:TagResource", place.arn("ecs", f"task-definition/{params['family']}:*"), (created,))
        yield from _passing(params, place)
    if right == "ecs:RunTask":
        yield from _passing(params.get("overrides") or {}, place)
    if right == "codedeploy:CreateDeployment":
        application = params.get("applicationName")
        yield Request("codedeploy:GetDeploymentConfig", place.arn("codedeploy", "deploymentconfig:*"))
        yield Request("codedeploy:RegisterApplicationRevision", place.arn("codedeploy", f"application:{application}"))


def _passing(params: Params, place: Place) -> Iterator[Request]:
    """Yield the right to hand a task its roles. Only their ARNs are taken, or names in the same account."""
    for role in (params.get("taskRoleArn"), params.get("executionRoleArn")):
        if role:
            arn = role if str(role).startswith("arn:") else f"arn:aws:iam::{place.account}:role/{role}"
            yield Request("iam:PassRole", arn, (("iam:passedtoservice", ("ecs-tasks.amazonaws.com",)),))


def _definition(place: Place, name: Any) -> str:
    family = str(name).rsplit("/", 1)[-1]
    return place.arn("ecs", f"task-definition/{family if ':' in family else f'{family}:*'}")


def _of_service_deployments(place: Place, arns: Iterable[str]) -> list[str]:
    """Return a service and its deployments or revisions: both have to be allowed."""
    found: dict[str, None] = {}
    for arn in arns:
        _, cluster, service, *_ = arn.split("/")
        found |= {place.arn("ecs", f"service/{cluster}/{service}"): None, arn: None}
    return list(found)


def _groups_of_rollouts(place: Place, ids: Iterable[str]) -> list[str]:
    """Return the deployment groups of CodeDeploy's deployments."""
    rollouts = place.world.region(place.account, place.region).rollouts
    groups = [rollouts[id].group for id in ids if id in rollouts]
    return [place.arn("codedeploy", f"deploymentgroup:{group.application}/{group.name}") for group in groups]


def _deployment_group(place: Place, params: Params) -> list[str]:
    return [
        place.arn("codedeploy", f"deploymentgroup:{params.get('applicationName')}/{params.get('deploymentGroupName')}")
    ]


def _one(service: str, kind: str, name: str) -> Callable[[Place, Params], list[str]]:
    """Return what finds a resource by one member of the request."""
    return lambda place, params: [place.arn(service, f"{kind}{params.get(name) or '*'}")]


def _repository(place: Place, params: Params) -> list[str]:
    return [place.arn("ecr", f"repository/{params.get('repositoryName') or '*'}", str(params.get("registryId") or ""))]


def _group(place: Place, params: Params) -> list[str]:
    return [place.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{params.get('AutoScalingGroupName')}")]


def _stack(place: Place, params: Params) -> list[str]:
    return [place.arn("cloudformation", f"stack/{params.get('StackName') or '*'}/*")]


def _log_group(place: Place, params: Params) -> list[str]:
    return [place.arn("logs", f"log-group:{params.get('logGroupName') or '*'}")]


def _log_streams(place: Place, params: Params) -> list[str]:
    return [place.arn("logs", f"log-group:{params.get('logGroupName')}:log-stream:{params.get('logStreamName') or ''}")]


def _snapshot(place: Place, params: Params) -> list[str]:
    instance, snapshot = params.get("DBInstanceIdentifier"), params.get("DBSnapshotIdentifier") or "*"
    found = [place.arn("rds", f"db:{instance}")] if instance else []
    return [*found, place.arn("rds", f"snapshot:{snapshot}")]


def _cluster_snapshot(place: Place, params: Params) -> list[str]:
    cluster, snapshot = params.get("DBClusterIdentifier"), params.get("DBClusterSnapshotIdentifier") or "*"
    found = [place.arn("rds", f"cluster:{cluster}")] if cluster else []
    return [*found, place.arn("rds", f"cluster-snapshot:{snapshot}")]


def _parameters(place: Place, params: Params) -> list[str]:
    names = params.get("Names") or [params.get("Name") or "*"]
    return [place.arn("ssm", f"parameter/{str(name).removeprefix('/')}") for name in names]


def _secret(place: Place, params: Params) -> list[str]:
    """Return a secret by its ARN. AWS adds a hyphen and six characters to the name of each."""
    given = str(params.get("SecretId") or params.get("Name") or "*")
    return [given if given.startswith("arn:") else place.arn("secretsmanager", f"secret:{given}-??????")]


def _services(place: Place, params: Params) -> list[str]:
    return place.in_cluster("service", params.get("services") or [params.get("service")], params)


def _tasks(place: Place, params: Params) -> list[str]:
    return place.in_cluster("task", params.get("tasks") or [params.get("task")], params)


_table = _one("dynamodb", "table/", "TableName")
_project = _one("codebuild", "project/", "projectName")
_revisions = "serviceRevisionArns"
_database = _one("rds", "db:", "DBInstanceIdentifier")
BEYOND_CLUSTERS = ("DescribeTaskDefinition", "ListTaskDefinitions", "RegisterTaskDefinition", "ListContainerInstances")

RESOURCES: dict[str, Callable[[Place, Params], list[str]]] = {
    **dict.fromkeys(
        (
            "autoscaling:ResumeProcesses",
            "autoscaling:SetDesiredCapacity",
            "autoscaling:SetInstanceProtection",
            "autoscaling:SuspendProcesses",
            "autoscaling:UpdateAutoScalingGroup",
        ),
        _group,
    ),
    "cloudwatch:DescribeAlarms": lambda place, _: [place.arn("cloudwatch", "alarm:*")],
    "codebuild:BatchGetBuilds": lambda place, params: [
        place.arn("codebuild", f"project/{str(each).split(':')[0]}") for each in params.get("ids") or ()
    ],
    "codebuild:ListBuildsForProject": _project,
    "codebuild:StartBuild": _project,
    "codedeploy:BatchGetDeployments": lambda place, params: _groups_of_rollouts(
        place, params.get("deploymentIds") or ()
    ),
    "codedeploy:CreateDeployment": _deployment_group,
    "codedeploy:GetDeploymentConfig": _one("codedeploy", "deploymentconfig:", "deploymentConfigName"),
    "codedeploy:GetDeploymentGroup": _deployment_group,
    "codedeploy:ListDeployments": _deployment_group,
    **dict.fromkeys(
        (
            f"dynamodb:{each}"
            for each in ("DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
        ),
        _table,
    ),
    **dict.fromkeys(
        (
            f"ecr:{each}"
            for each in ("BatchDeleteImage", "BatchGetImage", "DescribeImages", "DescribeImageScanFindings", "PutImage")
        ),
        _repository,
    ),
    "ecs:DeleteTaskDefinitions": lambda place, params: [
        _definition(place, each) for each in params.get("taskDefinitions") or ()
    ],
    "ecs:DescribeContainerInstances": lambda place, params: place.in_cluster(
        "container-instance", params.get("containerInstances") or (), params
    ),
    "ecs:DescribeServiceDeployments": lambda place, params: _of_service_deployments(
        place, params.get("serviceDeploymentArns") or ()
    ),
    "ecs:DescribeServiceRevisions": lambda place, params: _of_service_deployments(place, params.get(_revisions) or ()),
    "ecs:DescribeServices": _services,
    "ecs:DescribeTasks": _tasks,
    "ecs:GetTaskProtection": _tasks,
    "ecs:ListContainerInstances": lambda place, params: [place.arn("ecs", f"cluster/{place.cluster(params)}")],
    "ecs:ListServiceDeployments": _services,
    "ecs:ListTasks": lambda place, params: [place.arn("ecs", f"container-instance/{place.cluster(params)}/*")],
    "ecs:RegisterTaskDefinition": lambda place, params: [_definition(place, params.get("family"))],
    "ecs:RunTask": lambda place, params: [_definition(place, params.get("taskDefinition"))],
    "ecs:StopServiceDeployment": lambda place, params: _of_service_deployments(
        place, [str(params.get("serviceDeploymentArn"))]
    ),
    "ecs:StopTask": _tasks,
    "ecs:UpdateService": _services,
    "ecs:UpdateTaskProtection": _tasks,
    **dict.fromkeys((f"iam:{each}" for each in HONOURED["iam"]), _role),
    **dict.fromkeys((f"cloudformation:{each}" for each in HONOURED["cloudformation"]), _stack),
    "logs:FilterLogEvents": _log_streams,
    "logs:GetLogEvents": _log_streams,
    "logs:PutRetentionPolicy": _log_group,
    "rds:CreateDBClusterSnapshot": _cluster_snapshot,
    "rds:CreateDBSnapshot": _snapshot,
    "rds:DescribeDBClusterSnapshots": _cluster_snapshot,
    "rds:DescribeDBClusters": _one("rds", "cluster:", "DBClusterIdentifier"),
    "rds:DescribeDBInstances": _database,
    "rds:DescribeDBSnapshots": _snapshot,
    **dict.fromkeys(
        (f"secretsmanager:{each}" for each in HONOURED["secretsmanager"] if each != "ListSecrets"), _secret
    ),
    "ssm:GetParameter": _parameters,
    "ssm:GetParameters": _parameters,
    "ssm:PutParameter": _parameters,
}
