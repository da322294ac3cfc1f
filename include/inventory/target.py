"""A target: one environment of one system, and the names of its Airflow connections."""

import re
from dataclasses import dataclass

from include.errors import InventoryError
from include.inventory.models import Environment, Registry, Restart
from include.inventory.promotion import Promotion
from include.inventory.region_data import RegionData
from include.inventory.releases import Release
from include.inventory.review_apps import ReviewApp
from include.inventory.system import System


@dataclass(frozen=True)
class Target:
    """One environment of one system: what a runbook works on."""

    system: System
    environment_name: str
    template: str | None = None  # the template of its environment, if the inventory does not name the environment

    @property
    def name(self) -> str:
        """`<system>/<environment>`, as shown in forms, leases and messages."""
        return f"{self.system.system}/{self.environment_name}"

    @property
    def environment(self) -> Environment:
        return self.system.environments[self.environment_name]

    @property
    def aws_conn_id(self) -> str:
        """The Airflow connection to this target's account (underscores only: it must fit a variable's name).

        Targets of one template share it.
        """
        return f"aws_{self.system.system}_{self.template or self.environment_name}".replace("-", "_")

    @property
    def shared_name(self) -> str:
        """The name under which what somebody has to find without knowing the target is kept: all targets of a template share it."""
        return f"{self.system.system}/{self.template}" if self.template else self.name

    @property
    def reading_conn_id(self) -> str:
        """The Airflow connection whose role can only read this target's account, for what looks at it on a schedule."""
        return f"{self.aws_conn_id}_read"

    @property
    def slack_conn_id(self) -> str | None:
        """The Airflow connection of the target's Slack workspace, or None if the inventory names no workspace or no channel."""
        if not self.system.slack_workspace or not self.environment.slack_channel:
            return None
        return f"slack_{self.system.slack_workspace}".replace("-", "_")

    @property
    def infrastructure_conn_id(self) -> str | None:
        """The Airflow connection of the organization that owns the target's Terraform code, or None if there is none."""
        terraform = self.environment.terraform
        return github_connection(terraform.repository.split("/")[0]) if terraform else None

    @property
    def github_conn_id(self) -> str | None:
        """The Airflow connection of the organization that owns the target's repository, or None if there is no repository."""
        return self.system.github and github_connection(self.system.github.split("/")[0])

    @property
    def jira_conn_id(self) -> str | None:
        """The Airflow connection to the Jira of the target's project, or None if it has none."""
        return self.system.jira_project and f"jira_{_as_id(self.system.jira_project)}"

    @property
    def sentry_conn_id(self) -> str | None:
        """The Airflow connection of the target's organization in Sentry, or None if it has none."""
        return f"sentry_{_as_id(self.system.sentry.organization)}" if self.system.sentry else None

    @property
    def registry(self) -> Registry:
        """The ECR repository of the target's images. Raises: InventoryError."""
        environment, name = self.environment, self.system.image_repository
        if environment.registry is not None:
            return environment.registry
        if name is None:
            raise InventoryError(
                f"{self.name} has no registry in the inventory; add one, or an image_repository to the system."
            )
        return Registry(account=environment.account, region=environment.region, repository=name)

    @property
    def restart(self) -> Restart:
        """The target's restart section. Raises: InventoryError."""
        if self.environment.restart is None:
            raise InventoryError(f"{self.name} has no restart section in the inventory; add one to offer it here.")
        return self.environment.restart

    @property
    def release(self) -> Release:
        """The target's release section. Raises: InventoryError."""
        if self.environment.release is None:
            raise InventoryError(f"{self.name} has no release section in the inventory; add one to offer it here.")
        return self.environment.release

    @property
    def region_data(self) -> RegionData:
        """The target's region_data section. Raises: InventoryError."""
        if self.environment.region_data is None:
            raise InventoryError(f"{self.name} has no region_data section in the inventory; add one to offer it here.")
        return self.environment.region_data

    @property
    def promotion(self) -> Promotion:
        """The target's promotion section. Raises: InventoryError."""
        if self.environment.promotion is None:
            raise InventoryError(f"{self.name} has no promotion section in the inventory; add one to offer it here.")
        return self.environment.promotion

    @property
    def review_app(self) -> ReviewApp:
        """The target's review_app section. Raises: InventoryError."""
        if self.environment.review_app is None or self.number is None:
            raise InventoryError(f"{self.name} is no review app of the inventory; name one as core/review-1234.")
        return self.environment.review_app

    @property
    def number(self) -> int | None:
        """The number in the name of an environment that comes and goes: its pull request's. None for any other environment."""
        return self.system.templates[self.template].number_of(self.environment_name) if self.template else None

    @property
    def pattern(self) -> str:
        """The pattern of the names of all targets of its template, or the target's own name."""
        if self.template is None:
            return self.name
        return f"{self.system.system}/{self.system.templates[self.template].pattern}"

    @property
    def promoted_before(self) -> "tuple[Target, ...]":
        """The targets that get a commit before this one, the nearest first."""
        found: list[Target] = []
        name = self.promotion.after
        while name:
            found.append(Target(self.system, name))
            name = found[-1].promotion.after
        return tuple(found)

    @property
    def looked_at_on(self) -> "Target | None":
        """The target on which people must check region data before this one gets it, or None if people check it here first."""
        name = self.region_data.proved_on
        return Target(self.system, name) if name else None

    @property
    def proved_on(self) -> "Target | None":
        """The target that has to prove an image before this one gets it, or None if this target proves images itself."""
        name = self.release.proved_on
        return Target(self.system, name) if name else None


def github_connection(owner: str) -> str:
    """Return the Airflow connection of an organization on GitHub."""
    return f"github_{_as_id(owner)}"


def _as_id(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())  # it must fit a variable's name
