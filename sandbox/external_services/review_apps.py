"""What review apps answer over HTTP: 204 with their commit while their first service has a healthy task, else as a load balancer does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from sandbox.aws.sim.image_pull import find_image
from sandbox.aws.sim.world import World
from sandbox.aws.state.app_sites import AppSite

ROOT = "/review-apps/"
COMMIT = re.compile("[0-9a-f]{40}")


class ReviewApps:
    """A WSGI application: /review-apps/<system>/<number>/health."""

    def __init__(self, world: World):
        self.world = world

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        system, _, rest = environ["PATH_INFO"].removeprefix(ROOT).partition("/")
        number = rest.partition("/")[0]
        with self.world.lock:
            self.world.catch_up()
            found = [each for each in self.world.app_sites if each.target.startswith(f"{system}/")]
            commit = next((sha for site in found if (sha := self._commit(site, number))), "")
        if not commit:
            start_response("503 Service Unavailable", [("Content-Length", "0")])
        else:
            start_response("204 No Content", [("X-Commit", commit)])
        return [b""]

    def _commit(self, site: AppSite, number: str) -> str:
        """Return the commit of the image that the app's first service runs, "" if it runs none."""
        region = self.world.region(site.account, site.region)
        for (cluster, name), service in region.services.items():
            if str(site.number(cluster)) != number or not name.endswith("-app"):
                continue
            for task in region.tasks_of(service):
                if not region.is_healthy(task):
                    continue
                for reference in task.images.values():
                    image = find_image(self.world.regions, region.account, reference)
                    tags = image.tags if image else []
                    if sha := next((tag for tag in tags if COMMIT.fullmatch(tag)), ""):
                        return sha
        return ""
