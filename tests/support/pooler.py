"""A connection pooler before PostgreSQL, as far as start-up goes: it refuses parameters that it does not know, as PgBouncer does."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
KNOWN = {b"user", b"database", b"client_encoding", b"application_name", b"datestyle", b"timezone"}


@contextmanager
def pooler(server_port: int) -> Iterator[int]:
    """Serve on a port of its own, before the server at that port of this machine, and return the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_accept, args=(listener, server_port), daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _accept(listener: socket.socket, server_port: int) -> None:
    with suppress(OSError):  # the listener was closed: nobody is served any more
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, server_port), daemon=True).start()


def _serve(client: socket.socket, server_port: int) -> None:
    with client, suppress(OSError):  # either side may hang up at any time
        packet = _read_start(client)
        names = packet[8:].split(b"\0")[:-2:2]
        if unknown := [name for name in names if name and name not in KNOWN]:
            client.sendall(_refusal(f"unsupported startup parameter: {unknown[0].decode()}"))
            return
        with socket.create_connection(("127.0.0.1", server_port)) as server:
            server.sendall(packet)
            back = threading.Thread(target=_forward, args=(server, client), daemon=True)
            back.start()
            _forward(client, server)
            back.join()


def _read_start(client: socket.socket) -> bytes:
    """Return the start-up packet. A request for encryption before it is declined."""
    while True:
        size = client.recv(4, socket.MSG_WAITALL)
        rest = client.recv(struct.unpack("!i", size)[0] - 4, socket.MSG_WAITALL)
        if struct.unpack("!i", rest[:4])[0] not in (SSL_REQUEST, GSS_REQUEST):
            return size + rest
        client.sendall(b"N")


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # as above
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _refusal(text: str) -> bytes:
    fields = b"".join(code + value.encode() + b"\0" for code, value in ((b"S", "FATAL"), (b"C", "08P01"), (b"M", text)))
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"
