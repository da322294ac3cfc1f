"""Where the review apps of a template are, whose clusters come and go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.inventory import Inventory
from include.inventory.target import Target
from include.inventory.templates import DIGITS
from sandbox.app_databases import apps_of, role_of

LARGEST = 999_999_999


@dataclass(frozen=True)
class AppSite:
    """`cluster` is a regular expression with the number as its group, `target` has `{number}` for it."""

    account: str
    region: str
    cluster: str
    target: str
    server: str
    role: str
    table: str

    def number(self, cluster: str) -> int | None:
        match = re.fullmatch(self.cluster, cluster)
        return int(match[1]) if match else None


def sites_of(inventory: Inventory) -> list[AppSite]:
    """Return the sites of all templates of review apps."""
    return [_site(inventory, target) for target in apps_of(inventory)]


def _site(inventory: Inventory, sample: Target) -> AppSite:
    place, section = sample.environment, sample.review_app
    large = inventory.target(sample.pattern.replace("<number>", str(LARGEST)))
    cluster = re.escape(str(large.environment.cluster)).replace(str(LARGEST), f"({DIGITS})", 1)
    target = sample.pattern.replace("<number>", "{number}")
    database = section.database
    return AppSite(place.account, place.region, cluster, target, database.server, role_of(sample), database.seeded)
