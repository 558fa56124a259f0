"""Recording starts once, stops cleanly, and says when a second start was in vain."""

import logging
from collections.abc import Iterator

import httpx
import pytest

import spanledger
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, answering

URL = "http://provider" + CHAT_PATH


def test_a_second_start_does_nothing_and_says_so(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    """The first provider stays; one span per call, however often it is started."""
    other = Recording()
    with recording.on(), answering(httpx) as client:
        spanledger.instrument()
        assert caplog.records == []
        with caplog.at_level(logging.WARNING):
            spanledger.instrument(tracer_provider=other.provider)
        client.post(URL, json=CHAT)
    other.provider.shutdown()

    assert "records already" in caplog.text
    assert len(recording.spans) == 1
    assert other.spans == ()


def test_after_the_stop_nothing_is_recorded(recording: Recording) -> None:
    """Stopping twice is as good as once, and a new start records again."""
    with answering(httpx) as client:
        with recording.on():
            client.post(URL, json=CHAT)
        spanledger.uninstrument()
        client.post(URL, json=CHAT)
        assert len(recording.spans) == 1
        with recording.on():
            client.post(URL, json=CHAT)
    assert len(recording.spans) == 2


def test_an_exchange_in_flight_survives_the_stop(recording: Recording) -> None:
    """A stream that was begun under the recording is recorded to its end."""

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b'{"usage": {"prompt_tokens": 3}}'

    with answering(httpx, stream=Body()) as client:
        with recording.on():
            request = client.build_request("POST", URL, json=CHAT)
            response = client.send(request, stream=True)
        response.read()
    assert recording.facts["gen_ai.usage.input_tokens"] == 3
