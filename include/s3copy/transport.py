"""HTTP/1.1 to one endpoint: persistent connections, and for each request an answer or an error in time."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

import httptools

CONNECT_SECONDS = 10.0


@dataclass(slots=True)
class Response:
    """An HTTP response. Header names are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One connection with at most one pending request. httptools (llhttp) parses the answers."""

    def __init__(self) -> None:
        self.open = False
        self.deadline = 0.0
        self._answer: asyncio.Future[Response] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_only = False
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            return self.close()  # no request is pending, so this data would be read as the answer to the next one
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self._over:
                self._fail(ConnectionError(f"an answer that is not HTTP ({error})"))
        if self._over:
            self._finish()
        return None

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._over = self._head_only  # otherwise the parser would wait for a body, which a HEAD does not have

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._over = self._parser.get_status_code() >= 200

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._fail(ConnectionError(f"the connection broke ({exc or 'closed by the server'})"))

    def send(self, request: bytes, *, head_only: bool, deadline: float) -> asyncio.Future[Response]:
        """Send a request. The future ends with its answer or with an OSError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._head_only, self._over, self.deadline = head_only, False, deadline
        self._headers, self._body = {}, []
        self._transport.write(request)
        return self._answer

    def expire(self) -> None:
        """Give up the pending answer, because it took too long."""
        self._fail(TimeoutError("no answer in time"))
        self.close()

    def close(self) -> None:
        self.open = False
        self._transport.abort()

    def _finish(self) -> None:
        future, self._answer = self._answer, None
        answer = Response(self._parser.get_status_code(), b"".join(self._body), self._headers)
        if self._head_only:
            self._parser = httptools.HttpResponseParser(self)
        if self._headers.get("connection", "").lower() == "close":
            self.close()
        if future and not future.done():
            future.set_result(answer)

    def _fail(self, error: Exception) -> None:
        future, self._answer = self._answer, None
        if future and not future.done():
            future.set_exception(error)


class Pool:
    """The connections to one endpoint. A connection that failed is never used again."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None):
        self._host, self._port, self._tls = host, port, tls
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()

    async def request(self, data: bytes, *, head_only: bool, seconds: float) -> Response:
        """Send a request and return its answer. Raises: OSError, of which TimeoutError is one."""
        connection = await self._connection()
        self._busy.add(connection)
        try:
            deadline = asyncio.get_running_loop().time() + seconds
            answer = await connection.send(data, head_only=head_only, deadline=deadline)
        # also on cancellation: the rest of an answer may remain on the connection, where the next request would read it
        except BaseException:
            connection.close()
            raise
        finally:
            self._busy.discard(connection)
        if connection.open:
            self._idle.append(connection)
        return answer

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        opening = asyncio.get_running_loop().create_connection(Connection, self._host, self._port, ssl=self._tls)
        _, made = await asyncio.wait_for(opening, CONNECT_SECONDS)
        return made

    def sweep(self) -> None:
        """Give up overdue answers. Call this regularly."""
        now = asyncio.get_running_loop().time()
        for connection in [busy for busy in self._busy if busy.deadline < now]:
            connection.expire()

    def close(self) -> None:
        for connection in (*self._idle, *self._busy):
            connection.close()
