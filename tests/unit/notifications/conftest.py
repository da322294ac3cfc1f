"""An operations table, and a Slack that does as it is told."""

from tests.unit.run.conftest import client, dynamodb, table

__all__ = ["client", "dynamodb", "table"]
