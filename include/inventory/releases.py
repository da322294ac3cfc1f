"""The inventory's schema of releases: order, proof, bake, gates, and version numbers."""

from collections.abc import Container, Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.fields import Command, Duration, EcsName, Model, Name, Pause, Text, Whole

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"]


class Versions(Model):
    """How a repository's releases are numbered, and what a commit must fulfil to become one."""

    prefix: Literal["v", ""] = "v"
    branch: Text = "main"
    # files of the workflows that deploy: a release waits for their runs, or for all that no pull request started if none is named
    pipelines: tuple[Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_.-]+\.ya?ml$")], ...] = Field(
        default=(), max_length=100
    )
    # checks that must exist and be green; every other existing check must be green as well
    checks: tuple[Text, ...] = Field(default=(), max_length=100)


class Threshold(Model):
    """The limits that ApacheBench's measurements of one page must meet."""

    path: str = Field(max_length=2_048, pattern=r"^/\S*$")
    milliseconds: float = Field(gt=0, le=3_600_000)  # the maximum per request, across all concurrent ones
    per_second: float = Field(gt=0, le=1_000_000)  # the minimum number of requests
    requests: Whole = Field(default=50, ge=1, le=1_000_000)


class PerformanceTest(Model):
    """A one-off command that measures response times, and the limits they must meet."""

    command: Command
    thresholds: tuple[Threshold, ...] = Field(min_length=1, max_length=100)


class ScanPolicy(Model):
    """The findings of an image's scan that block its deployment."""

    refuse: tuple[Severity, ...] = ("CRITICAL",)
    accepted: tuple[Text, ...] = Field(
        default=(), max_length=1_000
    )  # findings by name (a CVE) that a person has accepted


class Bake(Model):
    """How long a release is watched, and what causes a rollback."""

    duration: Duration
    blind_grace: Pause = timedelta(minutes=10)  # how long to wait for an alarm's data, beyond the bake
    quiet: tuple[Text, ...] = Field(
        default=(), max_length=100
    )  # alarms that may have no data: they do not affect a release
    slow: tuple[Text, ...] = Field(default=(), max_length=100)  # alarms that take longer to fire than the bake lasts
    sentry_levels: tuple[Literal["fatal", "error", "warning", "info", "debug"], ...] = ("fatal", "error")
    sentry_new_allowed: Whole = Field(default=0, ge=0, le=1_000_000)
    sentry_spike: Whole = Field(default=100, ge=1, le=1_000_000_000)  # more events than this of a known error
    errors_pattern: str = Field(
        default="ERROR", min_length=1, max_length=1_024
    )  # a CloudWatch Logs filter pattern of error lines
    errors_factor: float = Field(default=3, ge=1, le=1_000_000)  # a multiple of the usual rate
    errors_least: Whole = Field(default=20, ge=0, le=1_000_000_000)  # fewer lines than these never count


class Release(Model):
    """How an environment gets a new image."""

    services: tuple[EcsName, ...] = Field(min_length=1, max_length=100)  # in this order
    timeout: Duration  # for all new tasks of one service to be healthy
    # the environment that must have proved the image; none for an environment that proves images
    proved_on: Name | None = None
    migrate: Literal["migrate", "prepare"] | None = None  # the one-off command before the services
    deployed_by: Literal["runbook", "pipeline"] = "runbook"
    workflow: Text | None = None  # the workflow that publishing a release starts, to be followed
    scan: ScanPolicy = ScanPolicy()
    bake: Bake | None = None
    performance: PerformanceTest | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if len(set(self.services)) != len(self.services):
            raise ValueError("services: the same service is listed twice")
        if (self.deployed_by == "pipeline") != (self.workflow is not None):
            raise ValueError("workflow: required where a pipeline deploys, and only there")
        if self.proved_on and self.bake is None:
            raise ValueError("bake: required where an image proved elsewhere is released")
        if self.proved_on and self.performance:
            raise ValueError("performance: measured where images are proved, not here; remove it")
        return self

    def refuse_unknown(
        self, services: Mapping[str, timedelta], alarms: Container[str], commands: Container[str]
    ) -> None:
        """Refuse names that the environment does not have. `services` are its boot times by name. Raises: ValueError."""
        for name in self.services:
            if name not in services:
                known = ", ".join(services) or "none"
                raise ValueError(f"release.services: {name!r} is no service of this environment (known: {known})")
            if self.timeout <= services[name]:
                raise ValueError(
                    f"release.timeout: {self.timeout.total_seconds() / 60:g}m is not longer than the "
                    f"{services[name].total_seconds() / 60:g}m that {name!r} takes to boot, so every release would stop half way"
                )
        if self.migrate and self.migrate not in commands:
            raise ValueError(f"release.migrate: one_off has no command {self.migrate!r}; add it there")
        if self.performance and not commands:
            raise ValueError("release.performance: needs a one_off section, whose task definition it runs in")
        for name in (*self.bake.quiet, *self.bake.slow) if self.bake else ():
            if name not in alarms:
                raise ValueError(f"release.bake: {name!r} is no alarm of this environment; list it in alarms as well")
