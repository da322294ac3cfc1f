"""Runs survive the SIGKILL of every kind of process, at random moments, and a crash of the database."""

import os

from tests.support.kills import KINDS, Campaign, stage

EACH = 5  # kills of each kind
SEED = int(os.environ.get("SEED", "20261121"))


def test_runs_survive_the_death_of_every_kind_of_process(tmp_path, capsys):
    with stage(tmp_path) as staged:
        outcome = Campaign(staged, SEED, EACH).run()
    with capsys.disabled():
        print(f"\n{outcome.report()}")
    assert outcome.killed == {**dict.fromkeys(KINDS, EACH), "postgres": 1}, outcome.describe()
    assert outcome.runs >= 4, outcome.describe()
    assert outcome.violations == [], outcome.describe()
    assert outcome.survived == outcome.runs, outcome.describe()
