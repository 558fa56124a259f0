"""Bytes of OTLP to span records, whatever the bytes are."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.conventions import SpanRecord
from spanledger.collector.otlp import parse_protobuf
from spanledger.collector.records import Export, MalformedBody
from tests.collector.spans import CHAT, START_NS, build_body, build_span


def parse_spans(body: bytes) -> tuple[Sequence[SpanRecord], int]:
    """The spans, and how many were refused."""
    export: Export = parse_protobuf(body)
    return export.spans, export.refused


def test_values_of_every_kind_are_read() -> None:
    """Scalars and lists keep their types; the resource comes along with each span."""
    attributes = {"a": "text", "b": True, "c": 7, "d": 0.5, "e": ["x", "y"]}

    (record,), refused = parse_spans(build_body(build_span(attributes)))

    assert refused == 0
    assert record.attributes == attributes
    assert record.resource == {"service.name": "shop"}
    assert (record.trace_id, record.span_id) == (
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert (record.start_unix_nano, record.end_unix_nano) == (START_NS, START_NS + 10**9)


def test_an_end_beyond_all_calendars_is_bounded() -> None:
    """A rubbish end time must not make a duration that the store cannot hold."""
    (record,), _ = parse_spans(build_body(build_span(end_time_unix_nano=2**64 - 1)))

    assert record.end_unix_nano - record.start_unix_nano < 2**63


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    """Threat 6: rubbish is refused with one known error, never with another."""
    try:
        records, refused = parse_spans(body)
    except MalformedBody:
        return
    assert refused >= 0
    assert all(len(record.trace_id) == 32 for record in records)


@given(st.data())
def test_a_body_with_one_byte_changed_never_breaks_the_reader(data: st.DataObject) -> None:
    """R12 in small: mutations of real bodies end in records or in the known error."""
    body = bytearray(build_body(build_span(CHAT)))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    try:
        parse_spans(bytes(body))
    except MalformedBody as error:
        assert "OTLP" in str(error)  # noqa: PT017 - either outcome is right


def test_a_cut_body_is_malformed() -> None:
    """Half a request is refused whole, so that its sender sends it again."""
    with pytest.raises(MalformedBody):
        parse_spans(build_body(build_span())[:-3])
