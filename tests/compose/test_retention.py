"""What is old is removed, and what may still be needed stays."""

import os

import pytest

from deployment.retention import days_of, remove_logs

OLD, NEW = 1_000_000.0, 2_000_000.0


def written(file, at):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a line")
    os.utime(file, (at, at))
    return file


def test_old_logs_go_and_young_ones_stay(tmp_path):
    old = written(tmp_path / "dag_id=a" / "run_id=1" / "attempt=1.log", OLD)
    new = written(tmp_path / "dag_id=a" / "run_id=2" / "attempt=1.log", NEW)
    os.utime(old.parent, (OLD, OLD))
    assert remove_logs(tmp_path, before=1_500_000.0) == 1
    assert not old.exists()
    assert new.exists()


def test_folder_that_was_just_made_stays_although_it_is_empty(tmp_path):
    (tmp_path / "dag_id=a" / "run_id=3").mkdir(parents=True)
    assert remove_logs(tmp_path, before=1_500_000.0) == 0
    assert (tmp_path / "dag_id=a" / "run_id=3").is_dir()


@pytest.mark.parametrize("text", ["", "29", "0", "-5", "a month", "1.5"])
def test_too_few_days_are_refused(text):
    with pytest.raises(SystemExit, match="use a whole number of days, at least 30"):
        days_of(text)


def test_thirty_days_are_enough():
    assert days_of("30") == 30
