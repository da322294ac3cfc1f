"""Every operation that the simulated AWS carries out, with the members of its request that it honours.

Any other operation or member is refused by name, since an answer that ignores half of the question is wrong without an error. A
member stands for all that is below it; `a.b` stands for that part alone. Members are named as in the request on the wire, which
differs from botocore's names for EC2 (`Filter` for Filters) and S3 (query parameters and headers).
"""

from sandbox.aws.http.honoured_infrastructure import OF_INFRASTRUCTURE

PAGES = "maxResults nextToken"
RECORDS = "MaxRecords NextToken"
DEPLOYING = " ".join(
    f"deploymentConfiguration.{each}"
    for each in (
        "maximumPercent",
        "minimumHealthyPercent",
        "deploymentCircuitBreaker",
        "strategy",
        "bakeTimeInMinutes",
        "canaryConfiguration",
        "linearConfiguration",
        "lifecycleHooks",
        "alarms",
    )
)
SERVICE = f"cluster taskDefinition desiredCount networkConfiguration healthCheckGracePeriodSeconds placementConstraints {DEPLOYING}"
IMAGES = "registryId repositoryName"
GROUP = "AutoScalingGroupName"
EXPRESSIONS = "ExpressionAttributeNames ExpressionAttributeValues ReturnConsumedCapacity"
CONDITIONAL = f"TableName ConditionExpression ReturnValues {EXPRESSIONS}"
COPY_SOURCE = "x-amz-copy-source x-amz-copy-source-if-match"
COPY = f"{COPY_SOURCE} if-match if-none-match x-amz-storage-class x-amz-metadata-directive x-amz-tagging-directive x-amz-tagging"
STORED = "x-amz-storage-class x-amz-tagging x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id x-amz-acl"

OF_RUNBOOKS: dict[str, dict[str, str]] = {
    "application-autoscaling": {
        "DescribeScalableTargets": "ServiceNamespace ResourceIds ScalableDimension",
        "DescribeScheduledActions": "ServiceNamespace ResourceId ScheduledActionNames ScalableDimension",
        "PutScheduledAction": "ServiceNamespace ResourceId ScalableDimension ScheduledActionName Schedule Timezone "
        "ScalableTargetAction",
        "RegisterScalableTarget": "ServiceNamespace ResourceId ScalableDimension MinCapacity MaxCapacity SuspendedState",
    },
    "autoscaling": {
        "DescribeAutoScalingGroups": f"AutoScalingGroupNames Filters {RECORDS}",
        "DescribeAutoScalingInstances": f"InstanceIds {RECORDS}",
        "DescribeScalingActivities": f"{GROUP} ActivityIds {RECORDS}",
        "ResumeProcesses": f"{GROUP} ScalingProcesses",
        "SetDesiredCapacity": f"{GROUP} DesiredCapacity HonorCooldown",
        "SetInstanceProtection": f"{GROUP} InstanceIds ProtectedFromScaleIn",
        "SuspendProcesses": f"{GROUP} ScalingProcesses",
        "TerminateInstanceInAutoScalingGroup": "InstanceId ShouldDecrementDesiredCapacity",
        "UpdateAutoScalingGroup": f"{GROUP} MinSize MaxSize DesiredCapacity",
    },
    "cloudformation": {
        "CreateChangeSet": "StackName ChangeSetName ChangeSetType TemplateBody Capabilities",
        "DeleteChangeSet": "StackName ChangeSetName",
        "DescribeChangeSet": "StackName ChangeSetName",
        "DescribeStackEvents": "StackName",
        "DescribeStacks": "StackName",
        "ExecuteChangeSet": "StackName ChangeSetName",
        "GetTemplate": "StackName",
    },
    "codebuild": {
        "BatchGetBuilds": "ids",
        "BatchGetProjects": "names",
        "ListBuildsForProject": "projectName sortOrder nextToken",
        "ListProjects": "",
        "StartBuild": "projectName sourceVersion idempotencyToken timeoutInMinutesOverride environmentVariablesOverride",
        "StopBuild": "id",
    },
    "codedeploy": {
        "BatchGetDeploymentTargets": "deploymentId targetIds",
        "BatchGetDeployments": "deploymentIds",
        "ContinueDeployment": "deploymentId deploymentWaitType",
        "CreateDeployment": "applicationName deploymentGroupName revision description deploymentConfigName "
        "autoRollbackConfiguration overrideAlarmConfiguration.enabled overrideAlarmConfiguration.alarms",
        "GetApplication": "applicationName",
        "GetDeployment": "deploymentId",
        "GetDeploymentGroup": "applicationName deploymentGroupName",
        "GetDeploymentTarget": "deploymentId targetId",
        "ListApplications": "",
        "ListDeploymentGroups": "applicationName",
        "ListDeploymentTargets": "deploymentId",
        "ListDeployments": "applicationName deploymentGroupName includeOnlyStatuses createTimeRange nextToken",
        "StopDeployment": "deploymentId autoRollbackEnabled",
    },
    "dynamodb": {
        "CreateTable": "TableName AttributeDefinitions KeySchema BillingMode ProvisionedThroughput Tags",
        "DeleteItem": f"Key {CONDITIONAL}",
        "DeleteTable": "TableName",
        "DescribeTable": "TableName",
        "GetItem": "TableName Key ConsistentRead ProjectionExpression ExpressionAttributeNames ReturnConsumedCapacity",
        "ListTables": "Limit ExclusiveStartTableName",
        "PutItem": f"Item {CONDITIONAL}",
        "Query": f"TableName KeyConditionExpression FilterExpression ProjectionExpression ScanIndexForward Limit "
        f"ExclusiveStartKey ConsistentRead {EXPRESSIONS}",
        "Scan": f"TableName FilterExpression ProjectionExpression Limit ExclusiveStartKey ConsistentRead {EXPRESSIONS}",
        "UpdateItem": f"Key UpdateExpression {CONDITIONAL}",
    },
    "ec2": {
        "DescribeSubnets": "Filter SubnetId",
        "DescribeVpcs": "Filter VpcId",
    },
    "ecr": {
        "BatchDeleteImage": f"{IMAGES} imageIds",
        "BatchGetImage": f"{IMAGES} imageIds acceptedMediaTypes",
        "CreateRepository": "repositoryName imageTagMutability imageScanningConfiguration",
        "DescribeImageScanFindings": f"{IMAGES} imageId {PAGES}",
        "DescribeImages": f"{IMAGES} imageIds filter.tagStatus {PAGES}",
        "DescribeRepositories": "registryId repositoryNames",
        "GetLifecyclePolicy": IMAGES,
        "ListImages": f"{IMAGES} filter.tagStatus {PAGES}",
        "PutImage": f"{IMAGES} imageManifest imageManifestMediaType imageTag imageDigest",
        "PutLifecyclePolicy": f"{IMAGES} lifecyclePolicyText",
        "StartImageScan": f"{IMAGES} imageId",
    },
    "ecs": {
        "ContinueServiceDeployment": "serviceDeploymentArn hookId action",
        "CreateService": f"{SERVICE} serviceName launchType loadBalancers deploymentController schedulingStrategy",
        "DeleteAttributes": "cluster attributes",
        "DeleteService": "cluster service force",
        "DeregisterTaskDefinition": "taskDefinition",
        "DescribeClusters": "clusters",
        "DescribeContainerInstances": "cluster containerInstances",
        "DescribeServiceDeployments": "serviceDeploymentArns",
        "DescribeServiceRevisions": "serviceRevisionArns",
        "DescribeServices": "cluster services",
        "DescribeTaskDefinition": "taskDefinition include",
        "DescribeTaskSets": "cluster service taskSets",
        "DescribeTasks": "cluster tasks",
        "GetTaskProtection": "cluster tasks",
        "ListClusters": "",
        "ListContainerInstances": f"cluster status {PAGES}",
        "ListServiceDeployments": f"cluster service status createdAt {PAGES}",
        "ListServices": f"cluster launchType schedulingStrategy {PAGES}",
        "ListTaskDefinitions": f"familyPrefix status sort {PAGES}",
        "ListTasks": f"cluster containerInstance family serviceName startedBy desiredStatus launchType {PAGES}",
        "PutAttributes": "cluster attributes",
        "RegisterTaskDefinition": "family containerDefinitions volumes networkMode placementConstraints "
        "requiresCompatibilities cpu memory taskRoleArn executionRoleArn proxyConfiguration runtimePlatform ipcMode pidMode "
        "ephemeralStorage tags",
        "RunTask": "cluster taskDefinition count launchType networkConfiguration overrides.cpu overrides.memory "
        "overrides.containerOverrides.name overrides.containerOverrides.command overrides.containerOverrides.environment "
        "group startedBy clientToken",
        "StopServiceDeployment": "serviceDeploymentArn stopType",
        "StopTask": "cluster task reason",
        "UpdateService": f"{SERVICE} service forceNewDeployment",
        "UpdateTaskProtection": "cluster tasks protectionEnabled expiresInMinutes",
    },
    "elasticloadbalancing": {
        "DescribeListeners": "ListenerArns LoadBalancerArn",
        "DescribeLoadBalancers": "Names LoadBalancerArns",
        "DescribeRules": "ListenerArn RuleArns",
        "DescribeTargetGroups": "Names TargetGroupArns LoadBalancerArn",
        "DescribeTargetHealth": "TargetGroupArn Targets.Id Targets.Port",
    },
    "logs": {
        "CreateLogStream": "logGroupName logStreamName",
        "DescribeLogGroups": "logGroupNamePrefix limit nextToken",
        "DescribeLogStreams": "logGroupName logStreamNamePrefix orderBy descending limit nextToken",
        "FilterLogEvents": "logGroupName logGroupIdentifier logStreamNames logStreamNamePrefix filterPattern startTime endTime "
        "limit nextToken",
        "GetLogEvents": "logGroupName logStreamName startTime endTime limit nextToken startFromHead",
        "PutLogEvents": "logGroupName logStreamName logEvents sequenceToken",
    },
    "monitoring": {
        "DescribeAlarms": f"AlarmNames AlarmTypes AlarmNamePrefix StateValue {RECORDS}",
        "PutCompositeAlarm": "AlarmName AlarmRule AlarmDescription AlarmActions OKActions InsufficientDataActions ActionsEnabled",
        "PutMetricAlarm": "AlarmName AlarmDescription ActionsEnabled AlarmActions OKActions InsufficientDataActions MetricName "
        "Namespace Statistic ExtendedStatistic Dimensions Period Unit EvaluationPeriods DatapointsToAlarm Threshold "
        "ComparisonOperator TreatMissingData EvaluateLowSampleCountPercentile Metrics ThresholdMetricId",
        "SetAlarmState": "AlarmName StateValue StateReason StateReasonData",
    },
    "rds": {
        "CreateDBSnapshot": "DBSnapshotIdentifier DBInstanceIdentifier Tags",
        "DescribeAccountAttributes": "",
        "DescribeDBInstances": "DBInstanceIdentifier",
        "DescribeDBSnapshots": "DBInstanceIdentifier DBSnapshotIdentifier",
    },
    "s3": {
        "AbortMultipartUpload": "uploadId",
        "CompleteMultipartUpload": "uploadId if-match if-none-match",
        "CopyObject": f"{COPY} {STORED}",
        "CreateBucket": "",
        "CreateMultipartUpload": f"uploads {STORED}",
        "DeleteBucket": "",
        "DeleteObject": "versionId if-match",
        "DeleteObjects": "delete",
        "GetBucketLocation": "location",
        "GetBucketVersioning": "versioning",
        "GetObject": "versionId partNumber range if-match if-none-match if-modified-since if-unmodified-since",
        "GetObjectTagging": "tagging versionId",
        "HeadBucket": "",
        "HeadObject": "versionId partNumber range if-match if-none-match if-modified-since if-unmodified-since",
        "ListBuckets": "",
        "ListMultipartUploads": "uploads prefix encoding-type delimiter max-uploads key-marker upload-id-marker",
        "ListObjectVersions": "versions prefix encoding-type delimiter max-keys key-marker version-id-marker",
        "ListObjectsV2": "list-type prefix encoding-type delimiter max-keys continuation-token start-after fetch-owner",
        "ListParts": "uploadId max-parts part-number-marker",
        "PutBucketVersioning": "versioning",
        "PutObject": f"if-match if-none-match {STORED}",
        "PutObjectTagging": "tagging versionId",
        "RestoreObject": "restore",
        "UploadPart": "uploadId partNumber",
        "UploadPartCopy": f"uploadId partNumber x-amz-copy-source-range {COPY_SOURCE}",
    },
    "iam": {  # of terraform/roles, which an administrator applies and no runbook
        "CreatePolicy": "Description Path PolicyDocument PolicyName Tags",
        "DeletePolicy": "PolicyArn",
        "GetPolicy": "PolicyArn",
        "GetPolicyVersion": "PolicyArn VersionId",
        "ListPolicyVersions": "PolicyArn",
    },
    "sts": {
        "AssumeRole": "RoleArn RoleSessionName DurationSeconds",
        "GetCallerIdentity": "",
    },
}


def _both(service: str) -> dict[str, str]:
    """Return a service's operations of both tables, with the members that either honours."""
    here, there = OF_RUNBOOKS.get(service, {}), OF_INFRASTRUCTURE.get(service, {})
    return {each: " ".join(filter(None, (here.get(each), there.get(each)))) for each in [*here, *there]}


HONOURED = {service: _both(service) for service in [*OF_RUNBOOKS, *OF_INFRASTRUCTURE]}
