"""Bodies of urllib3: what is read of them is shown on the way, and nothing else is different."""

import gc
import io
import weakref
from typing import Any

import pytest
import requests
import urllib3

from spanledger.instrumentation.transports.urllib3 import TappedBody, TappedFile, _tapped
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording
from tests.instrumentation.provider import Provider, cut, gzipped, recorded


def call(provider: Provider) -> Any:
    """The body of a chat call, not read yet."""
    return requests.post(provider.url + CHAT_PATH, json=CHAT, stream=True, timeout=30).raw


def test_the_body_is_collected_when_it_would_be(provider: Provider, recording: Recording) -> None:
    """Nothing of ours refers back to the body: it does not wait for the collector of cycles."""
    provider.answer_with(recorded("openai_chat.json"))
    gc.disable()
    try:
        with recording.on():
            raw = call(provider)
            assert isinstance(raw, TappedBody)
            assert isinstance(raw, urllib3.HTTPResponse)
            body = weakref.ref(raw)
            del raw
            assert body() is None
    finally:
        gc.enable()
    assert len(recording.spans) == 1


def test_the_mode_of_reading_says_whether_bytes_are_decoded(
    provider: Provider, recording: Recording
) -> None:
    """`decode_content` of the call wins over the one of the body, as in urllib3."""
    reply = gzipped(recorded("openai_chat.json"))
    provider.answer_with(reply)
    with recording.on():
        for decode in (None, False, True):
            got = call(provider).read(decode_content=decode)
            assert got == (recorded("openai_chat.json").body if decode else reply.body)
    assert [(span.attributes or {})["gen_ai.usage.output_tokens"] for span in recording.spans] == [
        497
    ] * 3


def test_nothing_read_ends_nothing(provider: Provider, recording: Recording) -> None:
    """No bytes were asked for, so that none came is not the end."""
    provider.answer_with(recorded("openai_chat.json"))
    with recording.on():
        raw = call(provider)
        assert raw.read(0) == b""
        assert raw.read1(0) == b""
        assert recording.spans == ()
        assert raw.data == recorded("openai_chat.json").body
    assert recording.facts["gen_ai.usage.output_tokens"] == 497


def test_a_stand_in_for_a_file_has_its_members() -> None:
    """One that is not made yet has none, and does not look for them for ever."""
    assert not hasattr(TappedFile.__new__(TappedFile), "anything")
    unused: Any = None
    file: Any = TappedFile(io.BytesIO(b"x"), unused)
    assert file.seekable()


def test_an_error_ends_the_exchange_while_urllib3_closes(
    provider: Provider, recording: Recording
) -> None:
    """urllib3 closes what failed before it says so: the span has the error, not the closing."""
    provider.answer_with(cut(recorded("openai_chat_stream.sse")))
    with recording.on():
        raw = call(provider)
        with pytest.raises(urllib3.exceptions.ProtocolError):
            list(raw.stream())
        raw.close()
    assert recording.facts["error.type"] == "urllib3.exceptions.ProtocolError"


def test_pieces_are_taken_while_they_are_read(provider: Provider, recording: Recording) -> None:
    """A body closed between two pieces ends there."""
    provider.answer_with(recorded("openai_chat_stream.sse"))
    with recording.on():
        raw = call(provider)
        pieces = raw.stream(100)
        assert next(pieces)
        raw.close()
        assert len(recording.spans) == 1
    assert recording.facts["spanledger.usage.partial"] is True
    assert "error.type" not in recording.facts


def test_an_older_body_is_given_no_new_ways_to_read() -> None:
    """Libraries look at what a body can do: one without `read1` does not get it from us."""

    class Old:
        """What urllib3 before 2.3 has, as far as it matters here."""

    assert not hasattr(_tapped(Old), "read1")
    assert hasattr(_tapped(urllib3.HTTPResponse), "read1")
