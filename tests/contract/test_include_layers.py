"""The import direction inside include/: packages import only from lower layers, and without cycles."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# from the lowest layer up: a package may import from itself and from every line before its own
LAYERS = [
    ("errors", "text"),
    ("write", "retry", "fargate_sizes", "deployment_stages"),
    ("inventory",),
    ("external_services",),  # shared by the gateways to other services over HTTP
    ("aws", "s3copy", "github", "jira", "sentry", "sheets"),  # gateways: their own types, and thin calls
    ("ecs",),
    ("waiters",),
    ("run",),  # parts of every run, and their storage
    ("terraform",),  # a tool, whose plans become changes of a run
    ("trigger_request",),
    ("notifications", "reconcile", "runbooks"),
    ("restart",),  # procedures
    ("releases", "region_data"),
    ("infrastructure",),  # whose databases are seeded as a release migrates them
    ("review_apps",),
    ("waiter_registry", "request_rules"),
    ("front_door",),
]
# a function with one of these arguments reads or changes the world
CLIENTS = ("Client", "Clients", "Repository", "Jira", "Sentry", "Connection", "Folder")
CONTEXTS = (
    "RunContext",
    "Context",
    "ReleaseContext",
    "RegionDataContext",
    "InfrastructureContext",
    "InfrastructureReadContext",
    "PromotionContext",
    "ReviewAppContext",
    "CleanupContext",
)
WORLD = (*CLIENTS, *CONTEXTS, "RunStore", "FencedWriter")
PROCEDURES = ("restart", "releases", "region_data", "infrastructure", "review_apps")


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted((ROOT / "include").rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imports(module: str) -> frozenset[tuple[str, str]]:
    """Return what a module imports from include/: (module, name). The name is "" for a whole module."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "include":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add((whole, "") if whole in MODULES else (str(node.module), alias.name))
        elif isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names if alias.name.split(".")[0] == "include"}
    return frozenset(found)


def package(module: str) -> str:
    return [*module.split("."), ""][1]


def level(module: str) -> int:
    return next(place for place, names in enumerate(LAYERS) if package(module) in names)


def violations(module: str) -> list[str]:
    """Return the imports of a module from higher layers, or from the same one."""
    return sorted(
        other for other, _ in imports(module) if package(other) != package(module) and not level(other) < level(module)
    )


def annotation(node: ast.expr | None) -> str:
    """Return the plain name of a type: `ECSClient` of `"ECSClient"`, `Connection` of `Connection[...]`."""
    if isinstance(node, ast.Constant):
        node = ast.parse(str(node.value), mode="eval").body
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def takes(function: ast.FunctionDef, kinds: set[str]) -> bool:
    """Tell whether a function takes one of these. Each boto3 client counts as a Client."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = [annotation(each.annotation) for each in given]
    return any(name in kinds or name.endswith("Client") for name in names)


@cache
def functions(module: str, kinds: tuple[str, ...]) -> frozenset[str]:
    """Return the functions of a module that take one of these. A class of the same name in the module itself does not count."""
    nodes = tree(module).body if module in MODULES else []
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef)} if package(module) in PROCEDURES else set()
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef) and takes(node, {*kinds} - own))


def is_decision(module: str) -> bool:
    """Tell whether a module only decides: it is a plan, or no function of it takes a client or a context."""
    if package(module) not in PROCEDURES:
        return False
    return is_plan(module) or not functions(module, WORLD)


def is_plan(module: str) -> bool:
    return module.endswith(".plan") or ".plans." in module


def reached(module: str) -> list[str]:
    """Return the functions given a client, or a step's context, that a module could call."""
    found = []
    for other, name in imports(module):
        asked = functions(other, (*CLIENTS, *CONTEXTS))
        found += [f"{other}.{each}" for each in asked if name in ("", each)]
    return sorted(found)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"include"}))
def test_module_imports_only_from_the_layers_below_it(module):
    assert violations(module) == []


def test_every_package_has_its_layer():
    assert {package(module) for module in MODULES if module != "include"} <= {
        name for names in LAYERS for name in names
    }


def test_no_two_modules_import_each_other_however_far_round():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in sorted({other for other, _ in imports(module)} & set(MODULES)):
                visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("module", sorted(filter(is_decision, MODULES)))
def test_decision_calls_nothing_that_takes_a_client(module):
    assert reached(module) == []


@pytest.mark.parametrize("module", sorted(filter(is_plan, MODULES)))
def test_plan_is_given_nothing_of_the_world(module):
    assert functions(module, WORLD) == set()


def test_rules_see_what_they_are_about():
    assert len([module for module in MODULES if is_plan(module)]) >= 8
    assert "include.restart.surge" in set(filter(is_decision, MODULES))
    assert "include.restart.steps" not in set(filter(is_decision, MODULES))
    assert "set_desired_count" in functions("include.aws.ecs", CLIENTS)
    assert "include.aws.ecs.set_desired_count" in reached("include.restart.steps")
