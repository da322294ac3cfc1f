"""Refuse to start with a setting of Airflow that does not exist: Airflow itself ignores it, and the default applies silently."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

PREFIX = "AIRFLOW__"
FROM_ELSEWHERE = re.compile(r"_(CMD|SECRET)$")  # the value is a command's output, or in a secrets backend
ANY_ENDING = (
    # one variable for each argument of a secrets backend
    "AIRFLOW__SECRETS__BACKEND_KWARG__",
    "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARG__",
    # with KubernetesExecutor Airflow's official chart sets one for each variable that it is given, for an Airflow of long ago
    "AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__",
    "AIRFLOW__KUBERNETES_SECRETS__",
)
# Airflow passes whatever these sections hold on to a library
ANY_KEY = (
    "celery_broker_transport_options",
    "celery_result_backend_transport_options",
    "elasticsearch_configs",
    "opensearch_configs",
    "sentry",
)
# what starts a process that stays; a task or a command of a person is not delayed by a look at every provider
COMPONENTS = {"api-server", "celery", "dag-processor", "db", "scheduler", "triggerer"}


def is_component(arguments: Iterable[str]) -> bool:
    """Tell whether a process with these arguments is a component of Airflow."""
    return not COMPONENTS.isdisjoint(arguments)


def refuse_unknown_settings() -> None:
    """End this process if a variable names no setting. Raises: SystemExit with a sentence for each."""
    if wrong := find_unknown(os.environ, known_settings()):
        raise SystemExit("\n".join(wrong))


def find_unknown(environment: Iterable[str], known: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a sentence for each variable that names no setting; `known` has the keys of each section."""
    sections = {_written(section): section for section in known}
    names = {f"{PREFIX}{_written(section)}__{key.upper()}" for section, keys in known.items() for key in keys}
    found = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(ANY_ENDING):
            continue
        # the settings of one team have its name in front of three underscores
        plain = PREFIX + name.removeprefix(PREFIX).rpartition("___")[2]
        section = plain.removeprefix(PREFIX).partition("__")[0]
        if plain in names or FROM_ELSEWHERE.sub("", plain) in names or sections.get(section) in ANY_KEY:
            continue
        near = get_close_matches(plain, names, n=1, cutoff=0.8)
        found.append(
            f"{name} is no setting of this Airflow, which would ignore it; "
            + (f"did you mean {near[0]}? Correct it or remove it." if near else "remove it.")
        )
    return found


def known_settings() -> dict[str, set[str]]:
    """Return the keys of each section that Airflow and the installed providers describe, former names included."""
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    known: dict[str, set[str]] = {}
    for described in (conf.configuration_description, *(each for _, each in ProvidersManager().provider_configs)):
        for name, about in described.items():
            known.setdefault(name, set()).update(about.get("options") or {})
    for (section, key), (former_section, former_key, _) in conf.deprecated_options.items():
        if key in known.get(section, ()):
            known.setdefault(former_section, set()).add(former_key)
    return known


def _written(section: str) -> str:
    """Return a section as it stands in the name of a variable."""
    return section.replace(".", "_").upper()
