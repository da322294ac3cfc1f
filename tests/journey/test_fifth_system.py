"""A system that exists only as the example of the documentation restarts, with no change to Python."""

import re
from pathlib import Path

import pytest

from tests.running_sandbox import start_sandbox

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "describe-your-system.md"


@pytest.fixture
def library(tmp_path):
    example = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "library.yaml").write_text(example[1], encoding="utf-8")
    yield from start_sandbox(tmp_path / "state", speed=180, RUNBOOK_INVENTORY=str(folder))


def test_system_described_from_the_guide_alone_is_offered_built_and_restarted(library):
    details = library.airflow("operator").get("/dags/service_restart/details").json()
    assert details["params"]["target"]["schema"]["enum"] == ["library/staging"]
    before = {task["id"] for task in library.service("library/staging")["tasks"]}
    run = library.restart("library/staging")
    run.approve()
    assert run.wait() == "success", run.story()
    after = library.service("library/staging")
    alive = {task["id"] for task in after["tasks"] if task["desired_status"] == "RUNNING"}
    assert (after["desired"], len(alive)) == (2, 2)
    assert alive.isdisjoint(before)
    assert library.lowest_healthy("library/staging", "catalogue") == 2
