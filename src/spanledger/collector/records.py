"""What both formats of OTLP are read into, and the rules that hold for either."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spanledger.collector.conventions import AttributeValue, SpanRecord
from spanledger.collector.limits import ATTRIBUTE_CHARS_MAX, ATTRIBUTES_MAX, SPANS_MAX
from spanledger.errors import SpanledgerError

__all__ = ["Export", "MalformedBody", "SpanFields", "Spans", "TooManySpans"]

NAME_CHARS_MAX: Final = 256
"""Names of spans and libraries are cut to this."""

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
UNIX_NANO_MAX: Final = 7_258_118_400 * 10**9
"""2200-01-01: later than any clock fault worth keeping, and within what the store can hold."""


class MalformedBody(SpanledgerError, ValueError):
    """The body is not an OTLP trace request: sending it again cannot help."""


class TooManySpans(SpanledgerError, ValueError):
    """The request holds more spans than one may."""


@dataclass(frozen=True, slots=True)
class Export:
    """What an export request holds."""

    spans: Sequence[SpanRecord]
    refused: int
    """How many spans had broken ids or times."""
    cut: int
    """How many attributes were shortened or left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFields:
    """A span as it was sent, not yet found to be sound."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    start_unix_nano: int
    end_unix_nano: int
    failed: bool
    name: str = ""
    scope: str = ""
    """The library that made it."""


class Spans:
    """Collects the spans of one request within the limits."""

    def __init__(self) -> None:
        self._spans: list[SpanRecord] = []
        self._seen = 0
        self._cut = 0

    def add(
        self,
        span: SpanFields,
        attributes: Iterable[tuple[str, AttributeValue]],
        resource: Mapping[str, AttributeValue],
    ) -> None:
        """Add a span, or count it as refused.

        Raises:
            TooManySpans: it is one too many.
        """
        self._seen += 1
        if self._seen > SPANS_MAX:
            msg = f"the request holds more than {SPANS_MAX} spans"
            raise TooManySpans(msg)
        if not _is_sound(span):
            return
        record = SpanRecord(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_span_id=span.parent_span_id.hex(),
            start_unix_nano=span.start_unix_nano,
            end_unix_nano=min(span.end_unix_nano, UNIX_NANO_MAX),
            attributes=self.attributes(attributes),
            resource=resource,
            failed=span.failed,
            name=span.name[:NAME_CHARS_MAX],
            scope=span.scope[:NAME_CHARS_MAX],
        )
        self._spans.append(record)

    def attributes(
        self, pairs: Iterable[tuple[str, AttributeValue]]
    ) -> Mapping[str, AttributeValue]:
        """Attributes, each within the limits; what is cut is counted."""
        kept: dict[str, AttributeValue] = {}
        for key, value in pairs:
            if len(kept) >= ATTRIBUTES_MAX or len(key) > ATTRIBUTE_CHARS_MAX:
                self._cut += 1
                continue
            kept[key] = self._within(value)
        return kept

    def export(self) -> Export:
        """All that has been added."""
        return Export(self._spans, self._seen - len(self._spans), self._cut)

    def _within(self, value: AttributeValue) -> AttributeValue:
        if isinstance(value, str | bytes | Sequence) and len(value) > ATTRIBUTE_CHARS_MAX:
            self._cut += 1
            return value[:ATTRIBUTE_CHARS_MAX]
        return value


def _is_sound(span: SpanFields) -> bool:
    ids_sound = len(span.trace_id) == TRACE_ID_BYTES and len(span.span_id) == SPAN_ID_BYTES
    parent_sound = len(span.parent_span_id) in {0, SPAN_ID_BYTES}
    times_sound = 0 < span.start_unix_nano < UNIX_NANO_MAX
    return ids_sound and parent_sound and times_sound and any(span.trace_id) and any(span.span_id)
