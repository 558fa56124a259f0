from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from spanledger.dialects.dialect import Answer, Dialect
from spanledger.dialects.reader import follow
from spanledger.dialects.sse import EventDecoder


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], bytes]:
    """A body of `tests/recorded` by its file name."""
    folder = Path(__file__).parent.parent / "recorded"
    return lambda name: (folder / name).read_bytes()


@pytest.fixture(scope="session")
def read_stream() -> Callable[[Dialect, Iterable[bytes]], Answer]:
    """What the chunks of a stream say in the end."""

    def read(dialect: Dialect, chunks: Iterable[bytes]) -> Answer:
        decoder = EventDecoder()
        answer = Answer()
        for events in (*(decoder.feed(chunk) for chunk in chunks), decoder.flush()):
            for event in events:
                answer = follow(dialect, answer, event)
        return answer

    return read
