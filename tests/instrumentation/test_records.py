"""A record keeps what is billed from, and no more of other people's spans."""

import json

import pytest

from spanledger.instrumentation.records import (
    RECORD_BYTES_MAX,
    read_record,
    read_resource,
    record_payload,
    resource_payload,
)
from tests.instrumentation.spans import CHAT, resource, span


def test_a_span_comes_back_as_it_was() -> None:
    """Ids, times, name, kind, scope and every attribute."""
    attributes = {**CHAT, "spanledger.tag.ratio": 0.5, "flag": True, "many": ("a", "ä\ud800")}
    made = span(attributes)
    record = read_record(record_payload(made))

    assert record is not None
    assert made.context is not None
    assert record.trace_id.hex() == f"{made.context.trace_id:032x}"
    assert record.span_id.hex() == f"{made.context.span_id:016x}"
    assert record.parent_span_id == b""
    assert (record.start_unix_nano, record.end_unix_nano) == (made.start_time, made.end_time)
    # CLIENT is 3 on the wire of OTLP.
    assert (record.name, record.kind, record.failed) == ("chat gpt-4o", 3, False)
    assert record.scope == ("spanledger", "1.2.3")
    assert record.attributes == {**attributes, "many": ["a", "ä\ud800"]}


def test_a_payload_is_one_line_of_ascii() -> None:
    """What frames and every Python can read."""
    payload = record_payload(span({"text": "two\nlines, \u2028 and more"}))

    assert payload.isascii()
    assert b"\n" not in payload


def test_prompts_of_other_instrumentations_stay_where_they_are() -> None:
    """S3 "no prompt leaves the app": their names are many, so names that bill are kept instead."""
    told = {
        "gen_ai.input.messages": "canary",
        "gen_ai.prompt.0.content": "canary",
        "gen_ai.completion.0.content": "canary",
        "llm.input_messages.0.message.content": "canary",
        "input.value": "canary",
        "http.url": "https://host/?key=canary",
        "traceloop.entity.input": "canary",
    }
    payload = record_payload(span({**CHAT, **told}, scope="somebody.else"))
    record = read_record(payload)

    assert b"canary" not in payload
    assert record is not None
    assert record.attributes == CHAT


def test_an_enormous_record_goes_without_its_long_texts() -> None:
    """Captured content must not cost the bill."""
    attributes = {**CHAT, "gen_ai.input.messages": "x" * (RECORD_BYTES_MAX + 1)}
    record = read_record(record_payload(span(attributes)))

    assert record is not None
    assert record.attributes == CHAT


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b"\xff",
        b"[" * 100_000,
        b'["1",2,0,"n",2,1,2,0,"s","v",{}]',
        b'[-1,2,0,"n",2,1,2,0,"s","v",{}]',
        b'[1,2,0,"n",2,1,2,0,"s","v",[]]',
        b'[1,18446744073709551616,0,"n",2,1,2,0,"s","v",{}]',
    ],
)
def test_what_is_no_record_is_none(payload: bytes) -> None:
    """Whatever stands in a file, reading it raises nothing."""
    assert read_record(payload) is None


def test_a_resource_comes_back() -> None:
    """The name of a service is that of the process that made the span."""
    assert read_resource(resource_payload(resource("shop"))) == {"service.name": "shop"}
    assert read_resource(json.dumps([1]).encode()) is None
    assert read_resource(b"{") is None
