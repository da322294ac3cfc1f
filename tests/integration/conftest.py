"""The product's gateways and steps, over HTTP against the simulated AWS and external services."""

import os

import pytest

from sandbox.stack import terraform_providers
from tests.sandbox.conftest import (  # noqa: F401  # fixtures
    bare,
    cloud,
    control,
    external_services,
    release_scene_of,
    scene_of,
    server,
    settled,
    small_inventory,
)


@pytest.fixture
def with_provider(tmp_path, monkeypatch):
    """Have Terraform work in a folder of the test, and find the AWS provider."""
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    for name, value in terraform_providers.variables(os.environ, tmp_path).items():
        monkeypatch.setenv(name, value)
