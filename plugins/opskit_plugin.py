"""The Airflow plugin of opskit: the validation of requests at its API, the end of runs, and a run's page and note."""

import logging
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from opskit.airflow_patches import early_end
from opskit.airflow_patches.switches import VARIABLE, is_on
from opskit.airflow_patches.trigger_validation import TriggerValidation
from opskit.notifications import run_note
from opskit.web import LazyApp
from opskit.web.sweeper import Sweeper

log = logging.getLogger(__name__)


def middlewares() -> list[dict[str, Any]]:
    """Return the middlewares of Airflow's API server."""
    made: list[tuple[str, Any]] = [
        ("keep the notes of runs current", run_note.RunNotes),
        ("carry out deliveries of GitHub that wait", Sweeper),
    ]
    if is_on("trigger_validation"):
        made.append(("refuse wrong input", TriggerValidation))
    else:
        log.warning("Wrong input is refused by the plan task, not by the API: %s leaves it to that.", VARIABLE)
    return [{"name": name, "middleware": middleware, "args": [], "kwargs": {}} for name, middleware in made]


class OpskitPlugin(AirflowPlugin):
    name = "opskit"
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = middlewares()
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"name": "runbooks", "app": LazyApp(), "url_prefix": "/runbooks"},
        {"name": "front door", "app": LazyApp("opskit.web.door.app"), "url_prefix": "/door"},
    ]
    listeners: ClassVar[list[Any]] = [run_note, *([early_end] if is_on("early_end") else [])]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Summary",
            "href": "/runbooks/{DAG_ID}/runs/{RUN_ID}/summary",
            "destination": "dag_run",
            "url_route": "summary",
        },
        {
            "name": "Outcomes",
            "href": "/runbooks/{DAG_ID}/outcomes",
            "destination": "dag",
            "url_route": "outcomes",
        },
        {
            "name": "Choices",
            "href": "/runbooks/{DAG_ID}/choices",
            "destination": "dag",
            "url_route": "choices",
        },
        {
            "name": "Stop all",  # the menu shows some nine letters
            "href": "/door/stop/page",
            "destination": "nav",
            "url_route": "emergency-stop",
        },
    ]
