"""What Terraform really printed, and pieces of plans for what it was not asked to print."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CAPTURED = Path(__file__).parent / "captured"


@pytest.fixture
def captured() -> Callable[[str], str]:
    """Return the reader of a captured output."""
    return lambda name: (CAPTURED / name).read_text(encoding="utf-8")


@pytest.fixture
def plan_of() -> Callable[..., str]:
    """Return the writer of a plan's JSON with these resource changes."""

    def write(*changes: dict[str, Any], **more: Any) -> str:
        return json.dumps({"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": changes, **more})

    return write


@pytest.fixture
def change_of() -> Callable[..., dict[str, Any]]:
    """Return the writer of one resource change: `kind.name`, its actions, and the values before and after."""

    def write(address: str, *actions: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
        inside = {name: more.pop(name) for name in tuple(more) if name in INSIDE}
        change = {"actions": actions, "before": before, "after": after, **inside}
        return {"address": address, "mode": "managed", "type": address.split(".")[-2], "change": change, **more}

    return write


INSIDE = ("after_unknown", "before_sensitive", "after_sensitive", "replace_paths", "importing")
