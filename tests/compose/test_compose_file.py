"""The compose file is valid, and everything that it names exists: images, paths, variables, commands."""

import argparse
import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import jsonschema
import pytest

from deployment import env_file
from deployment.installation import SHARED
from opskit.settings_check import find_unknown, known_settings
from tests.support import compose_file
from tests.support.compose_file import COMPOSE, DOCKERFILE, ROOT

EXAMPLE = ROOT / ".env.example"
GIVEN = {name: f"value-of-{name}" for name in env_file.MADE}
SERVICES = compose_file.services(GIVEN)
OURS = {name: service for name, service in SERVICES.items() if service.image}
ONCE = {"init", "world-connections"}  # services that end
ODD_ONES_OUT = {"retention"}  # nobody waits for it, and what it does is seen a day later


def test_file_is_valid_by_the_compose_specification():
    package = Path(importlib.util.find_spec("check_jsonschema").submodule_search_locations[0])
    schema = json.loads((package / "builtin_schemas" / "vendor" / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(compose_file.load())
    broken = compose_file.load()
    broken["services"]["redis"]["healthcheck"]["intervall"] = "5s"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(broken)


def test_every_required_variable_is_a_secret_that_make_env_makes_and_no_other_is_secret():
    used = compose_file.variables(COMPOSE.read_text(encoding="utf-8"))
    assert {name for name, default in used.items() if default is None} == set(env_file.MADE)
    assert [name for name in used if re.search("SECRET|PASSWORD|_KEY|USERS", name) and used[name] is not None] == []


def test_example_names_every_variable_with_its_default_and_no_other():
    used = compose_file.variables(COMPOSE.read_text(encoding="utf-8"))
    lines = [
        line.lstrip("#") for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if re.match(r"#?[A-Z]", line)
    ]
    shown = dict(line.split("=", 1) for line in lines)
    assert shown == {name: default or "" for name, default in used.items()}


def test_missing_secret_is_refused_by_its_name():
    with pytest.raises(KeyError, match="JWT_SECRET: run make env"):
        compose_file.services({name: value for name, value in GIVEN.items() if name != "JWT_SECRET"})


def test_every_component_has_the_same_secrets():
    components = [service for service in OURS.values() if service.name != "world"]
    for name in SHARED:
        assert {service.environment.get(name) for service in components} == {GIVEN[_source(name)]}


def _source(name: str) -> str:
    return {
        "AIRFLOW__API_AUTH__JWT_SECRET": "JWT_SECRET",
        "AIRFLOW__API__SECRET_KEY": "API_SECRET_KEY",
        "AIRFLOW__CORE__FERNET_KEY": "FERNET_KEY",
    }[name]


def test_every_setting_of_airflow_exists():
    given = {name for service in OURS.values() for name in service.environment}
    assert find_unknown(given, known_settings()) == []


def test_classes_of_the_settings_can_be_loaded_with_the_pinned_packages():
    from airflow.providers.celery.executors.celery_executor import CeleryExecutor, app

    from opskit.named_fab_auth_manager import NamedFabAuthManager

    settings = SERVICES["scheduler"].environment
    assert settings["AIRFLOW__CORE__EXECUTOR"] == CeleryExecutor.__name__
    named = f"{NamedFabAuthManager.__module__}.{NamedFabAuthManager.__name__}"
    assert settings["AIRFLOW__CORE__AUTH_MANAGER"] == named
    assert "execute_workload" in app.tasks


def test_every_variable_of_ours_is_read_by_the_code():
    read = "".join(
        file.read_text(encoding="utf-8")
        for room in ("include", "plugins", "deployment", "sandbox")
        for file in (ROOT / room).rglob("*.py")
    )
    given = {
        name for service in OURS.values() for name in service.environment if name.startswith(("RUNBOOK_", "SANDBOX_"))
    }
    assert given
    assert {name for name in given if f'"{name}"' not in read} == set()


@pytest.mark.parametrize("name", sorted(OURS))
def test_command_of_a_service_exists_in_its_image(name):
    service = OURS[name]
    command = service.command[len(service.image.entrypoint) :]
    commands = [command, *([service.check] if service.check else [])]
    for words in commands:
        if words[0] == "airflow":
            _airflow_knows(words[1:])
        else:
            assert words[0] == "python"
            if words[1] == "-m":
                place = f"/opt/runbooks/{words[2].replace('.', '/')}"
                assert any(Path(place).is_relative_to(copied) for copied in service.image.copies), (
                    f"{place} is not in the image"
                )
                file = ROOT / words[2].replace(".", "/")
                assert file.with_suffix(".py").exists() or (file / "__main__.py").exists()


def _airflow_knows(words: list[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    parsed = get_parser().parse_args(words)
    assert isinstance(parsed, argparse.Namespace)


def test_every_path_that_is_copied_or_mounted_exists():
    for image in compose_file.images().values():
        for source in image.copies.values():
            stage, _, path = source.rpartition(":")
            assert stage in ("", *compose_file.images())
            assert stage or (ROOT / path).exists(), path
    for service in SERVICES.values():
        for source in service.volumes.values():
            assert source in compose_file.load()["volumes"] or Path(source).is_dir(), source


def test_every_path_in_a_variable_is_in_the_image_or_mounted():
    for service in OURS.values():
        there = {*service.image.copies, *service.volumes, "/opt/airflow"}
        for name, value in service.environment.items():
            for path in re.findall(r"(?<![\w/])/opt/[\w/]+", value):
                inside = [
                    place for place in there if Path(path).is_relative_to(place) or Path(place).is_relative_to(path)
                ]
                assert inside or service.name == "world", f"{name}={value} of {service.name}"


def test_images_are_of_a_version_and_run_by_a_user_without_rights():
    named = {name: each["image"] for name, each in compose_file.load()["services"].items() if "build" not in each}
    assert named == {"postgres": "postgres:16.10-bookworm", "redis": "redis:7.2-bookworm"}
    text = DOCKERFILE.read_text(encoding="utf-8")
    outside = [line.split()[1] for line in text.splitlines() if line.startswith("FROM") and ":" in line]
    assert [
        image for image in outside if not re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", image)
    ] == []
    for service in OURS.values():
        assert service.image.user == "50000:0"
        assert service.image.entrypoint == ["dumb-init", "--"]


def test_terraform_of_the_image_is_that_of_the_machine_it_is_built_for():
    """A default would take precedence over what BuildKit knows of the machine."""
    arguments = re.findall(r"^ARG (TARGET\w+.*)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert arguments == ["TARGETARCH"]


def test_no_image_that_runs_has_the_tools_that_built_it():
    stages = compose_file.images()
    for target in {each["build"]["target"] for each in compose_file.load()["services"].values() if "build" in each}:
        assert {"packages", "sandbox-packages", "terraform"}.isdisjoint(stages[target].stages)


def test_packages_are_installed_by_their_hashes_alone():
    text = DOCKERFILE.read_text(encoding="utf-8")
    installs = re.findall(r"(?:pip install|pip sync) .*", text)
    assert len(installs) == 3
    assert [line for line in installs if "--require-hashes" not in line] == []
    assert [line for line in installs if "pip sync" in line and "--no-build" not in line] == []  # there is no compiler


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE))
def test_service_that_stays_is_started_again_and_tells_its_health(name):
    assert SERVICES[name].always
    assert bool(SERVICES[name].check) is (name not in ODD_ONES_OUT)


def test_nobody_waits_for_a_service_that_does_not_exist():
    for service in SERVICES.values():
        assert set(service.depends_on) <= set(SERVICES)
        if service.image and service.name not in ("init", "world", "world-connections"):
            assert service.depends_on["init"] == "service_completed_successfully"


def test_worker_ends_its_steps_before_it_ends():
    worker = SERVICES["worker"]
    assert (worker.replicas, worker.grace, worker.environment["DUMB_INIT_SETSID"]) == (2, 900.0, "0")
    others = [service.name for service in OURS.values() if "DUMB_INIT_SETSID" in service.environment]
    assert others == ["worker"]


def test_all_workers_but_one_have_room_for_every_task_that_is_queued():
    settings = SERVICES["scheduler"].environment
    room = (SERVICES["worker"].replicas - 1) * int(settings["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    assert room >= int(settings["AIRFLOW__CORE__PARALLELISM"])


def test_only_a_proxy_on_this_machine_reaches_the_api_server_by_default():
    ports = compose_file.filled(compose_file.load(), GIVEN)["services"]
    assert ports["api-server"]["ports"] == ["127.0.0.1:8080:8080"]
    assert [name for name, each in ports.items() if "ports" in each] == ["api-server", "world"]


def test_nothing_that_is_copied_is_kept_from_the_build():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"  # everything, but what the lines below name
    kept = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = {
        source for image in compose_file.images().values() for source in image.copies.values() if ":" not in source
    }
    assert {source for source in copied if not any(fnmatch(source.split("/")[0], each) for each in kept)} == set()


def test_packages_of_the_image_are_all_that_its_code_imports():
    pinned = {
        _distribution(line.partition("==")[0].partition("[")[0])
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    made_by = packages_distributions()
    folders = [ROOT / copy for copy in compose_file.images()["airflow"].copies.values() if (ROOT / copy).is_dir()]
    assert {folder.name for folder in folders} == {"config", "dags", "deployment", "include", "plugins"}
    lacking = {
        (str(file.relative_to(ROOT)), name)
        for folder in folders
        for file in folder.rglob("*.py")
        for name in _imported(ast.parse(file.read_text(encoding="utf-8")))
        if name in made_by and not any(_distribution(each) in pinned for each in made_by[name])
    }
    assert lacking == set()


def _distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the packages that a module imports, wherever it does, without those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        yield from _imported(node)


def test_volumes_of_our_images_are_folders_that_their_user_owns():
    """An engine makes a new volume with the owner of the image's folder, and for root where there is none."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    named = {
        place
        for service in OURS.values()
        for place, source in service.volumes.items()
        if source in compose_file.load()["volumes"]
    }
    assert named == {"/opt/airflow/logs"}
    assert re.search(
        r"&& mkdir --mode 0775 /opt/airflow/logs \\\n(?:.*\n)*?.*&& chown --recursive 50000:0 /opt/airflow\n", text
    )
