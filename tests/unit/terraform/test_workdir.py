"""The folders in which Terraform runs, and what becomes of those that nobody removed."""

import os
import shutil
import time
from pathlib import Path

import pytest

from include.terraform.workdir import DAY, ERRORED, MONTH, make_folder, passing_folder, remove_folder, run_folder

ONE, TWO = "infrastructure_change/one", "infrastructure_change/two"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    return tmp_path / "terraform"


def grow_old(folder, seconds):
    then = time.time() - seconds
    for each in (folder, *folder.rglob("*")):
        os.utime(each, (then, then))


def test_passing_folder_is_gone_afterwards_and_only_its_user_could_read_it(root):
    with passing_folder(ONE) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.parent == run_folder(ONE)
    assert list(root.iterdir()) == []


def test_what_a_killed_plan_left_is_removed_after_a_day_and_the_apply_beside_it_stays():
    left = make_folder(ONE) / "passing-one"
    for folder in (left, make_folder(ONE) / "code"):
        folder.mkdir()
        (folder / "aws-credentials.json").write_text("{}")
    grow_old(run_folder(ONE), DAY - 60)
    with passing_folder(TWO):
        assert left.exists()
    grow_old(run_folder(ONE), DAY + 60)
    with passing_folder(TWO):
        assert [each.name for each in run_folder(ONE).iterdir()] == ["code"]


@pytest.mark.parametrize(("file", "stays"), [("terraform.tfvars", False), (ERRORED, True)])
def test_apply_that_nobody_settled_here_is_removed_after_a_month_unless_it_holds_a_state(file, stays):
    code = make_folder(ONE) / "code"
    code.mkdir()
    (code / file).write_text("{}")
    grow_old(run_folder(ONE), MONTH - 60)
    with passing_folder(TWO):
        assert run_folder(ONE).exists()
    grow_old(run_folder(ONE), MONTH + 60)
    with passing_folder(TWO):
        assert run_folder(ONE).exists() == stays


def test_folder_in_use_stays_however_old_its_run_is():
    with passing_folder(ONE) as used:
        grow_old(run_folder(ONE), MONTH + 60)
        (used / "output").write_text("Still creating")
        with passing_folder(TWO):
            assert used.exists()
    remove_folder(ONE)
    assert not run_folder(ONE).exists()


def test_plan_does_not_fail_since_another_run_removes_its_own_folder_at_that_moment(monkeypatch):
    (make_folder(ONE) / "passing-one").mkdir()
    looked = []

    def vanish(folder, pattern):
        looked.append(pattern)
        shutil.rmtree(run_folder(ONE))
        return iter(os.scandir(folder))

    monkeypatch.setattr(Path, "rglob", vanish)
    with passing_folder(TWO) as folder:
        assert looked
        assert folder.exists()
