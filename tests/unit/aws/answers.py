"""Answers of ECS, as its API formats them."""

from datetime import UTC, datetime
from typing import Any

CREATED = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-2:111111111111:task/core-staging-app/"
DEFINITION = "arn:aws:ecs:eu-west-2:111111111111:task-definition/core-staging-app:12"

PRIMARY: dict[str, Any] = {
    "id": "ecs-svc/2",
    "status": "PRIMARY",
    "taskDefinition": DEFINITION,
    "desiredCount": 4,
    "runningCount": 3,
    "pendingCount": 1,
    "failedTasks": 2,
    "createdAt": CREATED,
    "rolloutState": "IN_PROGRESS",
    "rolloutStateReason": "ECS deployment ecs-svc/2 in progress.",
}
SERVICE: dict[str, Any] = {
    "serviceName": "core-staging-app",
    "status": "ACTIVE",
    "launchType": "FARGATE",
    "desiredCount": 4,
    "runningCount": 3,
    "pendingCount": 1,
    "taskDefinition": DEFINITION,
    "deploymentController": {"type": "ECS"},
    "deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 150},
    "healthCheckGracePeriodSeconds": 300,
    "loadBalancers": [
        {"targetGroupArn": "arn:tg", "containerName": "app", "containerPort": 8080},
        {"loadBalancerName": "classic"},
    ],
    "deployments": [{**PRIMARY, "id": "ecs-svc/1", "status": "ACTIVE"}, PRIMARY],
}
TASK: dict[str, Any] = {
    "taskArn": ARN + "a",
    "lastStatus": "RUNNING",
    "desiredStatus": "RUNNING",
    "createdAt": CREATED,
    "startedAt": CREATED,
    "startedBy": "ecs-svc/2",
    "taskDefinitionArn": DEFINITION,
}
