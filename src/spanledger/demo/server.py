"""Serves an ASGI app from a thread of this process, on a free port of this machine only."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from spanledger.demo.provider import create_provider

__all__ = ["serve_provider"]


@contextmanager
def serve_provider(app: ASGIApp | None = None) -> Generator[str]:
    """Serve `app`, by default a new simulated provider, and yield its base URL.

    The socket listens before the server runs, so a request made at once waits and is answered.
    """
    config = uvicorn.Config(
        app or create_provider(),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=None,  # the levels of uvicorn's loggers belong to the process, not to the demo
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    # The protocol is named because asyncio turns off Nagle's delay only where it sees TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port: int = listener.getsockname()[1]
        thread = threading.Thread(
            target=server.run, args=([listener],), name="simulated-provider", daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
