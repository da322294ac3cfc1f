"""What a review app is called in GitHub, AWS, Terraform and PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

from include.errors import PreconditionError
from include.inventory import Target
from include.inventory.review_apps import ReviewApp


@dataclass(frozen=True)
class Identity:
    """The names of one review app. `prefix` begins the names of its resources, as core-review-1234 does."""

    target: Target
    number: int
    section: ReviewApp

    @property
    def prefix(self) -> str:
        return f"{self.target.system.system}-{self.target.environment_name}"

    @property
    def workspace(self) -> str:
        """The workspace of Terraform."""
        return str(self.number)

    @property
    def database(self) -> str:
        return self.section.database.name

    @property
    def cluster(self) -> str:
        return str(self.target.environment.cluster)

    @property
    def url(self) -> str:
        return self.section.url

    @property
    def families(self) -> tuple[str, ...]:
        """The families of its task definitions."""
        environment = self.target.environment
        one_off = (environment.one_off.family,) if environment.one_off else ()
        return tuple(dict.fromkeys([*(service.family for service in environment.services), *one_off]))

    @property
    def log_groups(self) -> tuple[str, ...]:
        environment = self.target.environment
        one_off = (environment.one_off.log_group,) if environment.one_off else ()
        return tuple(dict.fromkeys([*(service.log_group for service in environment.services), *one_off]))


def identify(target: Target) -> Identity:
    """Return the names of a target that is a review app. Raises: InventoryError, PreconditionError for one of another number."""
    section, number = target.review_app, target.number
    assert number is not None  # of every review app
    terraform = target.environment.terraform
    if terraform is None or terraform.workspace != str(number):
        found = terraform.workspace if terraform else "none"
        raise PreconditionError(
            f"{target.name} is pull request {number}, and its Terraform workspace is {found}; correct the template in the inventory, "
            "nothing was changed."
        )
    return Identity(target, number, section)
