from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from spanledger.dialects.dialect import Answer, Dialect
from spanledger.dialects.reader import follow
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.streams import Decoder


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], bytes]:
    """A body of `tests/recorded` by its file name."""
    folder = Path(__file__).parent.parent / "recorded"
    return lambda name: (folder / name).read_bytes()


ReadStream = Callable[..., Answer]


@pytest.fixture(scope="session")
def read_stream() -> ReadStream:
    """What the chunks of a stream say in the end, by the decoder for its framing."""

    def read(
        dialect: Dialect,
        chunks: Iterable[bytes],
        make_decoder: Callable[[], Decoder] = EventDecoder,
    ) -> Answer:
        decoder = make_decoder()
        answer = Answer()
        for events in (*(decoder.feed(chunk) for chunk in chunks), decoder.flush()):
            for event in events:
                answer = follow(dialect, answer, event)
        return answer

    return read
