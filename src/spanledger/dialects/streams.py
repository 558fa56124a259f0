"""Which decoder turns a body into events: the content type decides."""

from collections.abc import Callable
from typing import Final, Protocol

from spanledger.dialects.eventstream import MessageDecoder
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.sse import Event, EventDecoder

__all__ = ["Decoder", "event_decoder"]


class Decoder(Protocol):
    """Turns the chunks of a stream into events, whatever framing is between them."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        ...

    def flush(self) -> list[Event]:
        """What the stream left open, to be asked for once at its end."""
        ...


_DECODERS: Final[dict[str, Callable[[], Decoder]]] = {
    "text/event-stream": EventDecoder,
    "application/x-ndjson": LineDecoder,
    "application/ndjson": LineDecoder,
    "application/jsonl": LineDecoder,
    "application/x-jsonlines": LineDecoder,
    "application/stream+json": LineDecoder,
    "application/vnd.amazon.eventstream": MessageDecoder,
}


def event_decoder(content_type: str) -> Callable[[], Decoder] | None:
    """What makes a decoder for bodies of this type; `None` where the body is one document."""
    return _DECODERS.get(content_type.partition(";")[0].strip().lower())
