"""Pages and endpoints of ours in Airflow's API server, behind Airflow's own sign-in."""

from __future__ import annotations

from typing import Any


class LazyApp:
    """The FastAPI app, imported at its first request: every process of Airflow loads the plugin, but only one serves it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from opskit.web.runs import app

        await app(scope, receive, send)
