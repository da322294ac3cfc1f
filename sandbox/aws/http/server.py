"""An HTTP server of a WSGI application, in a thread."""

import socket
import threading
from email.utils import format_datetime
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime

END = 0.05  # seconds between two looks whether to end; with the usual half second most of a test would be this wait


class Handler(MotoRequestHandler):
    """Answers in one piece, as AWS does with small ones: a client of Go may give up on headers whose body comes a moment later."""

    world: World
    wbufsize = 64 * 1024  # bytes; an answer is flushed at its end

    def log_request(self, *_: Any) -> None:
        """The call log says it better."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date header of every answer: simulated time."""
        return format_datetime(as_datetime(self.world.clock.now()), usegmt=True)


def hang_up(environ: dict[str, Any]) -> None:
    """Close a caller's connection without an answer. Raises: ConnectionResetError, which ends the request."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("the answer gets lost")


class Server:
    """An HTTP server of a WSGI application, in a thread. `host` is the address on which it listens."""

    def __init__(
        self, application: Any, port: int, handler: type[WSGIRequestHandler] = Handler, host: str = "127.0.0.1"
    ):
        self._server: BaseWSGIServer = make_server(host, port, application, threaded=True, request_handler=handler)
        self.port = int(self._server.server_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(END,), name=f"http {self.port}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
