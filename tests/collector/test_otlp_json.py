"""OTLP's own JSON to span records, whatever the text is."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.otlp_json import parse_json
from spanledger.collector.records import MalformedBody
from tests.collector.spans import START_NS, json_body, json_span


def values(*pairs: tuple[str, Any]) -> dict[str, Any]:
    """A span with attributes of these values, named by their place."""
    return json_span(
        attributes=[{"key": str(n), "value": {k: v}} for n, (k, v) in enumerate(pairs)]
    )


def test_ids_are_hex_and_the_resource_comes_along() -> None:
    """Protobuf's own JSON would take them for base64."""
    (record,) = parse_json(json_body(json_span())).spans

    assert (record.trace_id, record.span_id) == (
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert (record.start_unix_nano, record.end_unix_nano) == (START_NS, START_NS + 10**9)
    assert record.attributes["gen_ai.usage.input_tokens"] == 1200
    assert record.resource == {"service.name": "shop"}


def test_values_of_every_kind_are_read() -> None:
    """64-bit numbers come as text or numbers, bytes in base64, nested objects are left out."""
    span = values(
        ("intValue", "7"),
        ("intValue", 8),
        ("int_value", 9.0),
        ("doubleValue", 0.5),
        ("doubleValue", "Infinity"),
        ("boolValue", False),
        ("bytesValue", "-_8"),
        ("arrayValue", {"values": [{"stringValue": "x"}, {}]}),
        ("kvlistValue", {"values": []}),
        ("stringValue", ""),
        ("intValue", None),
    )

    (record,) = parse_json(json_body(span)).spans

    expected = [7, 8, 9, 0.5, math.inf, False, b"\xfb\xff", ["x", None], None, "", None]
    assert list(record.attributes.values()) == expected


def test_both_spellings_and_unknown_fields_are_read() -> None:
    """Names may be as in protobuf's source; what a later version adds is ignored."""
    span: dict[str, Any] = {
        "trace_id": "0AF7651916CD43DD8448EB211C80319C",
        "span_id": "b7ad6b7169203331",
        "start_time_unix_nano": START_NS,
        "status": {"code": "STATUS_CODE_ERROR"},
        "new": [{}],
    }
    body: dict[str, Any] = {
        "resource_spans": [{"scope_spans": [{"spans": [span]}], "resource": None}]
    }

    (record,) = parse_json(json.dumps(body).encode()).spans

    assert record.failed
    assert record.trace_id == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "broken",
    [
        {"traceId": "CvdlGRbNQ92ESOshHIAxnA=="},
        {"spanId": ""},
        {"spanId": None},
        {"parentSpanId": "7"},
        {"startTimeUnixNano": "0"},
    ],
)
def test_broken_ids_and_times_refuse_their_span_alone(broken: dict[str, Any]) -> None:
    """Base64 is no hex, and the sound spans are kept."""
    export = parse_json(json_body(json_span(**broken), json_span()))

    assert (len(export.spans), export.refused) == (1, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [1]}',
        b'{"a": NaN}',
        b"[" * 100_000,
        json_body(json_span(startTimeUnixNano="1_0")),
        json_body(json_span(startTimeUnixNano=True)),
        json_body(json_span(endTimeUnixNano=-1)),
        json_body(json_span(spanId=7)),
        json_body(values(("intValue", "9223372036854775808"))),
        json_body(values(("intValue", 0.5))),
        json_body(values(("stringValue", 5))),
        json_body(values(("boolValue", "true"))),
        json_body(values(("doubleValue", "1_0"))),
        json_body(values(("doubleValue", 10**400))),
        json_body(values(("bytesValue", "!"))),
        json_body(json_span(attributes=[{"key": 1}])),
    ],
)
def test_what_is_no_export_request_is_malformed(body: bytes) -> None:
    """With one known error, that a sender can read."""
    with pytest.raises(MalformedBody, match=r"OTLP|64 bits"):
        parse_json(body)


def test_half_a_surrogate_pair_is_replaced() -> None:
    """JSON can spell it; no store can hold it."""
    (record,) = parse_json(json_body(values(("stringValue", "\ud800")))).spans

    assert record.attributes["0"] == "?"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(["traceId", "attributes", "status", "endTimeUnixNano"]), JSON)
def test_any_value_of_a_field_is_read_or_refused(name: str, value: Any) -> None:
    """Threat 6: rubbish ends in a record, a refused span or the known error."""
    try:
        export = parse_json(json_body(json_span(**{name: value})))
    except MalformedBody:
        return
    assert len(export.spans) + export.refused == 1
