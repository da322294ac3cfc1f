"""A run store, and a scripted Slack."""

from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
