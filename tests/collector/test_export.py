"""Either format is read, and answered in kind."""

import json

from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger.collector.export import JSON, PROTOBUF, error_body, parse_export, success_body
from spanledger.collector.records import Export
from tests.collector.spans import build_body, build_span, json_body, json_span


def test_both_formats_say_the_same() -> None:
    """The same span, twice written."""
    binary = parse_export(build_body(build_span()), PROTOBUF)

    assert parse_export(json_body(json_span()), JSON) == binary


def test_what_was_not_taken_is_named() -> None:
    """Counts and reasons in either format; nothing where everything was taken."""
    some = Export([], 2, 3)

    said = json.loads(success_body(some, JSON))["partialSuccess"]
    partial = ExportTraceServiceResponse.FromString(success_body(some, PROTOBUF)).partial_success

    assert said == {"rejectedSpans": "2", "errorMessage": partial.error_message}
    assert partial.rejected_spans == 2
    assert "2 spans" in partial.error_message
    assert "3 attributes" in partial.error_message
    assert success_body(Export([], 0, 0), PROTOBUF) == b""
    assert json.loads(success_body(Export([], 0, 0), JSON)) == {}


def test_errors_are_a_status() -> None:
    """As OTLP asks for."""
    assert json.loads(error_body("no", JSON)) == {"code": 0, "message": "no"}
    assert Status.FromString(error_body("no", PROTOBUF)).message == "no"
