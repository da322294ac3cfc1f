"""Which folder is read, which targets it contains, and the message about an unreadable one."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from include.errors import InventoryError
from include.inventory import load
from include.inventory.loader import SHIPPED

Library = Callable[..., Path]
Complaint = Callable[[Path], str]

SHIPPED_TARGETS = [
    "core/staging",
    "core/production",
    "districtbuilder/staging",
    "districtbuilder/production",
    "planning-data/development",
    "planning-data/staging",
    "planning-data/production",
    "staff-device-logging/development",
    "staff-device-logging/pre-production",
    "staff-device-logging/production",
    "visits/staging",
    "visits/production",
]


def test_shipped_inventory_has_the_targets_of_five_systems():
    assert list(load().targets) == SHIPPED_TARGETS


def test_only_targets_with_a_restart_section_are_offered_for_a_restart():
    assert load().restartable() == [*SHIPPED_TARGETS[:4], *SHIPPED_TARGETS[-2:]]
    with pytest.raises(
        InventoryError, match=r"^planning-data/staging has no restart section in the inventory; add one"
    ):
        _ = load().target("planning-data/staging").restart


def test_targets_are_offered_for_a_release_where_a_runbook_can_do_it_and_production_needs_a_proof():
    inventory = load()
    assert inventory.staging() == [
        "core/staging",
        "districtbuilder/staging",
        "planning-data/development",
        "planning-data/staging",
        "visits/staging",
    ]
    assert inventory.releasable() == [
        "core/production",
        "districtbuilder/production",
        "planning-data/production",
        "visits/production",
    ]
    assert sorted(inventory.returnable()) == sorted([*inventory.staging(), *inventory.releasable()])
    proofs = [inventory.target(name).proved_on for name in inventory.releasable()]
    assert [proof.name for proof in proofs if proof] == [
        "core/staging",
        "districtbuilder/staging",
        "planning-data/staging",
        "visits/staging",
    ]
    assert inventory.target("core/staging").proved_on is None
    with pytest.raises(
        InventoryError, match=r"^staff-device-logging/production has no release section in the inventory"
    ):
        _ = inventory.target("staff-device-logging/production").release


def test_only_targets_with_a_one_off_section_are_offered_for_a_migration():
    assert load().migratable() == SHIPPED_TARGETS[:4]


def test_shipped_releases_are_those_of_the_runbooks():
    core = load().target("core/production")
    assert core.release.services == ("core-prod-app", "core-prod-sidekiq")
    assert core.release.bake is not None
    assert core.release.bake.duration.total_seconds() == 35 * 60
    assert (core.system.versions.prefix, core.system.versions.branch) == ("v", "main")
    assert load().target("districtbuilder/production").system.versions.prefix == ""
    gate = load().target("core/staging").release.performance
    assert gate is not None
    assert {(threshold.milliseconds, threshold.per_second, threshold.requests) for threshold in gate.thresholds} == {
        (250, 5, 50),
        (500, 3, 50),
    }


def test_shipped_accounts_are_all_different():
    accounts = [target.environment.account for target in load().targets.values()]
    assert len(set(accounts)) == len(accounts) == 12


def test_connection_id_has_only_what_fits_the_name_of_a_variable():
    ids = [target.aws_conn_id for target in load().targets.values()]
    assert "aws_staff_device_logging_pre_production" in ids
    assert len(set(ids)) == 12
    assert all(re.fullmatch(r"[a-z0-9_]+", each) for each in ids)


def test_another_system_works_by_writing_yaml_only(library: Library):
    folder = library()
    for file in SHIPPED.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    inventory = load(folder)
    assert len(inventory.systems) == 6
    assert "library/staging" in inventory.restartable()
    target = inventory.target("library/staging")
    assert (target.name, target.aws_conn_id) == ("library/staging", "aws_library_staging")
    assert target.environment.service("catalogue").boot.total_seconds() == 45
    assert target.restart.timeout.total_seconds() == 600


def test_variable_replaces_the_shipped_folder(library: Library, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNBOOK_INVENTORY", str(library()))
    assert list(load().targets) == ["library/staging"]


def test_empty_variable_means_the_shipped_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNBOOK_INVENTORY", "")
    assert list(load().targets) == SHIPPED_TARGETS


def test_named_folder_goes_before_the_variable(library: Library, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNBOOK_INVENTORY", "/nowhere")
    assert list(load(library()).targets) == ["library/staging"]


def test_folder_that_is_not_there_is_named_with_the_variable(complaint: Complaint, tmp_path: Path):
    missing = tmp_path / "missing"
    assert complaint(missing) == (
        f"{missing} is not a folder; RUNBOOK_INVENTORY must name the folder that holds the inventory files."
    )


def test_folder_without_a_file_is_refused(complaint: Complaint, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    assert complaint(tmp_path) == f"{tmp_path} holds no inventory file; write one <system>.yaml per system there."


@pytest.mark.parametrize(
    "name",
    ["core/Production", "core/production ", "Core/production", "core", "", "core/prod", "cоre/production", "../core"],  # noqa: RUF001 - the look-alike is the point
)
def test_target_that_is_nearly_one_is_refused_and_the_real_ones_are_named(name: str):
    with pytest.raises(InventoryError) as caught:
        load().target(name)
    assert (
        str(caught.value)
        == f"{name!r} is no target of the inventory; choose one of {', '.join([*SHIPPED_TARGETS, 'core/review-<number>'])}."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("system: [", "library.yaml: not readable as YAML: while parsing"),
        ("system: \x00", "library.yaml: not readable as YAML:"),
        ("", "library.yaml: expected keys and values at the top, such as 'system: library'."),
        ("- system", "library.yaml: expected keys and values at the top, such as 'system: library'."),
        ("!!python/object/apply:os.getcwd []", "library.yaml: not readable as YAML: could not determine a constructor"),
    ],
    ids=["broken", "nul", "empty", "a list", "code"],
)
def test_file_that_is_no_inventory_is_named(complaint: Complaint, tmp_path: Path, content: str, words: str):
    (tmp_path / "library.yaml").write_text(content)
    message = complaint(tmp_path)
    assert message.startswith(words)
    assert "\n" not in message


def test_file_in_another_encoding_is_named(complaint: Complaint, tmp_path: Path):
    (tmp_path / "library.yaml").write_bytes("title: Bücher".encode("latin-1"))
    assert complaint(tmp_path).startswith("library.yaml: not readable as UTF-8 (")


def test_environment_written_twice_is_refused_instead_of_the_first_being_lost(complaint: Complaint, library: Library):
    folder = library()
    text = (folder / "library.yaml").read_text()
    environment = text[text.index("  staging:") :]
    (folder / "library.yaml").write_text(text + environment)
    message = complaint(folder)
    assert message.startswith("library.yaml: not readable as YAML: key 'staging' is given twice in ")
    assert "line 35" in message


def test_anchors_and_merges_still_work(library: Library):
    folder = library()
    text = (folder / "library.yaml").read_text().replace("  staging:", "  staging: &staging", 1)
    text += '  production:\n    <<: *staging\n    account: "555555555552"\n'
    (folder / "library.yaml").write_text(text)
    inventory = load(folder)
    assert inventory.target("library/production").environment.account == "555555555552"
    assert inventory.target("library/production").environment.cluster == "library-staging"


def test_file_name_and_system_must_agree(complaint: Complaint, library: Library):
    assert complaint(library({"system": "books"})) == (
        "library.yaml: system: expected 'library', the file's own name, not 'books'."
    )


def test_two_files_of_one_system_are_refused_instead_of_one_being_lost(complaint: Complaint, library: Library):
    folder = library()
    (folder / "library.yml").write_text((folder / "library.yaml").read_text())
    assert complaint(folder) == "library.yml: there is a library.yaml as well; keep one of the two."


def test_every_mistake_of_a_file_is_told_at_once(complaint: Complaint, tmp_path: Path):
    (tmp_path / "library.yaml").write_text(yaml.safe_dump({"system": "library", "titel": "Library"}))
    assert complaint(tmp_path) == (
        "library.yaml: title: required; environments: required; titel: unknown key; remove it or correct its spelling."
    )


@pytest.mark.parametrize("file", sorted(each.name for each in SHIPPED.glob("*.yaml")))
def test_shipped_file_loads_alone(file: str, tmp_path: Path):
    (tmp_path / file).write_text((SHIPPED / file).read_text())
    assert list(load(tmp_path).systems) == [file.removesuffix(".yaml")]


def test_two_targets_that_would_share_a_connection_are_refused(tmp_path):
    text = (SHIPPED / "staff-device-logging.yaml").read_text()
    (tmp_path / "staff-device-logging.yaml").write_text(text)
    other = text.replace("system: staff-device-logging", "system: staff-device").replace(
        "  pre-production:", "  logging-production:"
    )
    other = other.replace("after: pre-production", "after: logging-production")
    (tmp_path / "staff-device.yaml").write_text(other)
    with pytest.raises(InventoryError, match="would share the connection aws_staff_device_logging_production"):
        load(tmp_path)


def test_surge_of_two_services_is_refused_since_it_takes_the_whole_group(tmp_path):
    content = yaml.safe_load((SHIPPED / "districtbuilder.yaml").read_text())
    staging = content["environments"]["staging"]
    staging["services"].append({**staging["services"][0], "name": "Second"})
    staging["restart"]["services"].append("Second")
    (tmp_path / "districtbuilder.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InventoryError, match=r"restart\.services: surge renews exactly one service, not 2"):
        load(tmp_path)


def test_slack_connection_is_named_after_the_workspace_and_needs_a_channel():
    target = load().target("core/staging")
    assert target.slack_conn_id == "slack_housing"
    silent = target.environment.model_copy(update={"slack_channel": None})
    system = target.system.model_copy(update={"environments": {"staging": silent}})
    assert replace(target, system=system).slack_conn_id is None
    nowhere = target.system.model_copy(update={"slack_workspace": None})
    assert replace(target, system=nowhere).slack_conn_id is None
    dashed = target.system.model_copy(update={"slack_workspace": "social-housing"})
    assert replace(target, system=dashed).slack_conn_id == "slack_social_housing"


def test_connections_are_named_after_the_owner_the_project_and_the_organization():
    target = load().target("core/staging")
    assert target.github_conn_id == "github_example_housing"
    assert target.jira_conn_id == "jira_cldc"
    assert target.sentry_conn_id == "sentry_example_housing"
    bare = replace(
        target, system=target.system.model_copy(update={"github": None, "jira_project": None, "sentry": None})
    )
    assert (bare.github_conn_id, bare.jira_conn_id, bare.sentry_conn_id) == (None, None, None)
    dotted = replace(target, system=target.system.model_copy(update={"github": "Example.Org/core"}))
    assert dotted.github_conn_id == "github_example_org"
