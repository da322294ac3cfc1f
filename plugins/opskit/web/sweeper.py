"""The sweeps of the front door, which begin together with Airflow's API server."""

from __future__ import annotations

import os
import threading
from typing import Any

DOOR = "RUNBOOK_DOOR_TARGET"  # without it the front door is closed, and there is nothing to sweep


class Sweeper:
    """ASGI middleware around Airflow's API server. It only starts a thread, as every process of Airflow loads it and one serves."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" and os.environ.get(DOOR):
            from opskit.web.door.deliveries import sweep_for_good

            threading.Thread(target=sweep_for_good, name="front door", daemon=True).start()
        await self.app(scope, receive, send)
