"""An operations table, and a Slack that does as it is told."""

from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
