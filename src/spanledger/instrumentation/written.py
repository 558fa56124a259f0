"""What the model wrote, kept in bytes until somebody asks, which is when no usage was stated."""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, cast

from spanledger.dialects.dialect import Dialect, Json
from spanledger.dialects.sse import Event
from spanledger.dialects.streams import Decoder

__all__ = [
    "KEPT_BYTES_MAX",
    "TAKEN_BYTES_MAX",
    "Kept",
    "Written",
    "written_in_document",
    "written_in_events",
]

KEPT_BYTES_MAX: Final = 256 * 1024
"""The most that is kept of a stream, compressed. What comes after is measured and not kept."""

TAKEN_BYTES_MAX: Final = 4 * 1024 * 1024
"""So much of a stream is kept as it came: to read it takes half a second, however small it became
by being compressed."""

_SAY_NOTHING: Final[tuple[object, ...]] = (None, {}, [])
_SPEED: Final = 1
_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """Texts that a model wrote."""

    texts: tuple[str, ...] = ()
    share: float = 1.0
    """How much of the answer they were taken from; the rest was not kept."""
    readable: bool = True
    """The answer had the form that it says it has."""


class Kept:
    """The bytes of a stream. Nothing is done with them before there are more than come at once.

    To compress them takes a fiftieth of the time that it takes to parse them, and the interpreter
    is free meanwhile: so texts are not looked for before they are needed.
    """

    __slots__ = ("_compressor", "_last", "_packed", "_seen", "_taken")

    def __init__(self) -> None:
        self._last = b""
        self._packed = bytearray()
        self._compressor = None  # its own memory is large
        self._seen = 0
        self._taken = 0

    @property
    def weight(self) -> int:
        """What it holds, in bytes."""
        return len(self._packed) + len(self._last)

    @property
    def share(self) -> float:
        """How much of what came is still there."""
        return self._taken / self._seen if self._seen else 1.0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._seen += len(data)
        data = data[: TAKEN_BYTES_MAX - self._taken]
        if not data or len(self._packed) > KEPT_BYTES_MAX:
            return
        if self._last:
            self._compressor = self._compressor or zlib.compressobj(_SPEED)
            self._packed += self._compressor.compress(self._last)
        self._last = data
        self._taken += len(data)

    def drop(self) -> None:
        """Let go of everything: it is not needed."""
        self._last, self._compressor = b"", None
        self._packed.clear()

    def pieces(self) -> Iterator[bytes]:
        """All that was kept, in its order."""
        if self._compressor is not None:
            inflater = zlib.decompressobj()
            data = bytes(self._packed) + self._compressor.copy().flush()
            while not inflater.eof and (piece := inflater.decompress(data, _PIECE_BYTES)):
                yield piece
                data = inflater.unconsumed_tail
        yield self._last


def written_in_events(dialect: Dialect, make_decoder: Callable[[], Decoder], kept: Kept) -> Written:
    """The text of a stream, put together from its events."""
    decoder = make_decoder()
    fed = chain.from_iterable(decoder.feed(piece) for piece in kept.pieces())
    events = chain(fed, _lazily(decoder.flush))
    text = "".join(text for event in events for text in _texts(dialect, _parsed(event.data)))
    return Written((text,) if text else (), kept.share)


def _lazily(flush: Callable[[], list[Event]]) -> Iterator[Event]:
    yield from flush()


def written_in_document(dialect: Dialect, body: bytes) -> Written:
    """The texts of one JSON document, which may be an array of chunks."""
    parsed = _parsed(body)
    texts = tuple(_texts(dialect, parsed))
    return Written(texts, readable=parsed not in _SAY_NOTHING)


def _texts(dialect: Dialect, parsed: object) -> Iterator[str]:
    for part in cast("list[object]", parsed) if isinstance(parsed, list) else [parsed]:
        if isinstance(part, dict):
            yield from dialect.read_output(cast("Json", part))


def _parsed(data: bytes | str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
