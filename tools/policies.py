"""Write the IAM policy of each runbook, from the rights that its code needs and what each is granted on, for the module of the roles."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from tools.rights import ROOT, locks_state, reads_state, rights_of_runbook, runbooks
from tools.scopes import Scope, Work, scopes_of

FOLDER = ROOT / "terraform" / "roles" / "policies"
ANEW = "infrastructure_recreation"
OFFERED = ROOT / "terraform" / "roles" / "offered.json"


def policy(name: str) -> dict[str, Any]:
    """Return a runbook's policy: one statement for all rights that are granted on the same."""
    by_scope: dict[str, tuple[Scope, list[str]]] = {}
    work = Work(reads_state(name), locks_state(name), makes_anew=name == ANEW)
    for right in sorted(rights_of_runbook(name)):
        for scope in scopes_of(right, name, work):
            key = json.dumps([scope.resources, scope.condition])
            by_scope.setdefault(key, (scope, []))[1].append(right)
    return {"Version": "2012-10-17", "Statement": [_statement(*each) for each in by_scope.values()]}


def _statement(scope: Scope, rights: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": rights, "Resource": list(scope.resources)}
    return found | ({"Condition": scope.condition} if scope.condition else {})


def offered() -> dict[str, str]:
    """Return by which list of the inventory each runbook is offered on its targets, as its DAG file says."""
    found = {}
    for name in runbooks():
        tree = ast.parse((ROOT / "dags" / f"{name}.py").read_text(encoding="utf-8"))
        for each in ast.walk(tree):
            if (
                isinstance(each, ast.keyword)
                and each.arg in ("targets", "template")
                and isinstance(each.value, ast.Call)
            ):
                assert isinstance(each.value.func, ast.Attribute)
                found[name] = each.value.func.attr
    return found


def files() -> dict[Path, str]:
    """Return every file of policies, with what it has to hold now."""
    found = {FOLDER / f"{name}.json": policy(name) for name in runbooks()}
    return {path: json.dumps(document, indent=2) + "\n" for path, document in {**found, OFFERED: offered()}.items()}


def write() -> None:
    """Write the files, and remove those of runbooks that there are no more."""
    wanted = files()
    for path in set(FOLDER.glob("*.json")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
