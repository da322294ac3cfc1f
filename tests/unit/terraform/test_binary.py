"""The binary of this machine: found, of the version asked for, or refused with the way to get it."""

import pytest

from include.errors import PreconditionError
from include.terraform.binary import Binary, ensure_version, find_binary, read_version

PRINTED = """{
  "terraform_version": "1.11.4",
  "platform": "linux_amd64",
  "provider_selections": {},
  "terraform_outdated": false
}
"""


def executable(folder, name, text):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_binary_of_the_version_asked_for_is_found(tmp_path):
    path = executable(tmp_path, "terraform", f"cat <<'END'\n{PRINTED}END")
    assert find_binary("terraform", "1.11.4", str(tmp_path)) == Binary(path, "terraform", "1.11.4", "linux_amd64")


def test_other_version_is_refused_with_both(tmp_path):
    path = executable(tmp_path, "terraform", f"cat <<'END'\n{PRINTED}END")
    with pytest.raises(PreconditionError) as refused:
        find_binary("terraform", "1.5.2", str(tmp_path))
    assert str(refused.value) == (
        f"{path} is Terraform 1.11.4, and the inventory asks for 1.5.2; install 1.5.2 from "
        "https://developer.hashicorp.com/terraform/install, or change the version in the inventory. Nothing was changed."
    )


@pytest.mark.parametrize(("tool", "name"), [("terraform", "Terraform"), ("tofu", "OpenTofu")])
def test_missing_binary_is_refused_with_the_way_to_get_it(tmp_path, tool, name):
    with pytest.raises(
        PreconditionError,
        match=rf"^There is no {tool} on the PATH .* asks for {name} 1\.11\.4; install it from https://",
    ):
        find_binary(tool, "1.11.4", str(tmp_path))


def test_terraform_does_not_stand_in_for_tofu(tmp_path):
    executable(tmp_path, "terraform", f"cat <<'END'\n{PRINTED}END")
    with pytest.raises(PreconditionError, match=r"^There is no tofu"):
        find_binary("tofu", "1.11.4", str(tmp_path))


@pytest.mark.parametrize("text", ["echo Segmentation fault; exit 139", "exit 1", "echo '{}'", "echo '[]'"])
def test_binary_that_does_not_tell_its_version_is_refused(tmp_path, text):
    executable(tmp_path, "terraform", text)
    with pytest.raises(PreconditionError, match="does not tell its version"):
        find_binary("terraform", "1.11.4", str(tmp_path))


def test_binary_of_another_machine_is_refused(tmp_path):
    (tmp_path / "terraform").write_bytes(b"\x7fELF of another platform")
    (tmp_path / "terraform").chmod(0o755)
    with pytest.raises(PreconditionError, match="cannot be run"):
        find_binary("terraform", "1.11.4", str(tmp_path))


def test_settings_that_change_what_it_prints_are_not_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CLI_ARGS", "-help")
    executable(tmp_path, "terraform", f"test -z \"$TF_CLI_ARGS\" && cat <<'END'\n{PRINTED}END")
    assert find_binary("terraform", "1.11.4", str(tmp_path)).version == "1.11.4"


def test_warning_before_the_answer_is_passed_over():
    assert (
        read_version(f"There are some problems with the CLI configuration:\n{PRINTED}", "/t", "terraform").version
        == "1.11.4"
    )


def test_development_version_is_not_the_release():
    with pytest.raises(PreconditionError):
        ensure_version(Binary("/t", "terraform", "1.11.4-rc1", "linux_amd64"), "1.11.4")
