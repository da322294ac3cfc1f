"""Override files: arguments of resources that differ from the code for one plan, in the module that declares each of them.

Terraform merges `*_override.tf.json` of a module's folder into its code, and `lifecycle` argument by argument.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from include.errors import PreconditionError

FILE = "runbook_override.tf.json"
MODULES = Path(".terraform") / "modules" / "modules.json"  # which `init` writes: the folder of each module
INDEX = re.compile(r'\[(?:\d+|"(?:\\.|[^"\\])*")\]')  # of an instance: [0] or ["key"]


def write_overrides(code: Path, wanted: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """Write the arguments that each resource, by address, gets in place of those in the code. Return the files.

    Instances of one resource share its block, and instances of one module its folder, so the values of all are merged. The folder has
    been initialised. Raises: PreconditionError if a module of an address is not among the initialised ones.
    """
    folders = _folders(code)
    found: dict[Path, dict[str, dict[str, dict[str, Any]]]] = {}
    for address, arguments in sorted(wanted.items()):
        modules, resource_type, name = split_address(address)
        if modules not in folders:
            raise PreconditionError(
                f"The code has no module {modules or 'at its root'} for {address}, which the state knows; give the commit with which the "
                "environment was made. Nothing was changed."
            )
        block = found.setdefault(folders[modules], {}).setdefault(resource_type, {}).setdefault(name, {})
        _merge(block, arguments)
    files = []
    for folder, resources in found.items():
        file = folder / FILE
        file.write_text(json.dumps({"resource": resources}, indent=1, sort_keys=True))
        files.append(file)
    return files


def split_address(address: str) -> tuple[str, str, str]:
    """Return the key of a resource's module (`a.b` of `module.a.module.b`), its type and its name, all without indexes."""
    words = INDEX.sub("", address).split(".")
    modules = []
    while words[0] == "module":
        modules.append(words[1])
        words = words[2:]
    return ".".join(modules), words[0], words[1]


def _folders(code: Path) -> dict[str, Path]:
    found = {"": code}
    if (code / MODULES).is_file():
        for module in json.loads((code / MODULES).read_text())["Modules"]:
            found[module["Key"]] = (code / module["Dir"]).resolve()
    return found


def _merge(block: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            _merge(block.setdefault(name, {}), value)
        else:
            block[name] = value
