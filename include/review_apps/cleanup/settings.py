"""The settings of a clean-up, taken from a template of the inventory."""

from __future__ import annotations

from include.inventory import Target
from include.inventory.review_apps import Sleep
from include.review_apps.cleanup.model import Settings, WorkingHours

USUAL_TAGS = {"review-app": "{number}"}


def settings_of(target: Target) -> Settings:
    """Return the settings for the template of a review app. Raises: InventoryError if the target is none."""
    rules = target.review_app
    template = target.system.templates[str(target.template)]
    section = template.environment
    return Settings(
        account=target.environment.account,
        pattern=template.pattern,
        workspace=str(section["terraform"].get("workspace", "default")),
        cluster=str(section["cluster"]),
        database=str(section["review_app"]["database"]["name"]),
        image=rules.image_tag,
        tags=dict(section["review_app"].get("tags") or USUAL_TAGS),
        label=rules.label if rules.opt_in == "label" else None,
        keep=frozenset({rules.keep_label}),
        lives=rules.time_to_live,
        warnings=rules.warn_before,
        sleeps_after=rules.sleep.after if rules.sleep else None,
        hours=_hours(rules.sleep),
        at_once=rules.teardowns_at_once,
    )


def _hours(sleep: Sleep | None) -> WorkingHours | None:
    if sleep is None or sleep.working_hours is None:
        return None
    start, end = sleep.working_hours
    return WorkingHours(frozenset(sleep.working_days), start, end, sleep.timezone)
