"""The digest of the code of a run: an approval covers the plan together with the code that will carry it out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import resolve_name
from pathlib import Path

import include
import opskit
from include.inventory import Target

ROOTS = {room.__name__: Path(room.__path__[0]) for room in (include, opskit)}


def code_digest(dag_file: str, target: Target) -> str:
    """Return the SHA-256 of a runbook's file, every module of ours that it can import, and its target's entry in the inventory."""
    found = sha256(target.system.model_dump_json().encode())
    for name, content in read_code(Path(dag_file)).items():
        found.update(name.encode() + b"\0" + content)
    return found.hexdigest()


def prepare() -> None:
    """Find out what each module of ours names, for the processes forked from this one: parsing them takes half a second."""
    for root in ROOTS:
        for module in _modules_below(root):
            if file := _file_of(module):
                _modules_named(file.read_bytes(), _package_of(module, file))


def read_code(dag_file: Path) -> dict[str, bytes]:
    """Return the code that a runbook can run: its own file by its name, then our modules by theirs.

    A module counts if the file imports it, directly or indirectly, at the top or within a function, or names it in a string.
    """
    own = dag_file.read_bytes()
    found: dict[str, bytes] = {}
    open_ends = set(_modules_named(own, ""))
    while open_ends:
        module = open_ends.pop()
        file = _file_of(module)
        assert file is not None  # otherwise it would not be named
        found[module] = file.read_bytes()
        open_ends |= _modules_named(found[module], _package_of(module, file)) - found.keys()
    return {dag_file.name: own, **dict(sorted(found.items()))}


def _package_of(module: str, file: Path) -> str:
    return module if file.name == "__init__.py" else module.rpartition(".")[0]


@cache  # cached by content, so never out of date
def _modules_named(content: bytes, package: str) -> frozenset[str]:
    """Return the modules of ours that a file of a package names, or the whole package if the file computes its imports."""
    found: set[str] = set()
    for node in _run_nodes(ast.parse(content)):
        if isinstance(node, ast.Import):
            found.update(*(_modules_in(alias.name) for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            found.update(*(_modules_in(f"{module}.{alias.name}") for alias in node.names))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(_modules_in(node.value))  # for instance the path of a trigger's class
        elif isinstance(node, ast.Call) and _imports_computed(node):
            found.update(_modules_below(package))
    return frozenset(found)


def _imports_computed(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ("import_module", "__import__") and not isinstance(call.args[0], ast.Constant)


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run. The contents of `if TYPE_CHECKING` do not: those imports are for the type checker only."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            left.extend(node.orelse)
            continue
        yield node
        left.extend(ast.iter_child_nodes(node))


def _modules_in(name: str) -> Iterator[str]:
    """Yield every module of ours on the path of a dotted name, packages included, since they run too."""
    parts = name.split(".")
    if parts[0] in ROOTS:
        for length in range(1, len(parts) + 1):
            if _file_of(module := ".".join(parts[:length])) is not None:
                yield module


def _modules_below(package: str) -> Iterator[str]:
    root, *parts = package.split(".")
    if root in ROOTS:
        for file in ROOTS[root].joinpath(*parts).rglob("*.py"):
            inner = file.relative_to(ROOTS[root]).with_suffix("").parts
            yield ".".join([root, *inner]).removesuffix(".__init__")


@cache
def _file_of(module: str) -> Path | None:
    root, *parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    place = ROOTS[root].joinpath(*parts)
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((file for file in candidates if file.is_file()), None)
