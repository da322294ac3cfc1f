"""Attributes that AWS moves by itself, from hour to hour: they say nothing of what a plan does, so two plans may differ in them.

From the attribute reference of each resource in AWS provider 5.100. None of them can be set by code.
"""

from collections.abc import Mapping
from typing import Any

MOVING: Mapping[str, frozenset[str]] = {
    "aws_backup_vault": frozenset({"recovery_points"}),
    "aws_cloudfront_distribution": frozenset({"in_progress_validation_batches", "last_modified_time", "status"}),
    "aws_cognito_user_pool": frozenset({"estimated_number_of_users", "last_modified_date"}),
    "aws_db_instance": frozenset({"latest_restorable_time", "status"}),  # RDS moves the time every five minutes
    "aws_efs_file_system": frozenset({"size_in_bytes"}),
    "aws_iam_policy": frozenset({"attachment_count"}),
}


def without_moving(resource_type: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource's change as a plan has it, without what moves by itself."""
    moving = MOVING.get(resource_type, frozenset())
    values = {side: found for side in ("before", "after") if isinstance(found := change.get(side), dict)}
    still = {
        side: {name: value for name, value in found.items() if name not in moving} for side, found in values.items()
    }
    return {**change, **still}
