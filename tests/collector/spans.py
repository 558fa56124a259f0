"""OTLP requests as a sender would build them."""

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START_NS = 1_793_534_400_123_456_789  # 2026-11-01T12:00:00.123456789Z

CHAT: Mapping[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 350,
    "user.id": "ada",
}


def any_value(value: object) -> AnyValue:
    """`value` as OTLP carries it."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - a list of anything
    return AnyValue(string_value=str(value))


def build_span(attributes: Mapping[str, Any] = CHAT, **fields: Any) -> Span:
    """A sound span of one second; tests name what they vary."""
    values: dict[str, Any] = {
        "trace_id": bytes.fromhex("0af7651916cd43dd8448eb211c80319c"),
        "span_id": bytes.fromhex("b7ad6b7169203331"),
        "name": "chat gpt-4o",
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": START_NS + 10**9,
        **fields,
    }
    return Span(
        **values,
        attributes=[KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()],
    )


def build_body(*spans: Span, service: str = "shop") -> bytes:
    """An export request with `spans` of one service."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.append(
        KeyValue(key="service.name", value=any_value(service))
    )
    resource_spans.scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def json_span(**fields: Any) -> dict[str, Any]:
    """The same span in OTLP's JSON; tests name what they vary."""
    attributes = [
        {
            "key": key,
            "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)},
        }
        for key, value in CHAT.items()
    ]
    return {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "chat gpt-4o",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + 10**9),
        "attributes": attributes,
        **fields,
    }


def json_body(*spans: Mapping[str, Any]) -> bytes:
    """An export request in JSON."""
    service = {"key": "service.name", "value": {"stringValue": "shop"}}
    group = {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": spans}]}
    return json.dumps({"resourceSpans": [group]}).encode()
