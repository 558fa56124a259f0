"""A receiver on a real socket in front of the memory store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from spanledger.collector.admission import Admission
from spanledger.collector.limits import Limits
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.receiver import create_receiver
from spanledger.pricing.book import PriceBook
from spanledger.server import utc_now
from spanledger.serving import base_url, listen, serving
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from spanledger.storage.protocol import Store
from tests.intake import DirectIntake

BODY_BYTES_MAX = 100_000

BOOK = PriceBook()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    """A key ring without keys."""
    return KeyRing(tmp_path / "keys.json", admin_key="sl_admin_from_settings")


@pytest.fixture
def store() -> MemoryStore:
    """Where the receiver's calls end."""
    return MemoryStore()


@pytest.fixture
def receive(keys: KeyRing) -> Iterator[Callable[..., httpx.Client]]:
    """Starts a receiver over a store and gives a client for it."""
    with ExitStack() as stack:

        def start(
            store: Store, *, open_without_key: bool = True, limits: Limits | None = None
        ) -> httpx.Client:
            pipeline = stack.enter_context(Pipeline(store, lambda: BOOK, utc_now))
            app = create_receiver(
                Admission(
                    intake=DirectIntake(pipeline, BODY_BYTES_MAX),
                    clock=utc_now,
                    keys=keys,
                    open_without_key=open_without_key,
                    body_bytes_max=BODY_BYTES_MAX,
                    limits=limits or Limits(),
                )
            )
            listener = stack.enter_context(listen("127.0.0.1", 0))
            stack.enter_context(serving(app, listener))
            return stack.enter_context(httpx.Client(base_url=base_url(listener), trust_env=False))

        yield start


@pytest.fixture
def client(receive: Callable[..., httpx.Client], store: MemoryStore) -> httpx.Client:
    """A client of a receiver over the memory store, open without keys."""
    return receive(store)
