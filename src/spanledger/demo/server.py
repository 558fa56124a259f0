"""Serves the simulated providers from a thread of this process, on a free port of this machine."""

from collections.abc import Generator
from contextlib import contextmanager

from starlette.types import ASGIApp

from spanledger.demo.provider import create_provider
from spanledger.serving import base_url, listen, serving

__all__ = ["serve_provider"]


@contextmanager
def serve_provider(app: ASGIApp | None = None) -> Generator[str]:
    """Serve `app`, by default a new simulated provider, and yield its base URL."""
    listener = listen("127.0.0.1", 0)
    url = base_url(listener)
    with serving(app or create_provider(), listener):
        yield url
