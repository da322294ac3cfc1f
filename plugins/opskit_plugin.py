"""What Airflow loads by itself of opskit: the refusal of wrong input at its API."""

import logging
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from opskit.airflow_patches.refusing_triggers import RefusingTriggers
from opskit.airflow_patches.switches import VARIABLE, is_on

log = logging.getLogger(__name__)


def middlewares() -> list[dict[str, Any]]:
    """Return what stands in front of Airflow's API."""
    if not is_on("refusing_triggers"):
        log.warning("Wrong input is refused by the plan task, not by the API: %s leaves it to that.", VARIABLE)
        return []
    return [{"name": "refuse wrong input", "middleware": RefusingTriggers, "args": [], "kwargs": {}}]


class OpskitPlugin(AirflowPlugin):
    name = "opskit"
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = middlewares()
