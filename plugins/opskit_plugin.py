"""What Airflow loads by itself of opskit: the refusal of wrong input at its API, and the page of a run's approval."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from opskit.refusing_triggers import RefusingTriggers
from opskit.web import LazyApp


class OpskitPlugin(AirflowPlugin):
    name = "opskit"
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = [
        {"name": "refuse wrong input", "middleware": RefusingTriggers, "args": [], "kwargs": {}}
    ]
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [{"name": "runbooks", "app": LazyApp(), "url_prefix": "/runbooks"}]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Approval",
            "href": "/runbooks/{DAG_ID}/runs/{RUN_ID}/approval",
            "destination": "dag_run",
            "url_route": "approval",
        }
    ]
