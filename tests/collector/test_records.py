"""What holds for spans of either format."""

import pytest

from spanledger.collector.limits import ATTRIBUTE_CHARS_MAX, ATTRIBUTES_MAX, SPANS_MAX
from spanledger.collector.records import SpanFields, Spans, TooManySpans

SPAN = SpanFields(
    trace_id=b"1" * 16,
    span_id=b"2" * 8,
    parent_span_id=b"",
    start_unix_nano=1,
    end_unix_nano=2**64 - 1,
    failed=False,
)


def test_attributes_beyond_the_bounds_are_cut_and_counted() -> None:
    """Threat 8: too many, too long, or too many items."""
    spans = Spans()
    many = [(str(n), n) for n in range(ATTRIBUTES_MAX - 2)]
    long = "x" * (ATTRIBUTE_CHARS_MAX + 1)

    spans.add(SPAN, [("text", long), ("list", list(long)), *many, ("more", 1), (long, 1)], {})

    export = spans.export()
    (record,) = export.spans
    assert export.cut == 4
    assert len(record.attributes) == ATTRIBUTES_MAX
    assert record.attributes["text"] == "x" * ATTRIBUTE_CHARS_MAX


def test_one_span_too_many_refuses_the_request() -> None:
    """Sound or not: they are counted before they are looked at."""
    spans = Spans()
    broken = SpanFields(
        trace_id=b"",
        span_id=b"",
        parent_span_id=b"",
        start_unix_nano=0,
        end_unix_nano=0,
        failed=False,
    )
    for _ in range(SPANS_MAX):
        spans.add(broken, [], {})

    with pytest.raises(TooManySpans, match="more than 50000 spans"):
        spans.add(broken, [], {})
    assert spans.export().refused == SPANS_MAX + 1
