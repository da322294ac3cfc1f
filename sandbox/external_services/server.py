"""The HTTP server of all external services, and Slack's faults."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from werkzeug.exceptions import NotFound
from werkzeug.serving import WSGIRequestHandler

from sandbox.aws.faults.model import Fault
from sandbox.aws.http.server import hang_up
from sandbox.aws.sim.world import World
from sandbox.external_services.github.api import make_github
from sandbox.external_services.github.state import GitHub
from sandbox.external_services.jira.api import make_jira
from sandbox.external_services.jira.state import Jira
from sandbox.external_services.review_apps import ROOT, ReviewApps
from sandbox.external_services.sentry.api import make_sentry
from sandbox.external_services.sentry.state import Sentry
from sandbox.external_services.service_faults import ServiceFaults
from sandbox.external_services.sheets.api import make_google
from sandbox.external_services.sheets.state import Sheets
from sandbox.external_services.slack.api import make_slack, rate_limited
from sandbox.external_services.slack.state import Slack

HELD = 0.2  # seconds between two looks whether a call is still to be held back
PAGE = b"<!doctype html><html><head><title>Slack | Service Unavailable</title></head><body>Back soon</body></html>"


def _start_nothing(*_: Any) -> Callable[[bytes], object]:
    """Accept the status and headers of a response that is thrown away."""
    return lambda body: None


class Handler(WSGIRequestHandler):
    """Real time in the Date header, and no access log."""

    def log_request(self, *_: Any) -> None:
        """The messages say it better."""


class ExternalServicesApplication:
    """A WSGI application: Slack is at /slack/api/, the others below /github/, /jira/, /sentry/, /google/ and /review-apps/."""

    def __init__(
        self,
        world: World,
        slack: Slack,
        github: GitHub | None = None,
        jira: Jira | None = None,
        sentry: Sentry | None = None,
        sheets: Sheets | None = None,
    ):
        self.world = world
        self.slack = slack
        self._service_faults = ServiceFaults(world)
        self._slack_app = make_slack(slack)
        self._others: dict[str, WSGIApplication] = {}
        if github:
            self._others["/github/"] = make_github(github)
        if jira:
            self._others["/jira/"] = make_jira(jira)
        if sentry:
            self._others["/sentry/"] = make_sentry(sentry)
        if sheets:
            self._others["/google/"] = make_google(sheets)
        self._others[ROOT] = ReviewApps(world)
        self._stop = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        for root, application in self._others.items():
            if environ["PATH_INFO"].startswith(root):
                return application(environ, start_response)
        if not environ["PATH_INFO"].startswith("/slack/api/"):
            known = ", ".join(["/slack/api/", *self._others])
            return NotFound(f"Here is only: {known}.")(environ, start_response)
        return self._ask_slack(environ, start_response)

    def stop(self) -> None:
        """End the responses that a fault delays."""
        self._stop.set()

    def _ask_slack(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        caller = self.slack.find_workspace(environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer "))
        workspace = caller.name if caller else ""
        if self._service_faults.injected("slack_down", workspace):
            hang_up(environ)
        if slow := self._service_faults.injected("slack_slow", workspace):
            self._hold_back(environ, slow)
        if self._service_faults.injected("slack_html", workspace):
            start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
            return [PAGE]
        if limited := self._service_faults.injected("slack_rate_limit", workspace):
            with self._slack_app.app_context():
                return rate_limited(limited.fields["retry_after"])(environ, start_response)
        posting = environ["PATH_INFO"].endswith("/chat.postMessage")
        if posting and self._service_faults.injected("slack_lost_answer", workspace):
            list(self._slack_app(environ, _start_nothing))
            hang_up(environ)
        return self._slack_app(environ, start_response)

    def _hold_back(self, environ: dict[str, Any], slow: Fault) -> None:
        """Delay a call. It takes effect afterwards, as it may in reality, unless the fault is removed before."""
        end = time.monotonic() + slow.fields["seconds"]
        while (left := end - time.monotonic()) > 0:
            if self._stop.wait(min(left, HELD)) or not any(fault is slow for fault in self.world.faults):
                hang_up(environ)
