"""A system that exists only in a custom inventory: the guide's example."""

import re
from pathlib import Path

import pytest

from tests.support.running_sandbox import start_sandbox

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "describe-your-system.md"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    example = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[1]
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "library.yaml").write_text(example, encoding="utf-8")
    yield from start_sandbox(tmp_path_factory.mktemp("own") / "state", speed=180, RUNBOOK_INVENTORY=str(folder))


def test_system_described_from_the_guide_alone_is_offered_built_and_restarted(own):
    details = own.airflow("operator").get("/dags/service_restart/details").json()
    assert details["params"]["target"]["schema"]["enum"] == ["library/staging"]
    before = {task["id"] for task in own.service("library/staging")["tasks"]}
    run = own.restart("library/staging")
    run.approve()
    assert run.wait() == "success", run.describe()
    after = own.service("library/staging")
    alive = {task["id"] for task in after["tasks"] if task["desired_status"] == "RUNNING"}
    assert (after["desired"], len(alive)) == (2, 2)
    assert alive.isdisjoint(before)
    assert own.lowest_healthy("library/staging", "catalogue") == 2
