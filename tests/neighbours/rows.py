"""What the collector makes of what an app has delivered."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

from spanledger.collector.conventions import is_model_call, to_call
from spanledger.collector.otlp import parse_protobuf
from spanledger.collector.pipeline import Pipeline
from spanledger.pricing.book import PriceBook
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import Selection
from spanledger.storage.row import CostRow

__all__ = ["decoded", "rows_of"]

BOOK = PriceBook()


def rows_of(bodies: Iterable[bytes]) -> list[CostRow]:
    """The priced rows of these export requests, as they are stored."""
    store = MemoryStore()
    with Pipeline(store, lambda: BOOK, lambda: datetime.now(UTC)) as pipeline:
        for body in bodies:
            export = parse_protobuf(body)
            assert export.refused == 0
            pipeline.submit(
                [to_call(record, "default") for record in export.spans if is_model_call(record)]
            )
    return list(store.calls(Selection(project="default"), limit=1000))


def decoded(bodies: Iterable[str]) -> list[bytes]:
    """Out of base64."""
    return [base64.b64decode(body) for body in bodies]
