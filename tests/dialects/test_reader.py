import json
from collections.abc import Callable, Iterable

import pytest

from spanledger.dialects.bedrock import CONVERSE
from spanledger.dialects.dialect import Answer, Dialect, Request
from spanledger.dialects.gemini import GENERATE
from spanledger.dialects.openai import CHAT
from spanledger.dialects.reader import follow, read_answer, read_request
from spanledger.dialects.sse import Event

NO_JSON = [b"", b"{", b"\xff\xfe\x00", b"model=gpt-4o", b"[" * 100_000, b"9" * 5000]


def test_read_request() -> None:
    """A request body is decoded and read by its dialect."""
    assert read_request(CHAT, "/v1/chat/completions", b'{"model": "gpt-4o"}') == Request(
        model="gpt-4o"
    )


@pytest.mark.parametrize("body", [*NO_JSON, b"[1]", b"null"])
def test_request_that_is_no_object(body: bytes) -> None:
    """A body that is no JSON object leaves what the path says."""
    path = "/v1beta/models/gemini-2.5-pro:generateContent"
    assert read_request(GENERATE, path, body) == Request(model="gemini-2.5-pro")


@pytest.mark.parametrize("body", [*NO_JSON, b'"text"', b"null", b"1"])
def test_answer_that_is_no_object(body: bytes) -> None:
    """A cut or foreign body says nothing: no answer, and no exception."""
    assert read_answer(CHAT, body) is None


def test_rubbish_in_an_array() -> None:
    """Of an array only the objects are chunks."""
    body = json.dumps([1, None, {"modelVersion": "m"}, "x"]).encode()
    assert read_answer(GENERATE, body) == Answer(model="m", complete=True)


@pytest.mark.parametrize("data", ["", "{", "null", "[]", "[" * 100_000])
def test_event_that_is_no_object(data: str) -> None:
    """An event that is no JSON object changes nothing."""
    before = Answer(model="m")
    assert follow(CHAT, before, Event("", data)) == before


def test_silent_event() -> None:
    """An event that the dialect calls silent changes nothing, whatever its data."""
    before = Answer(model="m")
    event = Event("contentBlockDelta", '{"usage": {"inputTokens": 5}}')
    assert follow(CONVERSE, before, event) is before
    data = {"usage": {"inputTokens": 5}, "stopReason": "end_turn"}
    for name in CONVERSE.silent_events:
        assert CONVERSE.read_event(before, name, data) is before


def test_done() -> None:
    """`[DONE]` is no JSON, and completes the answer."""
    assert follow(CHAT, Answer(model="m"), Event("", "[DONE]")) == Answer(model="m", complete=True)


def test_last_event_without_blank_line(
    read_stream: Callable[[Dialect, Iterable[bytes]], Answer],
) -> None:
    """The usage counts even where the server leaves out the line that should end its event."""
    chunks = [b'data: {"usage": {"prompt_tokens": 5}}']
    assert read_stream(CHAT, chunks).usage == {"prompt_tokens": 5}
