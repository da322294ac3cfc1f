"""The keys of documents in DynamoDB are defined in one module, with those of other areas beside it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "include/run/documents.py"
HOMES = (
    HOME,
    *(ROOT / f"include/run/{each}_documents.py" for each in ("cleanup", "door", "promotion", "review", "terraform")),
)
FILES = [
    file for room in ("include", "plugins", "dags") for file in sorted((ROOT / room).rglob("*.py")) if file not in HOMES
]
KEY = re.compile(r"[a-z-]+#")


def keys_in(source: str) -> list[str]:
    """Return the string constants that look like the beginning of a key, including those inside f-strings."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [constant for constant in constants if isinstance(constant, str) and KEY.match(constant)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_raw_key_stands_outside_the_module_of_documents(file: Path):
    assert keys_in(file.read_text()) == []


def test_a_raw_key_would_be_found_in_plain_strings_and_in_f_strings():
    assert keys_in('table.get(f"run#{run}", "event#1")') == ["event#1", "run#"]
    assert len(keys_in(HOME.read_text())) > 15
