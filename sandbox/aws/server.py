"""The AWS endpoint: moto's application with our responses in it, one call at a time, simulated dates, no HTML errors."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from email.utils import format_datetime
from typing import Any

import moto.autoscaling.urls as autoscaling_urls
import moto.ecs.urls as ecs_urls
import moto.sts.urls as sts_urls
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.elbv2.responses import ELBV2Response
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.aws.call_log import Call, read_call
from sandbox.aws.clock import as_datetime, as_text
from sandbox.aws.ecs_api import WorldEcsResponse
from sandbox.aws.other_apis import (
    WorldAutoScalingResponse,
    WorldStsResponse,
    describe_target_health,
    make_service_check,
)
from sandbox.aws.world import World

BUILDER_KEY = "builder"  # the access key of the world's own builder, whose calls are not logged
log = logging.getLogger(__name__)


class Handler(WSGIRequestHandler):
    world: World

    def log_request(self, *_: Any) -> None:
        """The call log says it better."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date header of every answer: simulated time."""
        return format_datetime(as_datetime(self.world.clock.now()), usegmt=True)


class Application:
    """A WSGI application around moto's."""

    def __init__(self, world: World):
        self.world = world
        self.calls: list[Call] = []
        self._count = 0
        for part in (WorldEcsResponse, WorldAutoScalingResponse, ELBV2Response, Handler):
            part.world = world
        # moto chooses between the two load balancing APIs in a function of its own, so this one is changed in place
        ELBV2Response.describe_target_health = describe_target_health
        ApplicationAutoscalingBackend._ecs_service_exists_for_target = make_service_check(world)
        ecs_urls.url_paths["{0}/$"] = WorldEcsResponse.dispatch
        autoscaling_urls.url_paths["{0}/$"] = WorldAutoScalingResponse.dispatch
        sts_urls.url_paths["{0}/$"] = WorldStsResponse.dispatch
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call, key = read_call(environ)
        if key == BUILDER_KEY:  # it holds the lock already, in its own thread, and is no caller to be logged
            return self._serve(environ, start_response, call)
        with self.world.lock:
            self._count += 1
            call.n, call.at = self._count, str(as_text(self.world.clock.now()))
            self._whose(call, key)
            self.calls.append(call)
            return self._serve(environ, start_response, call)

    def _serve(self, environ: dict[str, Any], start_response: Any, call: Call) -> Iterable[bytes]:
        answer: list[Any] = []
        body = self._answer(environ, lambda line, headers, *_: answer.extend((line, headers)), call)
        line, headers = answer
        call.status = int(str(line).split(" ", 1)[0])
        if call.status >= 400:
            call.error = body.decode(errors="replace")[:500]
        kept = [(name, value) for name, value in headers if name.lower() not in ("date", "content-length")]
        start_response(line, [*kept, ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: dict[str, Any], start: Callable[..., None], call: Call) -> bytes:
        try:
            body = b"".join(self._moto(environ, start))
        except NotImplementedError as error:
            return _refusal(
                environ, start, "NotImplementedException", f"The sandbox does not know {call.action}: {error}"
            )
        return body

    def _whose(self, call: Call, key: str) -> None:
        call.role = WorldStsResponse.role_of.get(key, "base")
        for account in sts_backends:
            backend = sts_backends[account]["aws"]
            if role := backend.get_assumed_role_from_access_key(key):
                call.account = role.account_id
                return


def _refusal(environ: dict[str, Any], start: Callable[..., None], code: str, message: str) -> bytes:
    """Say no in the caller's protocol; an HTML page would be retried for minutes."""
    if environ.get("HTTP_X_AMZ_TARGET") or "json" in environ.get("CONTENT_TYPE", ""):
        start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)])
        return json.dumps({"__type": code, "message": message}).encode()
    start("400 Bad Request", [("Content-Type", "text/xml")])
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>sandbox</RequestId></ErrorResponse>".encode()


class Server:
    """An HTTP server of a WSGI application on 127.0.0.1, in a thread."""

    def __init__(self, application: Any, port: int):
        self._server: BaseWSGIServer = make_server("127.0.0.1", port, application, threaded=True, request_handler=Handler)
        self.port = int(self._server.server_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"http {self.port}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
