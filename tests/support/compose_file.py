"""The compose file and the Dockerfile as the test reads them: variables filled in, and the image of each service."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE, DOCKERFILE = ROOT / "docker-compose.yaml", ROOT / "Dockerfile"
# $$, ${NAME}, ${NAME:-default}, ${NAME:?message}
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<kind>:-|:\?)(?P<rest>[^}]*))?\})")


def load() -> dict[str, Any]:
    """Return the compose file with its anchors resolved and its variables as they are written."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def variables(text: str) -> dict[str, str | None]:
    """Return the variables of a text with their defaults, None for one that is required."""
    found: dict[str, str | None] = {}
    for match in VARIABLE.finditer(text):
        if match["name"]:
            assert match["kind"], f"{match['name']} has neither a default nor a message"
            found[match["name"]] = match["rest"] if match["kind"] == ":-" else None
    return found


def filled(value: Any, given: Mapping[str, str]) -> Any:
    """Return a value with its variables replaced, as compose does. Raises: KeyError for one that is required and missing."""

    def replace(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        known = given.get(match["name"], "")
        if known or match["kind"] == ":-":
            return known or match["rest"]
        raise KeyError(f"{match['name']}: {match['rest']}")

    if isinstance(value, dict):
        return {key: filled(each, given) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, given) for each in value]
    return VARIABLE.sub(replace, value) if isinstance(value, str) else value


def read_env(file: Path) -> dict[str, str]:
    """Return the variables of a file of KEY=VALUE lines."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
    return {name.strip(): value.strip() for name, value in (line.split("=", 1) for line in lines)}


@dataclass
class Image:
    """A stage of the Dockerfile, with what it has from the stages below it."""

    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)  # the place in the image: the source, or `stage:source`
    user: str = ""
    workdir: str = "/"
    stages: list[str] = field(default_factory=list)  # this one and those below it


def images() -> dict[str, Image]:
    """Return the stages of the Dockerfile by their names."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    found: dict[str, Image] = {}
    image = Image()
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        words = shlex.split(rest)
        if instruction == "FROM":
            below = found.get(words[0], Image())
            image = Image(
                dict(below.environment),
                below.entrypoint,
                dict(below.copies),
                below.user,
                below.workdir,
                [words[-1], *below.stages],
            )
            found[words[-1]] = image
        elif instruction == "ENV":
            image.environment.update((name, value) for name, _, value in (word.partition("=") for word in words))
        elif instruction == "ENTRYPOINT":
            image.entrypoint = json.loads(rest)
        elif instruction == "USER":
            image.user = rest
        elif instruction == "WORKDIR":
            image.workdir = rest
        elif instruction == "COPY":
            stage = words.pop(0).removeprefix("--from=") + ":" if words[0].startswith("--from=") else ""
            for source in words[:-1]:
                image.copies[words[-1] + (source if words[-1].endswith("/") else "")] = stage + source
    return found


@dataclass(frozen=True)
class Service:
    """One service, ready to be started."""

    name: str
    image: Image | None  # None for one of somebody else's
    command: list[str]
    environment: dict[str, str]
    check: list[str]
    depends_on: dict[str, str]
    replicas: int
    grace: float  # seconds between the signal to end and the kill
    always: bool  # started again whenever it ends
    volumes: dict[str, str]  # the place in the container: a folder of this machine, or the name of a volume
    profiles: list[str]


def services(given: Mapping[str, str]) -> dict[str, Service]:
    """Return the services as compose would start them with these variables."""
    stages, found = images(), {}
    for name, each in filled(load()["services"], given).items():
        image = stages[each["build"]["target"]] if "build" in each else None
        environment = dict(image.environment) if image else {}
        for file in each.get("env_file", []):
            environment |= read_env(ROOT / file)
        environment |= {key: str(value) for key, value in each.get("environment", {}).items()}
        volumes = {}
        for volume in each.get("volumes", []):
            source, place = volume.removesuffix(":ro").split(":")
            volumes[place] = str(ROOT / source) if source.startswith(".") else source
        found[name] = Service(
            name,
            image,
            [*(image.entrypoint if image else []), *each["command"]],
            environment,
            each.get("healthcheck", {}).get("test", [])[1:],
            {other: how["condition"] for other, how in each.get("depends_on", {}).items()},
            each.get("deploy", {}).get("replicas", 1),
            seconds(each.get("stop_grace_period", "10s")),
            each.get("restart") == "unless-stopped",
            volumes,
            each.get("profiles", []),
        )
    return found


def seconds(text: str) -> float:
    """Return a duration such as 15m or 10s in seconds."""
    return float(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]
