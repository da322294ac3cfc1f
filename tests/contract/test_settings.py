"""docs/settings.md lists every setting with its value."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def tuned() -> dict[str, str]:
    lines = (ROOT / "config" / "airflow.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_settings_of_airflow_are_listed_with_their_values():
    rows = re.findall(r"^\| `(AIRFLOW__\w+)` \| `?([^|`]+)`? \|", TEXT, re.MULTILINE)
    assert dict(rows) == {name: value for name, value in tuned().items() if name.startswith("AIRFLOW__")}


def test_defaults_are_those_of_this_airflow():
    from airflow.configuration import conf

    rows = re.findall(r"^\| `AIRFLOW__(\w+?)__(\w+)` \|[^|]+\| `?([^|`]+)`? \|", TEXT, re.MULTILINE)
    found = {f"{section}__{key}": conf.get_default_value(section.lower(), key.lower()) for section, key, _ in rows}
    assert {f"{section}__{key}": _number(default) for section, key, default in rows} == {
        name: _number(str(default)) for name, default in found.items()
    }


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def test_every_variable_that_the_code_reads_is_listed():
    read = set()
    for folder in ("ci", "config", "dags", "include", "plugins", "sandbox", "tests"):
        for file in (ROOT / folder).rglob("*.py"):
            if file != Path(__file__):
                read |= set(re.findall(r"RUNBOOK_[A-Z]+(?:_[A-Z]+)*", file.read_text(encoding="utf-8")))
    assert {name for name in read if f"`{name}" not in TEXT} == set()
