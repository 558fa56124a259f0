"""A provider on loopback that sends exactly the bytes it is told to, and breaks off where told."""

import gzip
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "recorded"

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """What the provider answers with."""

    body: bytes = b"{}"
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cut_at: int | None = None
    """Close the connection after so many bytes of the body."""
    hold: bool = False
    """Send the body, and keep the response open until the provider closes."""


def recorded(name: str) -> Reply:
    """A body out of `tests/recorded`."""
    content_type = EVENTS if name.endswith(".sse") else JSON
    return Reply((RECORDED / name).read_bytes(), content_type=content_type)


def with_crlf(reply: Reply) -> Reply:
    """The same events with the line ends that Google sends."""
    return replace(reply, body=reply.body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def gzipped(reply: Reply) -> Reply:
    """The same body, compressed."""
    return replace(reply, body=gzip.compress(reply.body), headers={"content-encoding": "gzip"})


def cut(reply: Reply, at: float = 0.5) -> Reply:
    """The same body, broken off."""
    return replace(reply, cut_at=int(len(reply.body) * at))


class Provider:
    """The running provider."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        """(path with query, headers, body without its gzip) of each request."""
        self.closing = threading.Event()
        self._replies: list[Reply] = [Reply()]

    def answer_with(self, *replies: Reply) -> None:
        """Answer the next requests so; the last reply stands for all that follow."""
        self._replies = list(replies)

    def next_reply(self) -> Reply:
        """The reply whose turn it is."""
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256
    provider: Provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - ours is the only one

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        provider = self.server.provider
        body = self._read()
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        provider.requests.append((self.path, dict(self.headers.items()), body))
        reply = provider.next_reply()
        streamed = reply.content_type == EVENTS or reply.hold
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", reply.content_type)
        self.send_header("connection", "close")
        self.close_connection = True
        if streamed:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self._send(reply, chunked=streamed)

    def _read(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply, *, chunked: bool) -> None:
        body = reply.body[: reply.cut_at]
        if not chunked:
            self.wfile.write(body)
            return
        for start in range(0, len(body), 200):
            piece = body[start : start + 200]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if reply.hold:
            self.server.provider.closing.wait(60)
        if reply.cut_at is None:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Be quiet."""


@contextmanager
def running_provider() -> Generator[Provider]:
    """A provider that listens on a free port of loopback."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.provider = Provider(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.provider
        finally:
            server.provider.closing.set()
            server.shutdown()
            thread.join()
