"""One export request: its bytes to span records, in whichever of OTLP's two formats, and answers.

Wire format: https://opentelemetry.io/docs/specs/otlp/ (version 1.x).
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanledger.collector.otlp import parse_protobuf
from spanledger.collector.otlp_json import parse_json
from spanledger.collector.records import Export

__all__ = [
    "CONTENT_TYPES",
    "JSON",
    "PROTOBUF",
    "error_body",
    "parse_export",
    "success_body",
    "success_message",
]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_PARSERS: Mapping[str, Callable[[bytes], Export]] = {PROTOBUF: parse_protobuf, JSON: parse_json}

CONTENT_TYPES: Final = frozenset(_PARSERS)
"""The formats that are understood."""


def parse_export(body: bytes, content_type: str) -> Export:
    """The spans of an export request.

    Args:
        body: The request, inflated.
        content_type: One of `CONTENT_TYPES`.

    Raises:
        MalformedBody: `body` is no trace export request in that format.
        TooManySpans: it holds more than a request may.
    """
    return _PARSERS[content_type](body)


def success_message(export: Export) -> ExportTraceServiceResponse:
    """The answer to an accepted request; what was refused or cut is named as a partial success."""
    if not (export.refused or export.cut):
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=export.refused, error_message=_what_was_not_taken(export)
        )
    )


def success_body(export: Export, content_type: str) -> bytes:
    """The answer to an accepted request, in its format."""
    return _encode(success_message(export), content_type)


def error_body(message: str, content_type: str, code: int = 0) -> bytes:
    """The `Status` that OTLP asks for with an error status, in the request's format."""
    return _encode(Status(code=code, message=message), content_type)


def _what_was_not_taken(export: Export) -> str:
    refused = f"{export.refused} spans with broken ids or times were refused"
    cut = f"{export.cut} attributes were cut or left out: they are too many or too long"
    return "; ".join(
        text for count, text in ((export.refused, refused), (export.cut, cut)) if count
    )


def _encode(message: Message, content_type: str) -> bytes:
    if content_type == JSON:
        return json.dumps(_plain(message)).encode()
    return message.SerializeToString()


def _plain(message: Message) -> Mapping[str, object]:
    """The few messages that are answers, as OTLP's JSON has them: 64-bit numbers are text."""
    if isinstance(message, Status):
        return {"code": message.code, "message": message.message}
    if not (
        isinstance(message, ExportTraceServiceResponse) and message.HasField("partial_success")
    ):
        return {}
    partial = message.partial_success
    return {
        "partialSuccess": {
            "rejectedSpans": str(partial.rejected_spans),
            "errorMessage": partial.error_message,
        }
    }
