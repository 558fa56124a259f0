"""OTLP over protobuf: bytes to span records.

Wire format: https://opentelemetry.io/docs/specs/otlp/ (version 1.x).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from spanledger.collector.conventions import AttributeValue
from spanledger.collector.records import Export, MalformedBody, SpanFields, Spans

__all__ = ["parse_protobuf"]


def parse_protobuf(body: bytes) -> Export:
    """The spans of an export request.

    Raises:
        MalformedBody: `body` is not protobuf of an `ExportTraceServiceRequest`.
        TooManySpans: it holds more than a request may.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        msg = "the body is not an OTLP trace export request in protobuf"
        raise MalformedBody(msg) from error
    spans = Spans()
    for resource_spans in request.resource_spans:
        resource = spans.attributes(_attributes(resource_spans.resource.attributes))
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope.name
            for span in scope_spans.spans:
                spans.add(_fields(span, scope), _attributes(span.attributes), resource)
    return spans.export()


def _fields(span: trace_pb2.Span, scope: str) -> SpanFields:
    return SpanFields(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        start_unix_nano=span.start_time_unix_nano,
        end_unix_nano=span.end_time_unix_nano,
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        name=span.name,
        scope=scope,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Iterator[tuple[str, AttributeValue]]:
    return ((pair.key, _value(pair.value)) for pair in pairs)


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
