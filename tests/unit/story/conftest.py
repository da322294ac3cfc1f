"""An operations table, and a Slack that does as it is told."""

from tests.unit.operations.conftest import client, dynamodb, table

__all__ = ["client", "dynamodb", "table"]
