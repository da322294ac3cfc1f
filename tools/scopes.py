"""The resources and conditions to which the rights of runbooks are narrowed, as AWS's service authorization reference allows.

`${...}` stands for what the Terraform module of the roles is given: `partition`, `account`, `region`, and lists of names. A text with
a list stands once for each of its names, and a statement without any resource is left out. A right whose actions name no resource
of their own has "*".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Condition = Mapping[str, Mapping[str, tuple[str, ...]]]

EVERYTHING = ("*",)
PLACE = "${region}:${account}"


@dataclass(frozen=True)
class Scope:
    """What a right is granted on."""

    resources: tuple[str, ...] = EVERYTHING
    condition: Condition = field(default_factory=dict)


def _arn(service: str, *names: str) -> tuple[str, ...]:
    return tuple(f"arn:${{partition}}:{service}:{PLACE}:{name}" for name in names)


IN_CLUSTER: Condition = {"ArnEquals": {"ecs:cluster": _arn("ecs", "cluster/${cluster}")}}
IN_ACCOUNT: Condition = {"StringEquals": {"aws:ResourceAccount": ("${account}",)}}  # an ARN of S3 names none
TO_TASKS: Condition = {"StringEquals": {"iam:PassedToService": ("ecs-tasks.amazonaws.com",)}}
ON_CREATION: Condition = {"StringEquals": {"ecs:CreateAction": ("RegisterTaskDefinition",)}}

ALARMS = Scope(_arn("cloudwatch", "alarm:*"))  # DescribeAlarms cannot be narrowed to some
BUILDS = Scope(_arn("codebuild", "project/${build_project}"))
DATABASES = Scope(_arn("rds", "db:${database}"))
CLUSTERS = Scope(_arn("rds", "cluster:*", "cluster-snapshot:*"))  # of the code, as secrets are
SNAPSHOTS = Scope(_arn("rds", "db:${database}", "snapshot:*"))
DEFINITIONS = Scope(_arn("ecs", "task-definition/${family}:*"))
DEPLOYMENT_GROUPS = Scope(_arn("codedeploy", "deploymentgroup:${deployment_group}"))
GROUPS = Scope(_arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/${scaling_group}"))
IMAGES = Scope(("${registry}/*",))  # a task's image may come from any repository of these registries
LOGS = Scope(_arn("logs", "log-group:${log_group}", "log-group:${log_group}:*"))
SECRETS = Scope(_arn("secretsmanager", "secret:*"))  # of the code: only its state knows their names
SERVICES = Scope(_arn("ecs", "service/${service}"), IN_CLUSTER)
NEIGHBOURS = _arn("ecs", "service/${cluster}/*")  # what else runs in the cluster is looked at, and never changed
TABLES = Scope(_arn("dynamodb", "table/${operations_table}"))
TASKS = Scope(_arn("ecs", "task/${cluster}/*"), IN_CLUSTER)

SCOPES: Mapping[str, Scope] = {
    "autoscaling:ResumeProcesses": GROUPS,
    "autoscaling:SetDesiredCapacity": GROUPS,
    "autoscaling:SetInstanceProtection": GROUPS,
    "autoscaling:SuspendProcesses": GROUPS,
    "cloudwatch:DescribeAlarms": ALARMS,
    "codebuild:BatchGetBuilds": BUILDS,
    "codebuild:ListBuildsForProject": BUILDS,
    "codebuild:StartBuild": BUILDS,
    "codedeploy:BatchGetDeployments": DEPLOYMENT_GROUPS,
    "codedeploy:CreateDeployment": DEPLOYMENT_GROUPS,
    "codedeploy:GetDeploymentConfig": Scope(_arn("codedeploy", "deploymentconfig:*")),
    "codedeploy:GetDeploymentGroup": DEPLOYMENT_GROUPS,
    "codedeploy:ListDeployments": DEPLOYMENT_GROUPS,
    "codedeploy:RegisterApplicationRevision": Scope(_arn("codedeploy", "application:${application}")),
    "dynamodb:DeleteItem": TABLES,
    "dynamodb:GetItem": TABLES,
    "dynamodb:PutItem": TABLES,
    "dynamodb:Query": TABLES,
    "ecr:BatchGetImage": IMAGES,
    "ecr:DescribeImageScanFindings": IMAGES,
    "ecr:DescribeImages": IMAGES,
    "ecr:BatchDeleteImage": Scope(("${repository}",)),
    "ecr:PutImage": Scope(("${repository}",)),
    "ecs:DescribeClusters": Scope(_arn("ecs", "cluster/*")),  # what looks like a review app's is named
    "ecs:DescribeContainerInstances": Scope(_arn("ecs", "container-instance/${cluster}/*"), IN_CLUSTER),
    "ecs:DescribeServiceDeployments": Scope((*NEIGHBOURS, *_arn("ecs", "service-deployment/${cluster}/*")), IN_CLUSTER),
    "ecs:DescribeServiceRevisions": Scope((*NEIGHBOURS, *_arn("ecs", "service-revision/${cluster}/*")), IN_CLUSTER),
    "ecs:DescribeServices": Scope(NEIGHBOURS, IN_CLUSTER),
    "ecs:DescribeTasks": TASKS,
    "ecs:GetTaskProtection": TASKS,
    "ecs:ListContainerInstances": Scope(_arn("ecs", "cluster/${cluster}")),
    "ecs:ListServiceDeployments": Scope(NEIGHBOURS, IN_CLUSTER),
    "ecs:ListServices": Scope(condition=IN_CLUSTER),
    "ecs:ListTasks": Scope(condition=IN_CLUSTER),
    "ecs:RegisterTaskDefinition": DEFINITIONS,
    "ecs:RunTask": Scope(DEFINITIONS.resources, IN_CLUSTER),
    "ecs:StopServiceDeployment": Scope(
        _arn("ecs", "service/${service}", "service-deployment/${service}/*"), IN_CLUSTER
    ),
    "ecs:StopTask": TASKS,
    "ecs:TagResource": Scope(DEFINITIONS.resources, ON_CREATION),
    "ecs:UpdateService": SERVICES,
    "ecs:UpdateTaskProtection": TASKS,
    "iam:PassRole": Scope(("${task_role}",), TO_TASKS),
    "logs:FilterLogEvents": LOGS,
    "logs:GetLogEvents": LOGS,
    "rds:CreateDBClusterSnapshot": CLUSTERS,
    "rds:CreateDBSnapshot": SNAPSHOTS,
    "rds:DescribeDBClusterSnapshots": CLUSTERS,
    "rds:DescribeDBClusters": CLUSTERS,
    "rds:DescribeDBInstances": DATABASES,
    "rds:DescribeDBSnapshots": SNAPSHOTS,
    "rds:StartDBInstance": DATABASES,
    "ecs:DeleteTaskDefinitions": Scope(_arn("ecs", "task-definition/*")),
    **dict.fromkeys(
        (
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:GetTemplate",
        ),
        Scope(_arn("cloudformation", "stack/${function}/*")),  # each function is a stack of its own
    ),
    **dict.fromkeys(
        (
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:GetFunction",
            "lambda:PutFunctionConcurrency",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ),
        Scope(_arn("lambda", "function:${function}")),
    ),
    "logs:CreateLogGroup": Scope(_arn("logs", "log-group:/aws/lambda/${function}")),
    "logs:DeleteLogGroup": Scope(_arn("logs", "log-group:/aws/lambda/${function}")),
    "logs:PutRetentionPolicy": Scope(_arn("logs", "log-group:${short_lived_log_group}")),
    "secretsmanager:DeleteSecret": SECRETS,
    "secretsmanager:DescribeSecret": SECRETS,
    "secretsmanager:GetSecretValue": SECRETS,
    "secretsmanager:RemoveRegionsFromReplication": SECRETS,
    "secretsmanager:RestoreSecret": SECRETS,
    "ssm:GetParameters": Scope(_arn("ssm", "parameter/${parameter}")),
    "ssm:PutParameter": Scope(_arn("ssm", "parameter/${output_parameter}")),
}

S3 = "arn:${partition}:s3:::"
OF_DATA = {  # the buckets of region data, which may belong to several accounts
    "bucket": Scope((f"{S3}${{data_bucket}}",)),
    "object": Scope((f"{S3}${{data_bucket}}/*",)),
}
OF_STATE = {  # the bucket of Terraform's state: the state, its lock, and the plans that wait for their approval
    "bucket": Scope((f"{S3}${{state_bucket}}",), IN_ACCOUNT),
    "object": Scope((f"{S3}${{state_object}}",), IN_ACCOUNT),
}
OF_STATE_READ = Scope((f"{S3}${{state_object}}", f"{S3}${{settings_object}}"), IN_ACCOUNT)
OF_CODE = {  # what Terraform code has made and is made anew: only its state knows their names
    "rds": Scope(_arn("rds", "db:*", "snapshot:*", "cluster:*", "cluster-snapshot:*")),
    "s3": Scope((f"{S3}*",), IN_ACCOUNT),
}
OF_ARTEFACT = (Scope((f"{S3}${{artefact_bucket}}/*",), IN_ACCOUNT),)
OF_RUNBOOK: Mapping[str, Mapping[str, tuple[Scope, ...]]] = {  # what one runbook alone needs a right on, too
    "account_promotion": {
        "iam:PassRole": (
            Scope(("${function_role}",), {"StringEquals": {"iam:PassedToService": ("lambda.amazonaws.com",)}}),
        ),
        "s3:GetObject": OF_ARTEFACT,
        "s3:ListBucket": (Scope((f"{S3}${{artefact_bucket}}",), IN_ACCOUNT),),
        "s3:PutObject": OF_ARTEFACT,
    },
    "review_app_teardown": {"logs:DeleteLogGroup": (LOGS,)},
    "review_app_cleanup": {"s3:ListBucket": (OF_STATE["bucket"],)},  # whose workspaces it lists
}
OF_LOCKS = Scope(_arn("dynamodb", "table/${lock_table}"))
LOCKING = ("dynamodb:DeleteItem", "dynamodb:PutItem")
ON_BUCKETS = ("s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions")


@dataclass(frozen=True)
class Work:
    """What a runbook works on, so that the same right is granted on other things."""

    reads_state: bool = False  # Terraform's, and no region data
    locks_state: bool = False
    makes_anew: bool = False  # all that the code has made, its data included


def scopes_of(right: str, runbook: str, work: Work) -> tuple[Scope, ...]:
    """Return what a right is granted on."""
    return (*_usual(right, work), *OF_RUNBOOK.get(runbook, {}).get(right, ()))


def _usual(right: str, work: Work) -> tuple[Scope, ...]:
    if work.makes_anew and (right in SCOPES or right.startswith("s3:")) and right.split(":")[0] in OF_CODE:
        return (OF_CODE[right.split(":")[0]],) if right != "s3:ListAllMyBuckets" else (Scope(),)
    if right.startswith("s3:"):
        if work.reads_state and right == "s3:GetObject":
            return (OF_STATE_READ,)
        return ((OF_STATE if work.reads_state else OF_DATA)["bucket" if right in ON_BUCKETS else "object"],)
    if right == "dynamodb:GetItem" and work.reads_state:  # the lock table has the state's checksum
        return TABLES, OF_LOCKS
    if right in LOCKING and work.locks_state:
        return (OF_LOCKS,) if right == "dynamodb:DeleteItem" else (TABLES, OF_LOCKS)
    return (SCOPES.get(right, Scope()),)
