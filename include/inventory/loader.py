"""Read a folder of inventory files, and report precisely what is wrong with an invalid file."""

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from include.errors import InventoryError
from include.inventory.fields import SHOWN
from include.inventory.releases import Release
from include.inventory.system import System
from include.inventory.target import Target
from include.inventory.templates import NUMBER

# pydantic's names of errors whose message does not say the value
BOUNDS = {
    *(
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "finite_number",
        "int_type",
        "bool_type",
        "string_type",
    ),
    *("string_too_short", "string_too_long", "too_short", "too_long"),
}
KEY = re.compile(r"[a-z_]+(\[[0-9]+\]|\.[a-z_]+)*")  # services[0].scaling_group.max
SHIPPED = Path(__file__).parent / "systems"
FOLDER_VARIABLE = "RUNBOOK_INVENTORY"
# the C loader is ten times as fast, and every task process reads the inventory
SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _made_of(template: str, system: System, environment_name: str) -> Target:
    try:
        environment = system.templates[template].fill(environment_name)
    except ValueError as error:
        raise InventoryError(
            f"{system.system}/{environment_name} cannot be made of templates.{template}: {error}."
        ) from error
    environments = {**system.environments, environment_name: environment}
    return Target(system.model_copy(update={"environments": environments}), environment_name, template)


class Inventory:
    """All systems of one folder."""

    def __init__(self, systems: Mapping[str, System]):
        self.systems = dict(systems)

    @cached_property
    def targets(self) -> dict[str, Target]:
        """Every target by its name, in the order of the files."""
        found = [Target(system, name) for system in self.systems.values() for name in system.environments]
        return {target.name: target for target in found}

    def target(self, name: str) -> Target:
        """Return one target, by its name or by a template that its name fits. Raises: InventoryError, which names the existing targets."""
        if name in self.targets:
            return self.targets[name]
        system_name, _, environment_name = name.partition("/")
        system = self.systems.get(system_name)
        if system:
            for template_name, template in system.templates.items():
                if template.fits(environment_name):
                    return _made_of(template_name, system, environment_name)
        known = ", ".join([*self.targets, *self.patterns])
        raise InventoryError(f"{name!r} is no target of the inventory; choose one of {known}.")

    @property
    def patterns(self) -> list[str]:
        """Patterns of target names that the inventory does not list one by one, such as core/review-<number>."""
        found = ((name, each) for name, system in self.systems.items() for each in system.templates.values())
        return [f"{name}/{template.pattern}" for name, template in found]

    def samples(self, count: int) -> list[Target]:
        """Return sample targets of each template, to check what all targets of a template have in common."""
        return [
            _made_of(name, system, template.pattern.replace(NUMBER, str(number)))
            for system in self.systems.values()
            for name, template in system.templates.items()
            for number in range(1, count + 1)
        ]

    @property
    def with_samples(self) -> list[Target]:
        """Every target of the files, and one of each template, which stands for all of its targets."""
        return [*self.targets.values(), *self.samples(1)]

    def restartable(self) -> list[str]:
        """The names of the targets that have a restart section."""
        return [name for name, target in self.targets.items() if target.environment.restart]

    def updatable(self) -> list[str]:
        """The names of the targets whose region data can be updated."""
        return [name for name, target in self.targets.items() if target.environment.region_data]

    def releasable(self) -> list[str]:
        """The names of the targets that get images which another target has proved, such as production."""
        ways = {("runbook", "rolled out"), ("pipeline", "pushed to")}
        return [
            name for name, release, how in self._released() if release.proved_on and (release.deployed_by, how) in ways
        ]

    def staging(self) -> list[str]:
        """The names of the targets that get images as CI builds them."""
        return [name for name, release, how in self._released() if not release.proved_on and how]

    def returnable(self) -> list[str]:
        """The names of the targets whose services a person may roll back to an earlier release."""
        return [name for name, _, how in self._released() if how]

    def _released(self) -> Iterator[tuple[str, Release, Literal["rolled out", "pushed to", ""]]]:
        """Yield the targets with a release section and how their services get an image, "" where no runbook supports it yet."""
        for name, target in self.targets.items():
            if release := target.environment.release:
                services = [target.environment.service(service_name) for service_name in release.services]
                if all(service.deployment_controller == "ECS" for service in services):
                    yield name, release, "rolled out"  # by ECS
                elif all(service.code_deploy and service.code_deploy.started_by == "push" for service in services):
                    yield name, release, "pushed to"  # CodeDeploy does the rest
                else:
                    yield name, release, ""

    def publishing(self) -> list[str]:
        """The names of the targets whose images are built for them."""
        return [name for name, target in self.targets.items() if target.environment.builder]

    def terraformed(self) -> list[str]:
        """The names of the targets whose infrastructure is in Terraform."""
        return [name for name, target in self.targets.items() if target.environment.terraform]

    def recreatable(self) -> list[str]:
        """The names of the targets whose infrastructure may be destroyed and built again."""
        sections = {name: target.environment.terraform for name, target in self.targets.items()}
        return [name for name, terraform in sections.items() if terraform and terraform.recreation]

    def drift_checked(self) -> list[str]:
        """The names of the targets whose infrastructure is compared with its code each day."""
        sections = {name: target.environment.terraform for name, target in self.targets.items()}
        return [name for name, terraform in sections.items() if terraform and terraform.drift_check]

    def promotable(self) -> list[str]:
        """The names of the targets to which commits are promoted, each in an account of its own."""
        return [name for name, target in self.targets.items() if target.environment.promotion]

    def reviewed(self) -> list[str]:
        """The patterns of targets that are review apps, such as core/review-<number>."""
        return [
            f"{name}/{template.pattern}"
            for name, system in self.systems.items()
            for template in system.templates.values()
            if template.sample().review_app
        ]

    def review_app(self, pattern: str, number: int) -> Target:
        """Return the review app of a pull request. `pattern` is one of `reviewed`."""
        return self.target(pattern.replace(NUMBER, str(number)))

    def migratable(self) -> list[str]:
        """The names of the targets that have a one_off section and services whose network its tasks can use."""
        return [
            name for name, target in self.targets.items() if target.environment.one_off and target.environment.services
        ]


def inventory_folder() -> Path:
    """Return the folder that `load` reads: $RUNBOOK_INVENTORY, else the shipped one."""
    return Path(os.environ.get(FOLDER_VARIABLE) or SHIPPED).resolve()


def load(folder: Path | str | None = None) -> Inventory:
    """Read the inventory of `folder`, else of $RUNBOOK_INVENTORY, else the shipped one. Raises: InventoryError."""
    where = Path(folder) if folder else inventory_folder()
    if not where.is_dir():
        raise InventoryError(
            f"{where} is not a folder; {FOLDER_VARIABLE} must name the folder that holds the inventory files."
        )
    files = sorted([*where.glob("*.yaml"), *where.glob("*.yml")])
    if not files:
        raise InventoryError(f"{where} holds no inventory file; write one <system>.yaml per system there.")
    systems: dict[str, System] = {}
    for file in files:
        if file.stem in systems:
            raise InventoryError(f"{file.name}: there is a {file.stem}.yaml as well; keep one of the two.")
        systems[file.stem] = _read(file)
    inventory = Inventory(systems)
    _refuse_shared_connections(inventory)
    _refuse_shared_services(inventory)
    _refuse_shared_target_groups(inventory)
    _refuse_review_apps_beside_others(inventory)
    return inventory


def _refuse_shared_connections(inventory: Inventory) -> None:
    # a-b/c and a/b-c are two targets with the same connection id: one of them would work on the other's account
    seen: dict[str, str] = {}
    for target in inventory.with_samples:
        if target.aws_conn_id in seen:
            raise InventoryError(
                f"{target.name} and {seen[target.aws_conn_id]} would share the connection {target.aws_conn_id}; "
                "rename one of the two."
            )
        seen[target.aws_conn_id] = target.name


def _refuse_shared_services(inventory: Inventory) -> None:
    # a lease separates runs on one target: two runs could work on a service of two targets at once
    seen: dict[tuple[str, ...], str] = {}
    for target in [*inventory.targets.values(), *inventory.samples(2)]:
        place = target.environment
        for service in place.services:
            key = (place.account, place.region, str(place.cluster), service.name)
            if key in seen:
                raise InventoryError(
                    f"{target.name} and {seen[key]} both have service {service.name} of cluster {place.cluster} in account "
                    f"{place.account}, {place.region}; a service belongs to one target, correct the copy."
                )
            seen[key] = target.name


def _refuse_review_apps_beside_others(inventory: Inventory) -> None:
    # they run whatever a branch holds, and everything of theirs is destroyed again
    kept = {"production", "staging"}
    others = {each.environment.account: each for each in inventory.targets.values() if each.environment.purpose in kept}
    for target in inventory.samples(1):
        other = others.get(target.environment.account)
        if target.environment.review_app and other:
            raise InventoryError(
                f"{target.system.system}.yaml: templates.{target.template}.environment.account: {target.environment.account} has "
                f"{other.name}, too, which is for {other.environment.purpose}; review apps need an account without such targets."
            )


def _refuse_shared_target_groups(inventory: Inventory) -> None:
    # a task of one service would count as a healthy one of the other
    seen: dict[tuple[str, str, str], str] = {}
    for target in [*inventory.targets.values(), *inventory.samples(2)]:
        place = target.environment
        for service in place.services:
            names = [service.load_balancing.target_group] if service.load_balancing else []
            names += [service.code_deploy.green_target_group] if service.code_deploy else []
            other_group = service.deployment_strategy and service.deployment_strategy.alternate_target_group
            names += [other_group] if other_group else []
            for name in names:
                user = f"service {service.name} of {target.name}"
                if (other := seen.setdefault((place.account, place.region, name), user)) != user:
                    raise InventoryError(
                        f"{target.system.system}.yaml: {user} and {other} both have target group {name}; a target group belongs to "
                        "one service, correct the copy."
                    )


class _UniqueKeys(SAFE_LOADER):  # type: ignore[misc] # which of the two is only known here
    """YAML's safe loader, but one that refuses duplicate keys: the first value would silently be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _read(file: Path) -> System:
    try:
        return _understand(file, file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InventoryError(f"{file.name}: not readable as UTF-8 ({error.reason}); save it as UTF-8.") from error


@lru_cache(maxsize=1000)  # cached by content, so never out of date: a step reads the inventory a dozen times
def _understand(file: Path, text: str) -> System:
    try:
        content = yaml.load(text, _UniqueKeys)  # noqa: S506 - it is a SafeLoader
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # a date that is none, a number of 5,000 digits, 1,000 brackets
        raise InventoryError(f"{file.name}: not readable as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise InventoryError(f"{file.name}: expected keys and values at the top, such as 'system: {file.stem}'.")
    try:
        system = System.model_validate(content)
    except ValidationError as error:
        raise InventoryError(f"{file.name}: {'; '.join(_problems(error))}.") from error
    if system.system != file.stem:
        raise InventoryError(
            f"{file.name}: system: expected {file.stem!r}, the file's own name, not {system.system!r}."
        )
    return system


def _problems(error: ValidationError) -> Iterator[str]:
    found = error.errors()
    for item in found:
        # pydantic counts the right entries of a list only
        is_echo = item["type"] == "too_short" and any(
            each["loc"][: len(item["loc"])] == item["loc"] for each in found if each is not item
        )
        if not is_echo:
            yield _problem(item)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _problem(item: Any) -> str:
    path = ""
    for part in item["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "missing":
        return f"{path}: required"
    if item["type"] == "extra_forbidden":
        return f"{path}: unknown key; remove it or correct its spelling"
    if item["type"] == "string_pattern_mismatch":
        return f"{path}: {_short(item['input'])} does not fit {item['ctx']['pattern']}"
    if item["type"] in BOUNDS:
        return f"{path}: {message}, not {_short(item['input'])}"
    # a validator of a whole section names the key itself, so join the two paths
    if item["type"] == "value_error" and KEY.fullmatch(message.partition(": ")[0]):
        return f"{path}.{message}" if path else message
    return f"{path}: {message}"
