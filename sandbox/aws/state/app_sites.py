"""Where the review apps of a template are, whose clusters come and go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.inventory import Inventory, Target
from sandbox.app_databases import apps_of, role_of

SAMPLES = 1, 999_999_999  # numbers of two of its apps


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
    first, large = (inventory.review_app(sample.pattern, number) for number in SAMPLES)
    assert first.environment.cluster != large.environment.cluster
    cluster = re.escape(str(large.environment.cluster)).replace(str(SAMPLES[1]), "([1-9][0-9]{0,8})", 1)
    target = sample.pattern.replace("<number>", "{number}")
    database = section.database
    return AppSite(place.account, place.region, cluster, target, database.server, role_of(sample), database.seeded)
