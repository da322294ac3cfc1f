"""Where Terraform finds its providers in a sandbox."""

import pytest

from sandbox.stack import terraform_providers as providers
from tests.support.terraform import skip_without_provider


@pytest.fixture
def mirror(tmp_path):
    (tmp_path / "software" / "some-plugins" / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0").mkdir(
        parents=True
    )
    return tmp_path / "software"


def test_mirror_among_the_optional_software_is_found(mirror):
    assert providers.find_mirror({}, mirror) == mirror / "some-plugins"
    assert providers.find_mirror({}, mirror / "some-plugins") is None
    assert str(providers.find_mirror({"SANDBOX_TERRAFORM_MIRROR": "/mirror"}, mirror)) == "/mirror"


def test_configuration_of_the_mirror_replaces_one_that_does_not_exist(tmp_path):
    given = {"TF_CLI_CONFIG_FILE": str(tmp_path / "gone"), "SANDBOX_TERRAFORM_MIRROR": "/mirror"}
    found = providers.variables(given, tmp_path)
    assert found == {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc")}
    assert 'path = "/mirror"' in (tmp_path / "terraform.rc").read_text()


def test_a_persons_own_configuration_is_left_alone(tmp_path):
    (tmp_path / "own").write_text("")
    given = {"TF_CLI_CONFIG_FILE": str(tmp_path / "own"), "SANDBOX_TERRAFORM_MIRROR": "/mirror"}
    assert providers.variables(given, tmp_path) == {"CHECKPOINT_DISABLE": "1"}


def test_without_a_mirror_all_runs_share_one_download(tmp_path):
    found = providers.variables({}, tmp_path, tmp_path)
    assert found["TF_PLUGIN_CACHE_DIR"] == str(tmp_path / "terraform-providers")
    assert (tmp_path / "terraform-providers").is_dir()
    assert providers.variables({"TF_PLUGIN_CACHE_DIR": "/cache"}, tmp_path, tmp_path) == {"CHECKPOINT_DISABLE": "1"}


def test_plan_without_a_provider_is_excused_only_on_a_machine_without_a_mirror(monkeypatch, mirror):
    said = "Error: Failed to query available provider packages"
    monkeypatch.setattr(providers, "find_mirror", lambda given: None)
    skip_without_provider("Error: Invalid reference")
    with pytest.raises(pytest.skip.Exception, match="Terraform finds no AWS provider"):
        skip_without_provider(said)
    monkeypatch.setattr(providers, "find_mirror", lambda given: mirror)
    skip_without_provider(said)
