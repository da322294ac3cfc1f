"""An approval covers the code that its runbook can run, and no other code."""

import shutil
from pathlib import Path

import pytest

from include.inventory import load
from opskit import code_digest as opskit_code_digest

ROOT = Path(__file__).resolve().parents[2]


def modules(dag_id: str) -> set[str]:
    return set(opskit_code_digest.read_code(ROOT / f"dags/{dag_id}.py"))


def test_restart_runs_its_steps_the_shared_pieces_and_every_watch():
    assert modules("service_restart") >= {
        "service_restart.py",
        "include.restart.steps",
        "include.restart.surge",
        "include.run.writer",
        "include.run.documents",
        "include.run.approval.policy",
        "include.waiter_registry",
        "include.restart.waiters",
        "include.releases.waiters",
        "include.aws.ecs",
        "opskit",
        "opskit.lease",
        "opskit.step",
        "opskit.groups.restart",
        "opskit.waits.state_reached",
    }


def test_restart_does_not_run_the_steps_of_other_runbooks_nor_the_audit():
    strange = {
        "include.releases.deployment.steps",
        "include.releases.production.github_release",
        "include.region_data.overwrite",
        "include.s3copy",
    }
    assert modules("service_restart") & strange == set()
    for dag_file in sorted((ROOT / "dags").glob("*.py")):
        names = modules(dag_file.stem)
        assert not [name for name in names if name.startswith(("opskit.executor", "opskit.web"))], dag_file


def test_what_is_loaded_lazily_is_run_too():
    # include.github computes what it imports; opskit.connections.external_services imports within a function
    assert modules("production_release") >= {
        "include.github.commits",
        "include.github.releases",
        "include.github.workflows",
    }


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Return a function that edits one file in a copy of the code and says which digests changed."""
    for room in ("include", "plugins/opskit", "dags"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(
        opskit_code_digest, "ROOTS", {"include": tmp_path / "include", "opskit": tmp_path / "plugins/opskit"}
    )
    opskit_code_digest._file_of.cache_clear()
    target = load().target("core/staging")

    def digests():
        return {
            file.stem: opskit_code_digest.code_digest(str(file), target)
            for file in sorted((tmp_path / "dags").glob("*.py"))
            if "dag = runbook(" in file.read_text()
        }

    def edit(name):
        before = digests()
        with (tmp_path / name).open("a") as file:
            file.write("\n# edited\n")
        after = digests()
        return {name for name in before if before[name] != after[name]}

    yield edit
    opskit_code_digest._file_of.cache_clear()


def test_edit_voids_the_approvals_of_those_runbooks_that_can_run_it(house):
    everyone = {
        "account_promotion",
        "database_migration",
        "image_publication",
        "infrastructure_change",
        "infrastructure_recreation",
        "production_release",
        "region_data_update",
        "release_rollback",
        "review_app_deployment",
        "review_app_teardown",
        "service_restart",
        "staging_deployment",
    }
    assert house("dags/service_restart.py") == {"service_restart"}
    assert house("include/region_data/overwrite.py") == {"region_data_update"}
    assert house("include/run/writer.py") == everyone
    assert house("include/waiter_registry.py") == everyone - {
        "account_promotion",
        "image_publication",
        "infrastructure_change",
    }  # none of them defers
    assert house("plugins/opskit/lease.py") == everyone


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (
            "def step():\n    from include.restart import steps\n",
            {"include", "include.restart", "include.restart.steps"},
        ),
        ("import include.errors as e\n", {"include", "include.errors"}),
        ("from . import steps\n", {"include", "include.restart", "include.restart.steps"}),
        ('PATH = "include.errors.RunbookError"\n', {"include", "include.errors"}),
        ("if TYPE_CHECKING:\n    from include import errors\nelse:\n    import include\n", {"include"}),
        ('"""Says include. And more."""\nimport json\n', set()),
    ],
)
def test_modules_are_found_wherever_they_are_named(source, named):
    assert opskit_code_digest._modules_named(source.encode(), "include.restart") == named


def test_file_that_computes_what_it_imports_can_run_all_of_its_package():
    source = b"from importlib import import_module\nimport_module(name)\n"
    assert opskit_code_digest._modules_named(source, "include.run.approval") == {
        "include.run.approval",
        "include.run.approval.policy",
        "include.run.approval.unattended",
        "include.run.approval.withdrawal",
    }
