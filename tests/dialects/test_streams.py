import pytest

from spanledger.dialects.eventstream import MessageDecoder
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.streams import event_decoder


@pytest.mark.parametrize(
    ("content_type", "decoder"),
    [
        ("text/event-stream", EventDecoder),
        ("text/event-stream; charset=utf-8", EventDecoder),
        ("Text/Event-Stream;charset=UTF-8", EventDecoder),
        ("application/x-ndjson", LineDecoder),
        ("application/stream+json", LineDecoder),
        ("application/vnd.amazon.eventstream", MessageDecoder),
    ],
)
def test_streams(content_type: str, decoder: type) -> None:
    """The media type decides, whatever its case and parameters; each stream has its own decoder."""
    make = event_decoder(content_type)
    assert make is not None
    first, second = make(), make()
    assert type(first) is decoder
    assert first is not second


@pytest.mark.parametrize(
    "content_type", ["application/json", "", "audio/mpeg", "text/event-streams", "text/plain"]
)
def test_documents(content_type: str) -> None:
    """Any other body is one document."""
    assert event_decoder(content_type) is None
