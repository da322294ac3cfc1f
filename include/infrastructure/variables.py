"""Values of Terraform's variables: from the inventory, from SSM, and from a file of settings in S3. None of them is ever shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.aws import s3_objects, ssm
from include.aws.clients import Clients
from include.errors import PreconditionError
from include.inventory.infrastructure import Terraform

SHORT = 7  # letters of a commit
SETTINGS = "settings of the target"


@dataclass(frozen=True)
class Variables:
    """What a plan is given. `values` are by name, `settings` is the text of a tfvars file."""

    values: Mapping[str, Any]
    settings: bytes = b""

    def write(self, folder: Path) -> list[Path]:
        """Write the files that Terraform reads them from, later ones overriding earlier ones."""
        files = []
        if self.settings:
            files.append(_private(folder / "settings.tfvars", self.settings))
        if self.values:
            files.append(_private(folder / "inventory.tfvars.json", json.dumps(self.values).encode()))
        return files

    def fingerprints(self, salt: str) -> dict[str, str]:
        """Return a hash of each value by name, so that a plan shows which one has changed.

        The hash is slow on purpose: a short password cannot be found by trying.
        """
        found = {name: json.dumps(value).encode() for name, value in self.values.items()}
        if self.settings:
            found[SETTINGS] = self.settings
        return {name: _hash(value, f"{salt} {name}") for name, value in sorted(found.items())}


def read_variables(clients: Clients, terraform: Terraform, target: str, commit: str) -> Variables:
    """Return the values for a plan. Raises: PreconditionError, naming every parameter that is missing or empty."""
    found = read_parameters(clients, tuple(terraform.parameters.values()), target)
    values = {**terraform.variables, **{name: found[place] for name, place in terraform.parameters.items()}}
    if terraform.commit_variable:
        values[terraform.commit_variable] = commit[:SHORT]
    return Variables(values, _settings(clients, terraform))


def read_parameters(clients: Clients, names: Sequence[str], target: str) -> dict[str, str]:
    """Return the values of SSM's parameters by their names. Raises: PreconditionError, naming every one that is missing or empty."""
    found = ssm.get_values(clients.ssm, list(dict.fromkeys(names))) if names else {}
    missing = sorted({name for name in names if name not in found})
    empty = sorted({name for name in names if name in found and not found[name].strip()})
    if missing or empty:
        wrong = [f"{name} is missing" for name in missing] + [f"{name} is empty" for name in empty]
        raise PreconditionError(
            f"Parameter Store of {target} lacks what is needed there: {', '.join(wrong)}; put the values there, then start again, "
            "nothing was changed."
        )
    return found


def _settings(clients: Clients, terraform: Terraform) -> bytes:
    if terraform.settings is None:
        return b""
    where = terraform.settings
    found = s3_objects.read_object(clients.s3, where.bucket, where.key)
    if found is None or not found.body.strip():
        what = "is empty" if found else "is not there"
        raise PreconditionError(
            f"s3://{where.bucket}/{where.key}, the settings of Terraform, {what}; put the file there, then start again, nothing was "
            "changed."
        )
    return found.body


def _private(file: Path, content: bytes) -> Path:
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file


def _hash(value: bytes, salt: str) -> str:
    return hashlib.scrypt(value, salt=salt.encode(), n=2**14, r=8, p=1, dklen=16).hex()
