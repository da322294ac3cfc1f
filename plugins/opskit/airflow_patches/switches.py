"""Switches of the patches."""

from __future__ import annotations

import logging
import os

VARIABLE = "RUNBOOK_AIRFLOW_PATCHES"  # names separated by commas; without the variable all are on
NAMES = ("early_end", "idle_sleep", "preload", "trigger_validation")  # Airflow's own setting switches the executor

log = logging.getLogger(__name__)


def is_on(name: str) -> bool:
    """Tell whether a patch is switched on. An unknown name is reported and switches nothing on."""
    given = os.environ.get(VARIABLE)
    if given is None:
        return True
    named = {each.strip() for each in given.split(",")} - {""}
    if unknown := sorted(named - {*NAMES}):
        log.warning("%s names %s; known are %s.", VARIABLE, ", ".join(unknown), ", ".join(NAMES))
    return name in named
