"""Each mutant still finds the guard that it removes; whether tests notice its absence is tried by tests/mutants."""

from pathlib import Path

from tests.mutants.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]


def test_every_mutant_finds_its_guard_once():
    lost = {each.name: each.file for each in MUTANTS if (ROOT / each.file).read_text("utf-8").count(each.before) != 1}
    assert lost == {}
