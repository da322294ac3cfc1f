"""What Terraform itself has to be allowed for the code of the pretend repositories: an adopter writes that policy for their own code.

It is made of the calls that the endpoint honours for Terraform's sake. Objects are in none of them: those of the state are the runbook's.
"""

from __future__ import annotations

from typing import Any

from include.inventory import Target
from sandbox.aws.authorization.requests import right_of
from sandbox.aws.http.honoured_infrastructure import OF_INFRASTRUCTURE
from sandbox.aws.http.requests import READS

ALSO = {  # what runbooks and the sandbox's builder call as well
    "ec2": ("DescribeSubnets", "DescribeVpcs"),
    "ecr": ("CreateRepository", "DescribeRepositories"),
    "ecs": (
        "DeleteService",
        "DeregisterTaskDefinition",
        "DescribeClusters",
        "DescribeServices",
        "DescribeTaskDefinition",
        "RegisterTaskDefinition",
        "UpdateService",
    ),
    "elasticloadbalancing": ("DescribeListeners", "DescribeLoadBalancers", "DescribeRules", "DescribeTargetGroups"),
    "logs": ("DescribeLogGroups",),
    "monitoring": ("DescribeAlarms", "PutMetricAlarm"),
    "rds": ("DescribeDBInstances", "DescribeDBSnapshots"),
    "s3": ("DeleteBucket", "GetBucketLocation", "GetBucketVersioning", "HeadBucket", "PutBucketVersioning"),
}


def managing(target: Target, roles: list[str]) -> dict[str, Any]:
    """Return the policy of a role that applies the code: never on the roles of the runbooks, whose rights it could raise."""
    place = target.environment
    statements = [_allow(sorted(_rights(reads=True)), "*")]
    for service in sorted({right.split(":")[0] for right in _rights(reads=False)}):
        rights = sorted(right for right in _rights(reads=False) if right.startswith(f"{service}:"))
        statements.append(_allow(rights, _all_of(service, place.account, place.region)))
    statements.append(_allow(["iam:PassRole"], f"arn:aws:iam::{place.account}:role/*"))
    own = [f"arn:aws:iam::{place.account}:role/{name}" for name in roles]
    statements.append({"Effect": "Deny", "Action": "iam:*", "Resource": own})
    return {"Version": "2012-10-17", "Statement": statements}


def planning() -> dict[str, Any]:
    """Return the policy of a role that only plans: it reads all that the code manages, in whichever account it is."""
    return {"Version": "2012-10-17", "Statement": [_allow(sorted(_rights(reads=True)), "*")]}


def _rights(*, reads: bool) -> set[str]:
    calls = {(service, name) for service, names in OF_INFRASTRUCTURE.items() for name in names}
    calls |= {(service, name) for service, names in ALSO.items() for name in names}
    return {right_of(service, name) for service, name in calls if name.startswith(READS) is reads}


def _all_of(service: str, account: str, region: str) -> str:
    if service == "s3":
        return "arn:aws:s3:::*"
    return f"arn:aws:{service}:{'' if service == 'iam' else region}:{account}:*"


def _allow(rights: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": rights, "Resource": [resource]}
