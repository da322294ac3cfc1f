"""The terraform or tofu binary of this machine: whether it is there, and whether it is the version that the inventory asks for."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

from include.errors import PreconditionError
from include.text import one_line

Tool = Literal["terraform", "tofu"]

NAMES: dict[Tool, str] = {"terraform": "Terraform", "tofu": "OpenTofu"}
PAGES: dict[Tool, str] = {
    "terraform": "https://developer.hashicorp.com/terraform/install",
    "tofu": "https://opentofu.org/docs/intro/install",
}
TIMEOUT = 60  # seconds; it answers in less than one
# what a version needs: TF_CLI_ARGS and TF_LOG would change what it prints
PASSED_ON = ("PATH", "HOME", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR")


@dataclass(frozen=True)
class Binary:
    path: str
    tool: Tool
    version: str  # such as 1.11.4
    platform: str  # such as linux_amd64


def find_binary(tool: Tool, version: str, search_path: str | None = None) -> Binary:
    """Return the binary of exactly this version. `search_path`: of folders, PATH if it is not given. Raises: PreconditionError."""
    path = shutil.which(tool, path=search_path)
    if path is None:
        raise PreconditionError(
            f"There is no {tool} on the PATH of this worker, and the inventory asks for {NAMES[tool]} {version}; install it from "
            f"{PAGES[tool]}, or run this on a worker that has it. Nothing was changed."
        )
    found = read_version(_ask(path, tool), path, tool)
    ensure_version(found, version)
    return found


def ensure_version(found: Binary, version: str) -> None:
    """Refuse a binary of another version: it may write a state that the others cannot read. Raises: PreconditionError."""
    if found.version != version:
        raise PreconditionError(
            f"{found.path} is {NAMES[found.tool]} {found.version}, and the inventory asks for {version}; install {version} from "
            f"{PAGES[found.tool]}, or change the version in the inventory. Nothing was changed."
        )


def read_version(text: str, path: str, tool: Tool) -> Binary:
    """Return what `version -json` printed. Raises: PreconditionError if it printed something else."""
    try:
        told = json.loads(text[max(text.find("{"), 0) :])  # a warning about the CLI's configuration may come first
        return Binary(path, tool, str(told["terraform_version"]), str(told.get("platform", "")))
    except (ValueError, KeyError, TypeError) as error:
        raise PreconditionError(
            f"{path} does not tell its version (it printed {one_line(text)[:80]!r}); install {NAMES[tool]} again from {PAGES[tool]}. "
            "Nothing was changed."
        ) from error


def _ask(path: str, tool: Tool) -> str:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"CHECKPOINT_DISABLE": "1"}
    try:
        answer = subprocess.run(  # noqa: S603 # the path is that of the tool on this machine
            [path, "version", "-json"], env=environment, capture_output=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PreconditionError(
            f"{path} cannot be run ({one_line(str(error))}); install {NAMES[tool]} again from {PAGES[tool]}. Nothing was changed."
        ) from error
    return answer.stdout.decode("utf-8", "replace")
