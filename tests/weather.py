"""A real receiver over the memory store, behind a front that fails as a test tells it to."""

import asyncio
import socket
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from spanledger.call import DEFAULT_PROJECT, Call
from spanledger.collector.admission import Admission
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.receiver import create_receiver
from spanledger.pricing.book import PriceBook
from spanledger.server import utc_now
from spanledger.serving import base_url, listen, serving
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import Selection
from tests.intake import DirectIntake

BODY_BYTES_MAX: Final = 20 * 1024 * 1024

SLOW_S: Final = 0.4

FAILURES: Final = ("hanging", "500", "503", "slow")

BOOK = PriceBook()


@dataclass
class Collector:
    """The receiver, and how it fares."""

    url: str
    keys: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    state: str = "fine"
    """`fine`, one of `FAILURES`, or another status to answer with."""
    tries: int = 0
    """Requests that came while it failed."""
    deliveries: int = 0
    """Requests that were let through."""

    @property
    def calls(self) -> Sequence[Call]:
        """What has arrived."""
        return [
            row.call
            for row in self.store.calls(Selection(project=DEFAULT_PROJECT), limit=1_000_000)
        ]

    def front(self, receiver: ASGIApp) -> ASGIApp:
        """The receiver as the network lets it be seen."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self.tries += self.state != "fine"
            while self.state == "hanging":  # noqa: ASYNC110 - told by another thread
                await asyncio.sleep(0.01)
            if self.state.isdecimal():
                headers = {"Retry-After": "0"} if self.state == "503" else {}
                await Response(status_code=int(self.state), headers=headers)(scope, receive, send)
                return
            if self.state == "slow":
                # Longer than the sender waits: what is stored now comes a second time.
                await asyncio.sleep(SLOW_S)
            self.deliveries += 1
            await receiver(scope, receive, send)

        return app

    @contextmanager
    def up(self) -> Generator[None]:
        """Listen where the URL says."""
        with ExitStack() as stack:
            pipeline = stack.enter_context(Pipeline(self.store, lambda: BOOK, utc_now))
            receiver = create_receiver(
                Admission(
                    intake=DirectIntake(pipeline, BODY_BYTES_MAX),
                    clock=utc_now,
                    keys=KeyRing(self.keys),
                    open_without_key=True,
                    body_bytes_max=BODY_BYTES_MAX,
                )
            )
            listener = listen("127.0.0.1", int(self.url.rpartition(":")[2]))
            stack.enter_context(serving(self.front(receiver), listener))
            try:
                yield
            finally:
                self.state = "fine"


@contextmanager
def reserved() -> Generator[str]:
    """The URL of a port where nobody listens, and that nobody else gets."""
    with socket.socket() as placeholder:
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        placeholder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{placeholder.getsockname()[1]}"


def black_hole() -> tuple[socket.socket, str]:
    """A socket that accepts connections and never answers, and its URL."""
    listener = listen("127.0.0.1", 0)
    return listener, base_url(listener)
