"""One product, as one inventory file describes it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from include.inventory.fields import GitHubName, Model, Name, RepositoryName, Slug, Text
from include.inventory.models import Environment
from include.inventory.releases import Versions
from include.inventory.templates import Template


class Sentry(Model):
    """The Sentry project of a system. Its environments have the same names there as in the inventory, unless listed."""

    organization: Slug
    project: Slug
    # the inventory's name of an environment -> its name in Sentry; Sentry's names may hold neither a slash nor white space
    environments: dict[Name, Annotated[str, Field(pattern=r"^[^\s/]{1,64}$")]] = Field(default_factory=dict)

    def environment_of(self, name: str) -> str:
        """Return what Sentry calls an environment."""
        return self.environments.get(name, name)


class System(Model):
    """One product, as one inventory file describes it."""

    system: Name
    title: Text
    github: GitHubName | None = None
    slack_workspace: Slug | None = None
    jira_project: str | None = Field(default=None, max_length=100, pattern=r"^[A-Z][A-Z0-9]+$")
    # the name of the transition by which a released ticket becomes Done, where several lead there
    jira_transition: str | None = Field(default=None, min_length=1, max_length=255)
    sentry: Sentry | None = None
    image_repository: RepositoryName | None = None
    environments: dict[Name, Environment] = Field(min_length=1)
    templates: dict[Name, Template] = Field(default_factory=dict)  # of environments that come and go
    versions: Versions = Versions()

    @model_validator(mode="after")
    def _proofs_come_from_elsewhere(self) -> Self:
        sampled = {name: template.sample() for name, template in self.templates.items()}
        for name, environment in {**self.environments, **sampled}.items():
            proved_on = environment.release.proved_on if environment.release else None
            other = self.environments.get(proved_on) if proved_on else None
            if proved_on and (proved_on == name or other is None or other.release is None):
                raise ValueError(
                    f"environments.{name}.release.proved_on: {proved_on!r} is no other environment with a release section"
                )
            looked_at = environment.region_data.proved_on if environment.region_data else None
            other = self.environments.get(looked_at) if looked_at else None
            if looked_at and (looked_at == name or other is None or other.region_data is None):
                raise ValueError(
                    f"environments.{name}.region_data.proved_on: {looked_at!r} is no other environment with a region_data section"
                )
        return self

    @model_validator(mode="after")
    def _promotions_come_from_elsewhere(self) -> Self:
        for name, environment in self.environments.items():
            first = before = environment.promotion.after if environment.promotion else None
            seen = {name}
            while before:
                other = self.environments.get(before)
                if before in seen or other is None or other.promotion is None:
                    raise ValueError(
                        f"environments.{name}.promotion.after: {first!r} is no environment with a promotion section that comes before it"
                    )
                seen.add(before)
                before = other.promotion.after
        return self

    @model_validator(mode="after")
    def _transition_is_of_a_project(self) -> Self:
        if self.jira_transition and not self.jira_project:
            raise ValueError("jira_transition: needs jira_project, whose tickets it moves")
        return self

    @model_validator(mode="after")
    def _sentry_knows_environments_of_this_system(self) -> Self:
        for name in self.sentry.environments if self.sentry else ():
            if name not in self.environments:
                known = ", ".join(self.environments)
                raise ValueError(f"sentry.environments: {name!r} is no environment of this system (known: {known})")
        return self

    @model_validator(mode="after")
    def _names_are_unambiguous(self) -> Self:
        patterns: dict[str, str] = {}
        for name, template in self.templates.items():
            if name in self.environments:
                raise ValueError(f"templates.{name}: there is an environment {name!r}, too; rename one of the two")
            if template.pattern in patterns:
                raise ValueError(f"templates.{name}.pattern: {patterns[template.pattern]!r} has the same one")
            patterns[template.pattern] = name
            if taken := [environment for environment in self.environments if template.fits(environment)]:
                raise ValueError(
                    f"templates.{name}.pattern: the environment {taken[0]!r} fits it; rename one of the two"
                )
        return self
