"""Command lines of Terraform and OpenTofu, and the environment that their processes get. No secret stands in either."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLAN_FILE = "approved.tfplan"
CHANGED = 2  # exit code of `plan -detailed-exitcode` if there is something to change

# What a process of Terraform gets of the worker's environment. The rest holds Airflow's secrets, and a provider or an external data
# source could read it.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "TF_CLI_CONFIG_FILE",
    "TF_PLUGIN_CACHE_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "AWS_CA_BUNDLE",
    "GOGC",
    "GOMEMLIMIT",
)
UNATTENDED = {
    "TF_IN_AUTOMATION": "1",
    "TF_INPUT": "0",
    "CHECKPOINT_DISABLE": "1",  # it would ask HashiCorp whether there is a newer version
    "AWS_EC2_METADATA_DISABLED": "true",  # the worker's own role must never stand in for the target's
}


def environment(added: Mapping[str, str], worker: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a process of Terraform: what it needs of the worker's, and what the caller adds."""
    return {**{name: worker[name] for name in PASSED_ON if name in worker}, **UNATTENDED, **added}


@dataclass(frozen=True)
class Backend:
    """An S3 backend. With a lock table Terraform locks in DynamoDB, without one beside the state (`<key>.tflock`)."""

    bucket: str
    key: str
    region: str
    lock_table: str = ""

    @property
    def arguments(self) -> list[str]:
        lock = f"dynamodb_table={self.lock_table}" if self.lock_table else "use_lockfile=true"
        values = (f"bucket={self.bucket}", f"key={self.key}", f"region={self.region}", "encrypt=true", lock)
        return [f"-backend-config={value}" for value in values]


@dataclass(frozen=True)
class Commands:
    """The command lines of one binary, each as its list of arguments."""

    binary: str

    def init(self, backend: Backend) -> list[str]:
        """Load the modules and the providers of the lock file, which is never rewritten."""
        return [self.binary, "init", "-no-color", "-reconfigure", "-lockfile=readonly", *backend.arguments]

    def select_workspace(self, name: str, *, create: bool = False) -> list[str]:
        """Select a workspace. Creating one writes an empty state."""
        return [self.binary, "workspace", "select", "-no-color", *(["-or-create"] if create else []), name]

    def delete_workspace(self, name: str) -> list[str]:
        """Delete a workspace that is not selected, and its state, which must be empty."""
        return [self.binary, "workspace", "delete", "-no-color", name]

    def check_format(self) -> list[str]:
        return [self.binary, "fmt", "-no-color", "-check", "-recursive", "-list=true"]

    def validate(self) -> list[str]:
        return [self.binary, "validate", "-no-color"]

    def plan(
        self,
        variables: Sequence[Path],
        out: str = PLAN_FILE,
        *,
        destroy: bool = False,
        targets: Sequence[str] = (),
    ) -> list[str]:
        """Plan against the live account: to make what the code says, or to destroy what the state knows.

        `targets` are addresses of modules or resources, with what they depend on, or with what depends on them for a destruction. It
        takes no lock, so a plan whose worker dies leaves none behind. A plan of a state that changes meanwhile cannot be applied:
        Terraform compares the serial number.
        """
        options = ["-destroy"] if destroy else []
        options += [f"-target={target}" for target in targets]
        files = [f"-var-file={file}" for file in variables]
        return [self.binary, "plan", "-json", "-lock=false", "-detailed-exitcode", f"-out={out}", *options, *files]

    def show(self, plan_file: str = PLAN_FILE) -> list[str]:
        return [self.binary, "show", "-json", plan_file]

    def apply(self, plan_file: str = PLAN_FILE) -> list[str]:
        """Apply exactly a saved plan. A lock of somebody else's fails it at once."""
        return [self.binary, "apply", "-json", "-auto-approve", plan_file]

    def outputs(self) -> list[str]:
        return [self.binary, "output", "-json"]

    def push_state(self, file: str) -> list[str]:
        return [self.binary, "state", "push", file]

    def untaint(self, address: str) -> list[str]:
        """Have the next plan change a resource that was not finished, where it would replace it. The resource stays as it is."""
        return [self.binary, "untaint", "-no-color", address]

    def unlock(self, lock_id: str) -> list[str]:
        return [self.binary, "force-unlock", "-force", lock_id]
