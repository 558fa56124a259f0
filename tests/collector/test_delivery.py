"""A delivery is taken as it came, and its calls are those in it."""

import asyncio
import gzip
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.collector.body import Refused
from spanledger.collector.conventions import Recent
from spanledger.collector.delivery import Delivery, calls_of
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.records import MalformedBody
from spanledger.pricing.book import PriceBook
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import Selection
from tests.intake import DirectIntake

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
BOOK = PriceBook()


def a_span(span_id: bytes, parent: bytes) -> bytes:
    """An export request with one call."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.parent_span_id = b"1" * 16, span_id, parent
    span.start_time_unix_nano = 1_793_534_400_000_000_000
    span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000_000
    for name, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4o")):
        attribute = span.attributes.add()
        attribute.key, attribute.value.string_value = name, value
    tokens = span.attributes.add()
    tokens.key, tokens.value.int_value = "gen_ai.usage.input_tokens", 5
    return request.SerializeToString()


@pytest.fixture
def body_of_one_call() -> bytes:
    """An export request with one call."""
    return a_span(b"2" * 8, b"")


def a_delivery(body: bytes, encoding: str = "") -> Delivery:
    """A delivery to a project of its own."""
    return Delivery(project="shop", encoding=encoding, body=body, received_at=NOW)


def test_what_is_taken_is_stored_in_the_project_of_its_key(body_of_one_call: bytes) -> None:
    """Threat 4: the project comes from the key, and the body may be compressed."""
    store = MemoryStore()
    with Pipeline(store, lambda: BOOK, lambda: NOW) as pipeline:
        intake = DirectIntake(pipeline, 100_000)
        asyncio.run(intake.take(a_delivery(gzip.compress(body_of_one_call), "gzip")))
        asyncio.run(intake.take(a_delivery(b"")))

    (row,) = store.calls(Selection(project="shop"), limit=10)
    assert row.call.request_model == "gpt-4o"


def test_what_is_no_delivery_is_refused(body_of_one_call: bytes) -> None:
    """The bound holds for what the body inflates to."""
    with pytest.raises(MalformedBody):
        calls_of(a_delivery(b"nonsense"), 1000)
    with pytest.raises(Refused, match="larger than 10 bytes"):
        calls_of(a_delivery(gzip.compress(body_of_one_call), "gzip"), 10)


def test_a_double_in_a_later_delivery_does_not_count_again() -> None:
    """Exporters that send each span alone still count a call once: R9, within one process."""
    recent = Recent()
    outer, inner = (a_span(b"2" * 8, b""), a_span(b"3" * 8, b"2" * 8))

    first = calls_of(a_delivery(inner), 100_000, recent)
    second = calls_of(a_delivery(outer), 100_000, recent)

    assert [len(first), len(second)] == [1, 0]
    assert len(calls_of(a_delivery(inner), 100_000, recent)) == 1  # the same again is welcome
