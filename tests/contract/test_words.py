"""The repository contains no secret and nothing of one person's machine."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OTHER_PEOPLES = re.compile(
    r"vpc-0[0-9a-f]{16}|AKIA(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}|communitiesuk|publicmapping", re.IGNORECASE
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines()]
    return [file for file in files if file.suffix in {".py", ".md", ".yaml", ".toml", ".sh", ".html", ".js"}]


def test_no_file_names_another_organisations_systems():
    found = {
        str(file.relative_to(ROOT)): match[0]
        for file in tracked()
        if file.is_file()
        and file != Path(__file__)
        and (match := OTHER_PEOPLES.search(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_no_file_refers_to_a_requirement_by_a_number_that_only_its_author_can_look_up():
    numbered = re.compile(r"\b(?:BG|DATA|INF|MA|MIG|OPS|REL|REV|RST|STG|T|X)-\d{2}\b")
    found = {
        str(file.relative_to(ROOT)): numbered.findall(file.read_text(encoding="utf-8"))
        for file in tracked()
        if file.is_file() and file != Path(__file__)
    }
    assert {name: numbers for name, numbers in found.items() if numbers} == {}
