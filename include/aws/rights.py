"""Try the reads that a runbook makes only after its approval, so that a missing right is in the plan and not in the way later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from include.aws.clients import Clients
from include.errors import PreconditionError
from include.inventory import Target
from include.retry import is_denied

NOBODY = "0" * 32  # a task or an instance that does not exist: who may ask about it gets an answer, or another refusal
NO_BUILD = "00000000-0000-0000-0000-000000000000"
NO_TAG = "no-such-tag"
CONFIGURATION = "CodeDeployDefault.ECSAllAtOnce"

# the reads of each runbook that its plan does not make; a test derives them from the code
LATER: Mapping[str, tuple[str, ...]] = {
    "account_promotion": (
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStackEvents",
        "s3:ListBucketVersions",
    ),
    "database_migration": (
        "autoscaling:DescribeAutoScalingGroups",
        "ecs:DescribeContainerInstances",
        "ecs:DescribeServiceDeployments",
        "ecs:DescribeServiceRevisions",
        "ecs:ListContainerInstances",
        "ecs:ListServiceDeployments",
        "elasticloadbalancing:DescribeTargetHealth",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "rds:DescribeDBSnapshots",
    ),
    "image_publication": (
        "codebuild:BatchGetBuilds",
        "codebuild:ListBuildsForProject",
        "ecr:BatchGetImage",
        "ecr:DescribeImageScanFindings",
    ),
    "infrastructure_change": ("s3:ListBucketVersions",),
    "infrastructure_recreation": (
        "autoscaling:DescribeAutoScalingGroups",
        "ecs:DescribeContainerInstances",
        "ecs:DescribeServiceDeployments",
        "ecs:DescribeServiceRevisions",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListContainerInstances",
        "ecs:ListServiceDeployments",
        "ecs:ListTasks",
        "elasticloadbalancing:DescribeTargetHealth",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "s3:ListAllMyBuckets",
    ),
    "production_release": (
        "codedeploy:GetDeploymentConfig",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "rds:DescribeDBSnapshots",
    ),
    "region_data_update": ("ecs:GetTaskProtection",),
    "release_rollback": ("codedeploy:GetDeploymentConfig", "logs:FilterLogEvents"),
    "review_app_deployment": (
        "autoscaling:DescribeAutoScalingGroups",
        "codebuild:BatchGetBuilds",
        "codebuild:ListBuildsForProject",
        "ec2:DescribeSubnets",
        "ecr:BatchGetImage",
        "ecr:DescribeImageScanFindings",
        "ecs:DescribeContainerInstances",
        "ecs:DescribeServiceDeployments",
        "ecs:DescribeServiceRevisions",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListContainerInstances",
        "ecs:ListServiceDeployments",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
        "elasticloadbalancing:DescribeTargetHealth",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "secretsmanager:DescribeSecret",
        "ssm:GetParameters",
    ),
    "review_app_teardown": (
        "ecr:DescribeImages",
        "ecs:DescribeClusters",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListClusters",
        "ecs:ListTaskDefinitions",
        "logs:DescribeLogGroups",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "secretsmanager:DescribeSecret",
        "ssm:GetParameters",
    ),
    "service_restart": ("ecs:GetTaskProtection",),
    "staging_deployment": (
        "codebuild:BatchGetBuilds",
        "codebuild:ListBuildsForProject",
        "codedeploy:GetDeploymentConfig",
        "ecr:DescribeImageScanFindings",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "rds:DescribeDBSnapshots",
    ),
}


def refuse_missing_reads(clients: Clients, target: Target, runbook: str) -> None:
    """Try each later read of a runbook that this target's inventory asks for. Raises: PreconditionError, naming all that are denied."""
    later = LATER.get(runbook, ())
    trials = [(right, trial) for right, trial in _trials(clients, target) if right in later]
    denied = sorted({right for right, trial in trials if is_denied(trial)})
    if denied:
        environment = target.environment
        raise PreconditionError(
            f"Role {environment.role} of account {environment.account} may not do {', '.join(denied)}, which {runbook} does after "
            "its approval; grant that (docs/how-to/use-your-own-account.md lists all rights), nothing was changed."
        )


def _trials(clients: Clients, target: Target) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield a harmless call for each right whose resources the inventory names."""
    environment = target.environment
    yield from _of_services(clients, target)
    if (builder := environment.builder) and builder.kind == "codebuild":
        build = f"{builder.name}:{NO_BUILD}"
        yield (
            "codebuild:ListBuildsForProject",
            lambda: clients.codebuild.list_builds_for_project(projectName=builder.name),
        )
        yield "codebuild:BatchGetBuilds", lambda: clients.codebuild.batch_get_builds(ids=[build])
    if environment.registry and environment.cluster:
        where = {"registryId": environment.registry.account, "repositoryName": environment.registry.repository}
        images: Any = clients.ecr
        yield "ecr:BatchGetImage", lambda: images.batch_get_image(**where, imageIds=[{"imageTag": NO_TAG}])
        yield (
            "ecr:DescribeImageScanFindings",
            lambda: images.describe_image_scan_findings(**where, imageId={"imageTag": NO_TAG}),
        )
        yield "ecr:DescribeImages", lambda: images.describe_images(**where, maxResults=1)
    if terraform := environment.terraform:
        bucket = terraform.state_bucket
        yield "ecs:DescribeTaskDefinition", lambda: clients.ecs.describe_task_definition(taskDefinition=NO_TAG)
        yield "s3:ListAllMyBuckets", lambda: clients.s3.list_buckets()
        yield "s3:ListBucket", lambda: clients.s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
        # without the right to list, S3 denies an object that is not there: then both are named
        yield "s3:GetObject", lambda: clients.s3.get_object(Bucket=bucket, Key=terraform.state_key)["Body"].close()
        yield "secretsmanager:DescribeSecret", lambda: clients.secretsmanager.describe_secret(SecretId=NO_TAG)
        if names := list(terraform.parameters.values())[:1]:
            yield "ssm:GetParameters", lambda: clients.ssm.get_parameters(Names=names)
        yield "s3:ListBucketVersions", lambda: clients.s3.list_object_versions(Bucket=bucket, Prefix=NO_TAG, MaxKeys=1)
    if environment.promotion and environment.promotion.artefact:
        stacks, stack = clients.cloudformation, environment.promotion.artefact.functions[0]
        yield (
            "cloudformation:DescribeChangeSet",
            lambda: stacks.describe_change_set(StackName=stack, ChangeSetName=NO_TAG),
        )
        yield "cloudformation:DescribeStackEvents", lambda: stacks.describe_stack_events(StackName=stack)
    if one_off := environment.one_off:
        yield from _of_log(clients, one_off.log_group)
    if environment.review_app:
        yield from _of_review_app(clients, environment.review_app.database.server)
    if database := environment.database:
        yield (
            "rds:DescribeDBSnapshots",
            lambda: clients.rds.describe_db_snapshots(DBInstanceIdentifier=database.instance),
        )


def _of_review_app(clients: Clients, server: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the reads by which an app is made, found and taken away, and which no other trial makes."""
    yield (
        "ec2:DescribeSubnets",
        lambda: clients.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [NO_TAG]}]),
    )
    yield "ecs:DescribeClusters", lambda: clients.ecs.describe_clusters(clusters=[NO_TAG])
    yield "ecs:ListClusters", lambda: clients.ecs.list_clusters()
    yield "ecs:ListTaskDefinitions", lambda: clients.ecs.list_task_definitions(maxResults=1)
    yield "logs:DescribeLogGroups", lambda: clients.logs.describe_log_groups(limit=1)
    yield "rds:DescribeDBInstances", lambda: clients.rds.describe_db_instances(DBInstanceIdentifier=server)


def _of_services(clients: Clients, target: Target) -> Iterator[tuple[str, Callable[[], Any]]]:
    environment, ecs = target.environment, clients.ecs
    if not environment.cluster or not environment.services:
        return
    cluster, services = environment.cluster, environment.services
    name = f"{environment.region}:{environment.account}"
    deployments = [f"arn:aws:ecs:{name}:service-deployment/{cluster}/{services[0].name}/{NOBODY[:22]}"]
    revisions = [f"arn:aws:ecs:{name}:service-revision/{cluster}/{services[0].name}/{NOBODY[:16]}"]
    yield "ecs:DescribeServices", lambda: ecs.describe_services(cluster=cluster, services=[services[0].name])
    yield "ecs:ListTasks", lambda: ecs.list_tasks(cluster=cluster, maxResults=1)
    yield "ecs:DescribeTasks", lambda: ecs.describe_tasks(cluster=cluster, tasks=[NOBODY])
    yield "ecs:ListServiceDeployments", lambda: ecs.list_service_deployments(cluster=cluster, service=services[0].name)
    yield (
        "ecs:DescribeServiceDeployments",
        lambda: ecs.describe_service_deployments(serviceDeploymentArns=deployments),
    )
    yield "ecs:DescribeServiceRevisions", lambda: ecs.describe_service_revisions(serviceRevisionArns=revisions)
    yield "ecs:GetTaskProtection", lambda: ecs.get_task_protection(cluster=cluster, tasks=[NOBODY])
    if any(service.launch_type == "EC2" for service in services):
        instances = [NOBODY]
        yield "ecs:ListContainerInstances", lambda: ecs.list_container_instances(cluster=cluster, maxResults=1)
        yield (
            "ecs:DescribeContainerInstances",
            lambda: ecs.describe_container_instances(cluster=cluster, containerInstances=instances),
        )
    if groups := [service.scaling_group.name for service in services if service.scaling_group]:
        yield (
            "autoscaling:DescribeAutoScalingGroups",
            lambda: clients.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=groups[:1]),
        )
    if any(service.load_balancing for service in services):
        arn = f"arn:aws:elasticloadbalancing:{environment.region}:{environment.account}:targetgroup/none/{NOBODY[:16]}"
        yield (
            "elasticloadbalancing:DescribeTargetHealth",
            lambda: clients.elbv2.describe_target_health(TargetGroupArn=arn),
        )
    if any(service.deployment_controller == "CODE_DEPLOY" for service in services):
        yield (
            "codedeploy:GetDeploymentConfig",
            lambda: clients.codedeploy.get_deployment_config(deploymentConfigName=CONFIGURATION),
        )
    for log_group in [service.log_group for service in services if service.log_group]:
        yield from _of_log(clients, log_group)


def _of_log(clients: Clients, group: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "logs:FilterLogEvents", lambda: clients.logs.filter_log_events(logGroupName=group, limit=1)
    yield (
        "logs:GetLogEvents",
        lambda: clients.logs.get_log_events(logGroupName=group, logStreamName=NOBODY, limit=1),
    )
