"""Environments that come and go, such as review apps: their common description, and the names they may have."""

import re
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from include.inventory.fields import Model
from include.inventory.models import Environment

NUMBER = "<number>"
DIGITS = "[1-9][0-9]{0,8}"


class Template(Model):
    """The section of an environment, with `{name}` for its name and `{number}` for the number in it."""

    pattern: str = Field(pattern=rf"^[a-z][a-z0-9]*(-[a-z0-9]+)*-{NUMBER}$")  # of names: review-<number>
    environment: dict[str, Any]

    @field_validator("environment")
    @classmethod
    def _places_are_fixed(cls, value: dict[str, Any]) -> dict[str, Any]:
        for key in ("account", "region", "slack_channel"):
            if "{" in str(value.get(key)):
                raise ValueError(f"{key}: must not depend on the name")
        return value

    @model_validator(mode="after")
    def _makes_environments(self) -> Self:
        for number in (1, 999_999_999):
            try:
                self.fill(self.pattern.replace(NUMBER, str(number)))
            except ValidationError as error:
                first = error.errors()[0]
                path = ".".join(str(part) for part in ("environment", *first["loc"]))
                raise ValueError(f"{path}: {first['msg'].removeprefix('Value error, ')}") from error
        return self

    def fits(self, name: str) -> bool:
        """Tell whether a name is one of this template's environments."""
        return self._number(name) is not None

    def fill(self, name: str) -> Environment:
        """Return the environment of a name that fits. Raises: ValueError if it belongs to another account."""
        number = self._number(name)
        if number is None:
            raise ValueError(f"{name!r} does not fit {self.pattern}")
        filled = Environment.model_validate(_fill(self.environment, {"{name}": name, "{number}": number}))
        if filled.account != self.environment["account"]:
            raise ValueError(f"{name!r} would be in account {filled.account}, not in {self.environment['account']}")
        return filled

    def number_of(self, name: str) -> int | None:
        """Return the number in a name, or None if the name does not fit."""
        found = self._number(name)
        return int(found) if found else None

    def name_of(self, number: int) -> str:
        """Return the name of the environment with a number."""
        return self.pattern.replace(NUMBER, str(number))

    def sample(self, number: int = 1) -> Environment:
        """Return one sample environment, to check what all environments of the template have in common."""
        return self.fill(self.pattern.replace(NUMBER, str(number)))

    def _number(self, name: str) -> str | None:
        match = re.fullmatch(re.escape(self.pattern.removesuffix(NUMBER)) + f"({DIGITS})", name)
        return match[1] if match else None


def _fill(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in value]
    if isinstance(value, str):
        for placeholder, name in names.items():
            value = value.replace(placeholder, name)
    return value
