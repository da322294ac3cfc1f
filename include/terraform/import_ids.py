"""Ids by which Terraform imports resources, where they follow from the arguments: one that may be there is looked for by its name.

From the section "Import" of each resource's documentation in AWS provider 5.100. The arguments are those that may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from include.terraform.plan import ResourceChange

IMPORTED_BY: Mapping[str, str] = {
    "aws_autoscaling_group": "{name}",
    "aws_cloudwatch_log_group": "{name}",
    "aws_cloudwatch_metric_alarm": "{alarm_name}",
    "aws_db_instance": "{identifier}",
    "aws_db_option_group": "{name}",
    "aws_db_parameter_group": "{name}",
    "aws_db_subnet_group": "{name}",
    "aws_dynamodb_table": "{name}",
    "aws_ecr_repository": "{name}",
    "aws_ecs_cluster": "{name}",
    "aws_elasticache_parameter_group": "{name}",
    "aws_elasticache_subnet_group": "{name}",
    "aws_iam_instance_profile": "{name}",
    "aws_iam_role": "{name}",
    "aws_iam_role_policy": "{role}:{name}",
    "aws_kinesis_stream": "{name}",
    "aws_kms_alias": "{name}",
    "aws_lambda_function": "{function_name}",
    "aws_rds_cluster": "{cluster_identifier}",
    "aws_rds_cluster_instance": "{identifier}",
    "aws_rds_cluster_parameter_group": "{name}",
    "aws_s3_bucket": "{bucket}",
    "aws_s3_bucket_policy": "{bucket}",
    "aws_s3_bucket_public_access_block": "{bucket}",
    "aws_s3_bucket_versioning": "{bucket}",
    "aws_ssm_parameter": "{name}",
}
# AWS answers a second creation with the first one, so that nothing is made twice
ONE_OF_A_NAME = frozenset({"aws_sns_topic", "aws_sns_topic_subscription", "aws_sqs_queue", "aws_cloudwatch_event_rule"})
IN_THE_STATE_ONLY = ("terraform_data", "null_resource", "random_", "time_")  # they are in the state only
NAME = re.compile(r"\{(\w+)\}")


def is_made_once(resource_type: str) -> bool:
    """Tell whether a second creation makes no second one, so that nobody needs to look for the first."""
    return resource_type in ONE_OF_A_NAME or resource_type.startswith(IN_THE_STATE_ONLY)


def import_id(change: ResourceChange) -> str:
    """Return the id of a resource that a plan creates, as `import` takes it, or "" if its arguments do not tell it."""
    pattern = IMPORTED_BY.get(change.type, "")
    values = {
        attribute.path: attribute.after
        for attribute in change.attributes
        if attribute.after and not attribute.later and not attribute.hidden
    }
    if not pattern or any(name not in values for name in NAME.findall(pattern)):
        return ""
    return NAME.sub(lambda found: str(values[found[1]]), pattern)
