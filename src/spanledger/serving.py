"""Listening sockets, and ASGI applications served on them from a thread of this process."""

import asyncio
import errno
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from spanledger.errors import SettingsError

__all__ = ["base_url", "listen", "serving"]

BACKLOG: Final = 2048
PORT_MAX: Final = 65_535
HEADERS_S: Final = 30.0
"""How long a client may take to send a request's headers; uvicorn itself waits for ever."""
SHUTDOWN_S: Final = 5
"""How long requests under way may take to finish when a server stops."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; connections wait in it until an application serves it.

    Raises:
        SettingsError: the port is taken or may not be used, or the host is no address of this
            machine; the text is one sentence.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port <= PORT_MAX:
        msg = f"cannot listen on {host} port {port}: ports end at {PORT_MAX}"
        raise SettingsError(msg)
    # The protocol is named because asyncio turns off Nagle's delay only where it sees TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(_why_not(host, port, error)) from error
    return listener


def base_url(listener: socket.socket) -> str:
    """The HTTP address of a listening socket."""
    address: tuple[str, int] = listener.getsockname()[:2]
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def serving(
    app: ASGIApp, listener: socket.socket, headers_seconds_max: float = HEADERS_S
) -> Generator[None]:
    """Serve `app` on `listener` until the block ends; then let requests finish and close it.

    A connection whose request's headers are not there after `headers_seconds_max` is closed.
    """

    class Punctual(_PunctualProtocol):
        seconds_max = headers_seconds_max

    config = uvicorn.Config(
        app,
        http=Punctual,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=None,  # the levels of uvicorn's loggers belong to the process
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    with listener:
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


class _PunctualProtocol(H11Protocol):
    """HTTP with a deadline for the headers of each request."""

    seconds_max: ClassVar[float]
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.seconds_max, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget_deadline()
        elif self._deadline is None:  # the first bytes of the next request
            self._deadline = self.loop.call_later(self.seconds_max, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken: stop what uses it or choose another port"
    return f"cannot listen on {host} port {port}: {error.strerror}"
