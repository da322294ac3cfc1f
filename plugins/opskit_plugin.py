"""What Airflow loads by itself of opskit: the refusal of wrong input at its API."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from opskit.refusing_triggers import RefusingTriggers


class OpskitPlugin(AirflowPlugin):
    name = "opskit"
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = [
        {"name": "refuse wrong input", "middleware": RefusingTriggers, "args": [], "kwargs": {}}
    ]
