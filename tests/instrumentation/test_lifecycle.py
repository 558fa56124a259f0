"""Recording starts once, stops cleanly, and says when a second start was in vain."""

import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import spanledger
from spanledger.instrumentation import lifecycle
from spanledger.instrumentation.guard import failures
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


class Broken:
    """A part of a recording that cannot be undone."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fail(*_: object, **__: object) -> None:
            raise OSError(name)

        return fail


@pytest.mark.parametrize("part", ["finder", "http_spans", "destination", "state"])
def test_a_step_of_the_stop_that_fails_keeps_none_from_being_done(
    recording: Recording, part: str
) -> None:
    """R15: whatever cannot be undone, our hooks are out afterwards, and it has been counted."""
    own = vars(httpx.Client)["_send_single_request"]
    finders = list(sys.meta_path)
    with recording.on():
        ongoing: Any = lifecycle._process.recording
        sound = getattr(ongoing, part)
        setattr(ongoing, part, Broken())
        before = sum(failures().values())
        spanledger.uninstrument()
        assert sum(failures().values()) == before + 1
        assert vars(httpx.Client)["_send_single_request"] is own
        setattr(ongoing, part, sound)
        lifecycle._process.recording = ongoing

    assert sys.meta_path == finders


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
