"""OTLP over protobuf: bytes to span records, and answers back to bytes.

Wire format: https://opentelemetry.io/docs/specs/otlp/ (version 1.x).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from spanledger.collector.conventions import AttributeValue, SpanRecord
from spanledger.errors import SpanledgerError

__all__ = ["MalformedBody", "error_body", "parse_spans", "success_body"]

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
UNIX_NANO_MAX: Final = 7_258_118_400 * 10**9
"""2200-01-01: later than any clock fault worth keeping, and within what the store can hold."""


class MalformedBody(SpanledgerError, ValueError):
    """The body is not an OTLP trace request: sending it again cannot help."""


def parse_spans(body: bytes) -> tuple[list[SpanRecord], int]:
    """The spans of an export request, and how many were refused for broken ids or times.

    Raises:
        MalformedBody: `body` is not protobuf of an `ExportTraceServiceRequest`.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        msg = "the body is not an OTLP trace export request in protobuf"
        raise MalformedBody(msg) from error
    records = list(_records(request))
    sound = [record for record in records if record is not None]
    return sound, len(records) - len(sound)


def success_body(rejected: int) -> bytes:
    """The answer to an accepted request; refused spans are named as a partial success."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = "spans with broken ids or times were refused"
    return response.SerializeToString()


def error_body(message: str) -> bytes:
    """The protobuf body that OTLP asks for with an error status."""
    return Status(message=message).SerializeToString()


def _records(request: ExportTraceServiceRequest) -> Iterator[SpanRecord | None]:
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _record(span, resource)


def _record(span: trace_pb2.Span, resource: Mapping[str, AttributeValue]) -> SpanRecord | None:
    trace_id, span_id = span.trace_id, span.span_id
    ids_sound = len(trace_id) == TRACE_ID_BYTES and len(span_id) == SPAN_ID_BYTES
    if not (ids_sound and any(trace_id) and any(span_id)):
        return None
    if not 0 < span.start_time_unix_nano < UNIX_NANO_MAX:
        return None
    return SpanRecord(
        trace_id=trace_id.hex(),
        span_id=span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        start_unix_nano=span.start_time_unix_nano,
        end_unix_nano=min(span.end_time_unix_nano, UNIX_NANO_MAX),
        attributes=_attributes(span.attributes),
        resource=resource,
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> AttributeValue:
    """Scalars and lists of them; nested objects carry nothing that a call needs."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return cast(
            "Sequence[AttributeValue]", [_scalar(item) for item in value.array_value.values]
        )
    return _scalar(value)


def _scalar(value: AnyValue) -> AttributeValue:
    kind = value.WhichOneof("value")
    if kind is None or kind in {"array_value", "kvlist_value", "string_value_strindex"}:
        return None
    return cast("AttributeValue", getattr(value, kind))
