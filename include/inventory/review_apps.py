"""The review_app section of a template: when a pull request gets its environment, how it is proved, and when it loses it."""

import re
from collections.abc import Container, Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.approving import Purpose
from include.inventory.fields import Duration, Flag, InstanceName, Model, TimeOfDay, Timezone, Whole
from include.inventory.infrastructure import Terraform

FORK_LABEL = "deploy:"  # and all 40 characters of a commit; GitHub's labels have at most 50
Label = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^,\r\n]+$")]
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}$")]


class Sleep(Model):
    """When an app that nobody uses has its services scaled to 0."""

    after: Duration  # without a push, a comment or a command
    working_hours: tuple[TimeOfDay, TimeOfDay] | None = None  # in which every app is awake
    working_days: tuple[Weekday, ...] = Field(default=("Mon", "Tue", "Wed", "Thu", "Fri"), min_length=1, max_length=7)
    timezone: Timezone = "UTC"


class AppDatabase(Model):
    """The app's own database on a server that all apps share."""

    server: InstanceName  # the RDS instance
    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$")
    connection: str = Field(
        max_length=250, pattern=r"^[A-Za-z0-9_#!().:/\\-]+$"
    )  # of Airflow: may create and drop databases
    seeded: str = Field(max_length=63, pattern=r"^[a-z_][a-z0-9_]*$")  # a table that has rows once the app was seeded
    may_start: Flag = True  # whether a stopped server is started, or waited for


class Served(Model):
    """How the app shows over HTTP that it serves, and which commit."""

    path: str = Field(default="/health", max_length=2_048, pattern=r"^/\S*$")  # below the app's URL
    codes: tuple[Annotated[Whole, Field(ge=200, le=399)], ...] = Field(default=(200, 204), min_length=1, max_length=10)
    commit_header: str = Field(default="X-Commit", max_length=100, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    within: Duration = timedelta(minutes=10)


class ReviewApp(Model):
    """One environment for each pull request of the system's repository."""

    opt_in: Literal["label", "every"] = "label"  # only pull requests with the label, or every one
    label: Label = "review-app"
    keep_label: Label = "keep-review-app"  # such an app does not expire
    url: str = Field(max_length=2_048, pattern=r"^https?://[^\s?#]+$")
    served: Served = Served()
    database: AppDatabase
    image_tag: Tag = "review-"  # what its images' tags begin with
    living: Whole = Field(default=20, ge=1, le=10_000)  # at once; further ones wait in a queue
    time_to_live: Duration = timedelta(days=30)  # since the last push, comment or command
    warn_before: tuple[Duration, ...] = Field(default=(timedelta(days=1), timedelta(hours=1)), max_length=5)
    longest_extension: Duration = timedelta(days=14)
    sleep: Sleep | None = None
    teardowns_at_once: Whole = Field(default=5, ge=1, le=100)  # that clean-ups have in progress, deployments counted
    clean_up_every: Duration | None = None  # ten minutes to an hour; None: only by hand
    # of its cluster, by which the clean-up knows it as an app's; default: review-app with its number
    tags: dict[str, Annotated[str, Field(max_length=256)]] | None = Field(default=None, min_length=1, max_length=10)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.keep_label == self.label:
            raise ValueError(f"keep_label: {self.label!r} is the label that asks for an app; choose another one")
        if late := [each for each in self.warn_before if each >= self.time_to_live]:
            raise ValueError(f"warn_before: {late[0]} is not shorter than time_to_live, {self.time_to_live}")
        if self.clean_up_every and not timedelta(minutes=10) <= self.clean_up_every <= timedelta(hours=1):
            raise ValueError(f"clean_up_every: {self.clean_up_every} is not between 10m and 1h")
        if self.sleep and self.sleep.after >= self.time_to_live:
            raise ValueError("sleep.after: an app that lives no longer than that never sleeps; shorten it")
        return self

    def refuse_unfit(
        self, purpose: Purpose, terraform: Terraform | None, services: Mapping[str, bool], commands: Container[str]
    ) -> None:
        """Refuse an environment that cannot be a review app's. `services` are those that ECS itself runs on FARGATE, or not.

        Raises: ValueError.
        """
        if purpose != "review":
            raise ValueError(f"purpose: an environment with review_app is for review, not for {purpose}")
        if terraform is None or not re.fullmatch("[1-9][0-9]{0,8}", terraform.workspace):
            raise ValueError('terraform.workspace: a review app has the one of its number, "{number}"')
        if not services:
            raise ValueError("services: a review app has at least one service")
        for name, fits in services.items():
            if not fits:
                raise ValueError(f"services: {name} of a review app is on FARGATE, and deployed by ECS itself")
        for name in ("prepare", "migrate"):
            if name not in commands:
                raise ValueError(f"one_off.commands: a review app needs {name!r}; add it there")
