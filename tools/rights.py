"""Derive the rights that each runbook needs in AWS from the calls that its code can reach, and write them into their page.

A call is reached if a function that makes it is named, directly or through others, by the runbook's DAG file. Waits are named by
strings, and a write is asked about after a crash by its gateway's `was_applied`; both count.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.session import get_session

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how-to" / "use-your-own-account.md"
INDENT = "   "  # the table is part of a numbered step
BEGIN, END = f"{INDENT}<!-- derived by python -m tools.rights -->\n", f"{INDENT}<!-- end -->\n"
FOLDERS = {"include": ROOT, "opskit": ROOT / "plugins", "dags": ROOT}
SERVICES = {  # botocore's name of a client: the prefix of its rights
    "application-autoscaling": "application-autoscaling",
    "autoscaling": "autoscaling",
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "codebuild": "codebuild",
    "codedeploy": "codedeploy",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "ecr": "ecr",
    "ecs": "ecs",
    "elbv2": "elasticloadbalancing",
    "logs": "logs",
    "rds": "rds",
    "resourcegroupstaggingapi": "tag",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "sts": "sts",
}
READS = re.compile("(?:Get|List|Describe|BatchGet|Filter|Query)")
COPY = ("s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload")
S3 = {  # an operation's name is not its right's
    "list_buckets": ("s3:ListAllMyBuckets",),
    "list_objects_v2": ("s3:ListBucket",),
    "head_object": ("s3:GetObject",),
    "delete_objects": ("s3:DeleteObject",),
    "list_multipart_uploads": ("s3:ListBucketMultipartUploads",),
    "list_object_versions": ("s3:ListBucketVersions",),
    "delete_object": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "get_object": ("s3:GetObject", "s3:ListBucket"),  # without the latter a missing object is answered with 403
}
WIRE = {  # requests that are not made by a boto3 client
    ("include.s3copy.listing", "_page"): ("s3:ListBucket",),
    ("include.s3copy.integrity", "_chunk"): ("s3:GetObject",),
    ("include.s3copy.object_copy", "ObjectCopier"): COPY,
    ("include.s3copy.object_copy", "abort_upload"): ("s3:AbortMultipartUpload",),
    ("include.s3copy.object_copy", "head_object"): ("s3:GetObject",),
    ("include.s3copy.object_copy", "list_uploads"): ("s3:ListBucketMultipartUploads",),
}
STATE_READS = ("s3:ListBucket", "s3:GetObject", "dynamodb:GetItem")  # the lock table has the state's checksum
LOCKING = ("s3:PutObject", "s3:DeleteObject", "dynamodb:PutItem", "dynamodb:DeleteItem")
TERRAFORM = {  # what its S3 backend calls, whether it locks in DynamoDB or beside the state
    ("include.infrastructure.working_copy", "check_out"): STATE_READS,
    ("include.infrastructure.apply", "apply"): LOCKING,
    ("include.infrastructure.settle", "settle"): LOCKING,
}
BESIDES = {  # what AWS asks for beside the right of the operation's own name
    "cloudformation:ExecuteChangeSet": (  # of its caller: what a stack with a function and its log group takes
        *("iam:PassRole", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:GetFunction"),
        *("lambda:PutFunctionConcurrency", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
        *("logs:CreateLogGroup", "logs:DeleteLogGroup"),
    ),
    "codedeploy:CreateDeployment": ("codedeploy:GetDeploymentConfig", "codedeploy:RegisterApplicationRevision"),
    "ecs:RegisterTaskDefinition": ("iam:PassRole", "ecs:TagResource"),
    "ecs:RunTask": ("iam:PassRole",),
}

DECORATION = (
    "opskit.failure",
    "_show_log",
)  # without the right to read a log, the end of a failed task's log has no lines of it
RESULTS = ("result_of", "results_of", "proof_of", "end_of", "passed", "task_of")  # how a step names another one

Node = tuple[str, str]  # module, and the name of what it defines


@cache
def _operations() -> dict[str, list[tuple[str, str]]]:
    """Return every operation by its Python name: botocore's service and AWS's own name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for service in SERVICES:
        for name in get_session().get_service_model(service).operation_names:
            found.setdefault(xform_name(name), []).append((service, name))
    return found


@cache
def _modules() -> dict[str, ast.Module]:
    found = {}
    for folder, root in FOLDERS.items():
        for file in sorted((root / folder).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(
                file.read_text(encoding="utf-8")
            )
    return found


@cache
def _defined(module: str) -> dict[str, ast.stmt]:
    """Return what a module defines at its top level, by name."""
    found: dict[str, ast.stmt] = {}
    for statement in _modules()[module].body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            found |= {target.id: statement for target in targets if isinstance(target, ast.Name)}
    return found


@cache
def _imported(module: str) -> dict[str, Node]:
    """Return what a module imports of our own, by the name it has there. A module has "" for the name in it."""
    found: dict[str, Node] = {}
    for statement in ast.walk(_modules()[module]):
        if isinstance(statement, ast.ImportFrom) and statement.module in _modules():
            for alias in statement.names:
                inner = f"{statement.module}.{alias.name}"
                found[alias.asname or alias.name] = (
                    (inner, "") if inner in _modules() else (statement.module, alias.name)
                )
        elif isinstance(statement, ast.ImportFrom) and statement.module and statement.module.split(".")[0] in FOLDERS:
            for alias in statement.names:
                if f"{statement.module}.{alias.name}" in _modules():
                    found[alias.asname or alias.name] = (f"{statement.module}.{alias.name}", "")
    return found


def _resolve(module: str, name: str) -> Node | None:
    """Return where a name of a module is defined, through the packages that hand it on."""
    while module in _modules():
        if name in _defined(module):
            return module, name
        if name not in _imported(module):
            return None
        module, name = _imported(module)[name] if _imported(module)[name][1] else (_imported(module)[name][0], "")
        if not name:
            return module, ""
    return None


def _names(module: str, tree: ast.AST) -> Iterator[Node]:
    """Yield what a piece of code names of our own, but for the steps whose results it only asks for."""
    asked_for = {
        id(inner)
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in RESULTS
        for argument in each.args
        for inner in ast.walk(argument)
    }
    for each in ast.walk(tree):
        if id(each) in asked_for:
            continue
        if isinstance(each, ast.Name) and (found := _resolve(module, each.id)):
            yield found
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            of = _resolve(module, each.value.id)
            if of and not of[1] and (inner := _resolve(of[0], each.attr)):
                yield inner
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value in _waits():
            yield _waits()[each.value]


@cache
def _waits() -> dict[str, Node]:
    """Return the functions that waits are named after: name -> function."""
    found: dict[str, Node] = {}
    for module in _modules():
        statement = _defined(module).get("WAITERS")
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Dict):
            for key, given in zip(value.keys, value.values, strict=True):
                names = [each for each in ast.walk(given) if isinstance(each, ast.Name)]
                if isinstance(key, ast.Constant):
                    found |= {str(key.value): node for name in names if (node := _resolve(module, name.id))}
    return found


def _is_cut(node: Node) -> bool:
    """Tell whether a name is not followed: it leads to the calls of all runbooks together, or to calls that no runbook needs."""
    return node[1] in ("WAITERS", "was_applied") or node[0] == "include.aws.rights" or node == DECORATION


@cache
def _next(node: Node) -> tuple[Node, ...]:
    """Return what a definition leads to, each once."""
    module, name = node
    tree = _defined(module).get(name)
    if tree is None:
        return ()
    found = [each for each in _names(module, tree) if each[1] and not _is_cut(each)]
    if "was_applied" in _defined(module) and re.search(r"= Action\(", ast.unparse(tree)):
        found.append((module, "was_applied"))
    return tuple(dict.fromkeys(found))


def reached(start: list[Node]) -> set[Node]:
    """Return everything that these definitions lead to."""
    found, left = set(start), list(start)
    while left:
        for each in _next(left.pop()):
            if each not in found:
                found.add(each)
                left.append(each)
    return found


@cache
def _text(module: str) -> str:
    return ast.unparse(_modules()[module])


def _service_of(module: str, candidates: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the one of the operations of a name that a module can mean: that of the client it has."""
    text = _text(module)
    fitting = [candidate for candidate in candidates if f"mypy_boto3_{candidate[0].replace('-', '_')}" in text]
    return fitting[0] if fitting else (candidates[0] if len(candidates) == 1 else None)


@cache
def _called(node: Node) -> frozenset[str]:
    """Return the rights that a definition's own calls need."""
    return frozenset(_calls(node))


def _calls(node: Node) -> Iterator[str]:
    yield from WIRE.get(node, ())
    yield from TERRAFORM.get(node, ())
    module, name = node
    for each in ast.walk(_defined(module)[name]) if name in _defined(module) else ():
        operation, client = "", ""
        if isinstance(each, ast.Attribute):
            operation, client = each.attr, ast.unparse(each.value)
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "get_paginator":
            operation, client = ast.literal_eval(each.args[0]), ast.unparse(each.func.value)
        if operation not in _operations() or not re.search(r"(?:client|s3|sts)$", client):
            continue
        if found := _service_of(module, _operations()[operation]):
            rights = S3.get(operation, ()) if found[0] == "s3" else ()
            yield from rights or (f"{SERVICES[found[0]]}:{found[1]}",)


def rights_of(nodes: set[Node]) -> set[str]:
    """Return the rights that the calls of these definitions need."""
    found = {right for node in nodes for right in _called(node)}
    return found | {more for right in found for more in BESIDES.get(right, ())}


def runbooks() -> list[str]:
    """Return the names of all runbooks that work on AWS."""
    return sorted(module.split(".", 1)[1] for module in _modules() if module.startswith("dags."))


def rights_of_runbook(name: str) -> set[str]:
    """Return the rights that a runbook needs in its target's account, the plan's and the record's included."""
    return rights_of(reached(_started_by(name)))


def rights_of_plan(name: str) -> set[str]:
    """Return the rights that the plan of a runbook needs: what it does before it asks anybody."""
    plans = [node for node in _started_by(name) if node[1].startswith("plan_") and node[0] == f"dags.{name}"]
    return rights_of(reached(plans))


def reads_state(name: str) -> bool:
    """Tell whether a runbook runs Terraform, so that its objects and locks are those of a state."""
    return not reached(_started_by(name)).isdisjoint(TERRAFORM)


def locks_state(name: str) -> bool:
    """Tell whether a runbook runs Terraform in a way that takes the state's lock."""
    locking = {node for node, rights in TERRAFORM.items() if rights is LOCKING}
    return not reached(_started_by(name)).isdisjoint(locking)


def _started_by(name: str) -> list[Node]:
    """Return what a runbook's DAG file defines and names."""
    module = f"dags.{name}"
    named = [node for node in _names(module, _modules()[module]) if node[1] and not _is_cut(node)]
    return [*((module, each) for each in _defined(module)), *named]


def is_read(right: str) -> bool:
    return READS.match(right.split(":")[1]) is not None


def table() -> str:
    """Return the page's table: the rights of each runbook, to read and to write."""
    rows = ["| runbook | to read | to write |", "|---|---|---|"]
    for name in runbooks():
        rights = rights_of_runbook(name)
        cells = [_cell([right for right in sorted(rights) if is_read(right) is reads]) for reads in (True, False)]
        rows.append(f"| `{name}` | {cells[0]} | {cells[1]} |")
    return "".join(f"{INDENT}{row}\n" for row in rows)


def _cell(rights: list[str]) -> str:
    """Return rights with the prefix of a service before its first one only."""
    by_service: dict[str, list[str]] = {}
    for right in rights:
        by_service.setdefault(right.split(":")[0], []).append(right.split(":")[1])
    return "; ".join(
        f"`{service}:` {', '.join(f'`{name}`' for name in names)}" for service, names in by_service.items()
    )


def page() -> str:
    """Return the page with the table as it is derived now."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    from tools import policies

    PAGE.write_text(page(), encoding="utf-8")
    policies.write()
