"""Records become an OTLP request that any collector reads."""

import json

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanledger.instrumentation.otlp import export_request, rejected_spans
from spanledger.instrumentation.records import Record, read_record, record_payload, span_payload
from tests.instrumentation.spans import CHAT, resource, span


def records(*payloads: bytes) -> list[Record]:
    """The records of payloads, which must be sound."""
    read = [read_record(payload) for payload in payloads]
    assert None not in read
    return [record for record in read if record is not None]


def test_it_says_what_the_sdks_encoder_says() -> None:
    """The SDK's own encoder is the oracle, but for flags that say where a parent lives."""
    attributes = {**CHAT, "ratio": 0.5, "flag": True, "many": ("a", "b"), "none": ()}
    made = span(attributes)
    ours = ExportTraceServiceRequest.FromString(
        export_request({"service.name": "shop"}, records(record_payload(made)))
    )
    theirs = ExportTraceServiceRequest.FromString(encode_spans([made]).SerializeToString())
    (their_span,) = theirs.resource_spans[0].scope_spans[0].spans
    for name in ("flags", "status"):
        their_span.ClearField(name)
    for request in (ours, theirs):
        # An order of attributes is none of OTLP's.
        request.resource_spans[0].scope_spans[0].spans[0].attributes.sort(key=lambda one: one.key)

    assert ours == theirs


@pytest.mark.parametrize(("first", "second"), [(1, True), (True, 1), (0, False), (1, 1.0)])
def test_values_that_are_equal_in_python_keep_their_kinds(first: object, second: object) -> None:
    """1 and True are one key of a dict, and two kinds of value on the wire."""
    payloads = [record_payload(span({"answer": value})) for value in (first, second)]
    request = ExportTraceServiceRequest.FromString(export_request({}, records(*payloads)))
    spans = request.resource_spans[0].scope_spans[0].spans

    kinds: dict[type[object], str] = {bool: "bool_value", int: "int_value", float: "double_value"}
    assert [one.attributes[0].value.WhichOneof("value") for one in spans] == [
        kinds[type(first)],
        kinds[type(second)],
    ]


def test_a_usage_kept_as_an_object_is_spelled_on_the_way() -> None:
    """The evidence as JSON text, and the counts under their conventional names."""
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    head = (1, 2, 0, "chat gpt-4o", 2, 10, 20, 0, "spanledger", "1")
    payload = span_payload(head, {**CHAT, "spanledger.usage.raw": usage})
    (record,) = records(payload)

    assert json.loads(str(record.attributes["spanledger.usage.raw"])) == usage
    assert record.attributes["gen_ai.usage.input_tokens"] == 7
    assert record.attributes["gen_ai.usage.output_tokens"] == 3
    assert record.attributes["spanledger.usage.source"] == "provider"


def test_each_scope_has_its_own_part() -> None:
    """Spans of others keep the name of what made them."""
    payloads = [record_payload(span(scope=scope)) for scope in ("spanledger", "else", "else")]
    request = ExportTraceServiceRequest.FromString(export_request({}, records(*payloads)))
    (of_resource,) = request.resource_spans

    assert [(part.scope.name, len(part.spans)) for part in of_resource.scope_spans] == [
        ("spanledger", 1),
        ("else", 2),
    ]


def test_odd_values_do_not_fail_the_batch() -> None:
    """Integers beyond 64 bits and halves of surrogate pairs become texts that can be sent."""
    made = span({"text": "\ud800"})
    (record,) = records(record_payload(made).replace(b'"\\ud800"', b'"\\ud800","big":%d' % 2**70))
    request = ExportTraceServiceRequest.FromString(export_request({}, [record]))
    (sent,) = request.resource_spans[0].scope_spans[0].spans

    assert {pair.key: pair.value.string_value for pair in sent.attributes} == {
        "text": "?",
        "big": str(2**70),
    }


def test_resources_keep_their_lists_and_objects() -> None:
    """As far as OTLP has words for them."""
    body = export_request({"list": [1, "a"], "object": {"key": "value"}, "null": None}, [])
    pairs = ExportTraceServiceRequest.FromString(body).resource_spans[0].resource.attributes
    values = {pair.key: pair.value for pair in pairs}

    assert [value.WhichOneof("value") for value in values.values()] == [
        "array_value",
        "kvlist_value",
        None,
    ]
    assert resource().attributes["service.name"] == "shop"


def test_a_partial_success_is_read() -> None:
    """How many spans were refused, and why, in one line."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    answer.partial_success.error_message = "too\nold"

    assert rejected_spans(answer.SerializeToString()) == (2, "too old")
    assert rejected_spans(b"") == (0, "")
    assert rejected_spans(b"<html>") is None
