"""Each mutant still finds the guard that it removes; whether tests notice its absence is tried by tests/mutants."""

from pathlib import Path

from tests.mutants.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]


def test_every_mutant_finds_its_guard_once():
    lost = {
        mutant.name: mutant.file
        for mutant in MUTANTS
        if (ROOT / mutant.file).read_text("utf-8").count(mutant.before) != 1
    }
    assert lost == {}
