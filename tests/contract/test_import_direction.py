"""Imports go from dags to opskit to include, and never back. The sandbox is separate."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "dags": ("boto3", "botocore", "requests", "httpx", "subprocess", "sandbox", "dags"),
    "plugins/opskit": ("dags", "sandbox", "requests", "httpx", "subprocess"),
    "include": ("airflow", "opskit", "dags", "sandbox", "plugins"),
    "sandbox": ("airflow", "opskit", "dags", "plugins"),
}
CASES = [(room, file.relative_to(ROOT)) for room in FORBIDDEN for file in sorted((ROOT / room).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide which room is entered"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize(("room", "file"), CASES, ids=[str(file) for _, file in CASES])
def test_file_imports_only_what_its_room_may(room, file):
    roots = {name.split(".")[0] for name in imported(ast.parse((ROOT / file).read_text()))}
    assert roots.isdisjoint(FORBIDDEN[room])


def module_of(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(folder):
    """Return which modules of a folder import which others of it. Imports inside functions or only for types count, too."""
    files = {module_of(file): file for file in (ROOT / folder).rglob("*.py")}
    graph = {}
    for name, file in files.items():
        graph[name] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names} & set(files)
            elif isinstance(node, ast.ImportFrom):
                named = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[name] |= named & set(files) or {node.module} & set(files)
    return graph


def circles(graph):
    """Return the modules in import cycles, by removing modules without remaining imports until none is left to remove."""
    left = {name: imported - {name} for name, imported in graph.items()}
    while free := [name for name, imported in left.items() if not imported & set(left)]:
        for name in free:
            del left[name]
    return left


def test_modules_of_the_sandbox_import_each_other_in_no_circle():
    graph = import_graph("sandbox")
    assert "sandbox.aws.sim.world" in graph["sandbox.aws.control.api"]  # the graph is drawn
    assert circles(graph) == {}


def test_circle_of_imports_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"e"}, "e": set()}
    assert circles(graph) == {"a": {"b"}, "b": {"c"}, "c": {"b"}}


def test_every_room_has_files_to_check():
    assert {room for room, _ in CASES} == set(FORBIDDEN)


def test_sandbox_takes_only_the_inventory_from_the_rooms():
    for file in (ROOT / "sandbox").rglob("*.py"):
        used = {name for name in imported(ast.parse(file.read_text())) if name.split(".")[0] == "include"}
        assert used <= {
            "include.inventory",
            "include.inventory.capacity",
            "include.inventory.models",
            "include.inventory.loader",
            "include.inventory.policy_resources",
            "include.errors",
        }, file


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.name)
def test_dag_file_loads_no_provider_at_its_top(file):
    # every task process imports the file again, and a provider in it costs over a second per task
    names = imported(ast.parse(file.read_text()))
    assert not [name for name in names if name.startswith("airflow.providers")]


@pytest.mark.parametrize(
    ("folder", "most"), [("dags", 120), ("plugins/opskit", 250), ("include", 400), ("sandbox", 400)]
)
def test_no_file_is_longer_than_its_room_allows(folder, most):
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in (ROOT / folder).rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > most} == {}


def test_no_module_has_a_name_that_says_nothing():
    names = {file.stem for folder in FORBIDDEN for file in (ROOT / folder).rglob("*.py")}
    assert names.isdisjoint({"utils", "util", "common", "helpers", "helper", "misc"})
