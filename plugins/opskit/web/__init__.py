"""Pages and endpoints of ours in Airflow's API server, behind Airflow's own sign-in or that of the front door."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyApp:
    """A FastAPI app, imported at its first request: every process of Airflow loads the plugin, but only one serves it.

    It gets the DAGs and the auth manager of the server that it is part of.
    """

    def __init__(self, module: str = "opskit.web.runs"):
        self.module = module

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = import_module(self.module).app
        server = scope.get("app")
        if server is not None and hasattr(server.state, "dag_bag"):
            app.state.dag_bag = server.state.dag_bag
        await app(scope, receive, send)
