"""No value of an inventory file has room without bounds, and none ends in a traceback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from include.errors import InventoryError
from include.inventory import System, load
from include.inventory.fields import REGIONS
from include.inventory.loader import SHIPPED
from tests.unit.inventory.conftest import LIBRARY

ODD = [
    None,
    "",
    " ",
    "x\n",
    "x" * 3_000,
    -1,
    0,
    10**20,
    True,
    float("inf"),
    float("nan"),
    [],
    {},
    [None],
    {"a": 1},
    "9" * 20 + "d",
]


def parts(schema: dict[str, Any], name: str, defs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema inside a schema, with its path."""
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[-1]]
    yield name, schema
    for key, value in schema.get("properties", {}).items():
        yield from parts(value, f"{name}.{key}", defs)
    for value in schema.get("anyOf", ()):
        yield from parts(value, name, defs)
    inside = [schema.get("items"), schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    for value in inside:
        if isinstance(value, dict):
            yield from parts(value, f"{name}[]", defs)


def lacking(schema: dict[str, Any]) -> set[str]:
    match schema.get("type"):
        case "integer" | "number" if "enum" not in schema:
            return {"least"} - ({"least"} if {"minimum", "exclusiveMinimum"} & schema.keys() else set()) | (
                set() if "maximum" in schema else {"most"}
            )
        case "string" if "format" not in schema and "enum" not in schema and "const" not in schema:
            return set() if "pattern" in schema or "maxLength" in schema else {"length"}
        case "array" if "prefixItems" not in schema:
            return set() if schema.get("items", {}).get("enum") or "maxItems" in schema else {"entries"}
    return set()


def test_every_number_text_and_list_has_its_bounds():
    schema = System.model_json_schema()
    found = {name: lacking(part) for name, part in parts(schema, "", schema["$defs"])}
    assert len(found) > 100
    loose = {"templates[].environment"}  # made into an environment, and judged as one
    assert {name: missing for name, missing in found.items() if missing and name not in loose} == {}


def test_regions_are_those_of_aws():
    assert sorted(REGIONS) == sorted(botocore.session.Session().get_available_regions("ecs"))


def paths(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a file."""
    if path:
        yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield from paths(value, (*path, key))


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_odd_value_in_any_place_is_taken_or_named_with_file_and_path(odd: Any, tmp_path: Path):
    file = tmp_path / "library.yaml"
    refused: dict[tuple[Any, ...], str] = {}
    for path in paths(LIBRARY):
        content = yaml.safe_load(yaml.safe_dump(LIBRARY))
        place = content
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = odd
        file.write_text(yaml.safe_dump(content))
        try:
            load(tmp_path)
        except InventoryError as error:
            refused[path] = str(error)
    assert len(refused) > 20
    for path, message in refused.items():
        assert message.startswith("library.yaml: ")
        assert len(message) < 3_000
        assert any(str(part) in message for part in path if isinstance(part, str))


@pytest.mark.parametrize(
    "text",
    [
        "system: " + "9" * 5_000,
        "system: 2026-13-45",
        "[" * 3_000,
        "a: &a [*a]",
        "? [a]\n: b",
        "\t",
        "a: !!python/object:os.x {}",
    ],
    ids=lambda text: text[:12],
)
def test_file_that_yaml_cannot_read_is_named(text: str, tmp_path: Path):
    (tmp_path / "library.yaml").write_text(text)
    with pytest.raises(InventoryError, match=r"^library\.yaml: "):
        load(tmp_path)


def test_target_group_of_two_services_is_refused(tmp_path: Path):
    content = yaml.safe_load(yaml.safe_dump(LIBRARY))
    other = yaml.safe_load(yaml.safe_dump(LIBRARY["environments"]["staging"]))
    other["cluster"] = "library-production"
    content["environments"]["production"] = other
    (tmp_path / "library.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(InventoryError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        "library.yaml: service catalogue of library/production and service catalogue of library/staging both have target group "
        "library-staging; a target group belongs to one service, correct the copy."
    )


def test_shipped_inventory_stays_within_the_bounds():
    assert len(load(SHIPPED).targets) >= 10
