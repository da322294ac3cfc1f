"""The links in a run's plan, made of the inventory and of Airflow's connections."""

from __future__ import annotations

from typing import Any

from include.errors import InventoryError
from include.inventory import Target
from include.run.plan.links import Places, find_links
from opskit.connections.external_services import github_page, jira_page
from opskit.notifications.run_links import base_url


def links_of(plan: dict[str, Any], target: Target) -> list[list[str]]:
    """Return the links of a plan that was dumped to JSON values. What the inventory does not know is not linked."""
    return find_links(plan, _places(target))


def _places(target: Target) -> Places:
    known = {"airflow": base_url(), "github": github_page(target)}
    if target.system.jira_project:
        known |= {"jira": jira_page(target), "jira_project": target.system.jira_project}
    try:
        registry = target.registry
    except InventoryError:  # the target has no images
        return Places(**known)
    console = f"https://{registry.region}.console.aws.amazon.com/ecr/repositories/private"
    return Places(
        **known, registry=f"{console}/{registry.account}/{registry.repository}/_/image", region=registry.region
    )
