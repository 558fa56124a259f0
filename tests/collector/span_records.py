"""Span records as tests vary them."""

from collections.abc import Mapping
from typing import Any

from spanledger.collector.conventions import SpanRecord
from tests.collector.spans import START_NS

__all__ = ["TRACE", "build_span_record"]

TRACE = "0af7651916cd43dd8448eb211c80319c"

SECOND_NS = 10**9


def build_span_record(
    attributes: Mapping[str, Any],
    *,
    span: int = 1,
    parent: int = 0,
    trace: str = TRACE,
    begins: float = 0,
    lasts: float = 1,
    **fields: Any,
) -> SpanRecord:
    """A span that begins and lasts so many seconds; `span` and `parent` are small numbers."""
    start = START_NS + round(begins * SECOND_NS)
    values: dict[str, Any] = {
        "trace_id": trace,
        "span_id": f"{span:016x}",
        "parent_span_id": f"{parent:016x}" if parent else "",
        "start_unix_nano": start,
        "end_unix_nano": start + round(lasts * SECOND_NS),
        "attributes": attributes,
        "resource": {},
        "failed": False,
        **fields,
    }
    return SpanRecord(**values)
