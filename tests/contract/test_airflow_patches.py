"""Every runbook works without the patches of Airflow: only the code that switches them on imports them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "plugins" / "opskit" / "airflow_patches"
SWITCHED_ON_IN = {"config/airflow_local_settings.py", "plugins/opskit_plugin.py"}
PIECES = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem not in ("__init__", "switches"))


def importers() -> set[str]:
    """Return the files outside the folder that import from it."""
    found = set()
    for room in ("config", "dags", "include", "plugins", "sandbox"):
        for file in (ROOT / room).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
            if FOLDER not in file.parents and any(name.startswith("opskit.airflow_patches") for name in names):
                found.add(str(file.relative_to(ROOT)))
    return found


def test_only_what_switches_the_patches_on_imports_them():
    assert importers() == SWITCHED_ON_IN


@pytest.mark.parametrize("piece", PIECES)
def test_every_patch_says_what_is_wrong_how_it_is_switched_off_and_when_it_can_go(piece):
    text = ast.get_docstring(ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8")))
    about = [each for each in text.split("\n\n") if piece in each.splitlines()[0]]
    assert len(about) == 1, f"{FOLDER}/__init__.py says nothing of {piece}"
    assert [word for word in ("Wrong:", "Off:", "Remove when:") if word not in about[0]] == []
