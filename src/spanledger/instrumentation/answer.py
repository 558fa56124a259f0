"""From the bytes of a response, as they pass, to the answer that they hold."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Final, cast

from spanledger.dialects.dialect import Answer, Dialect, Json, no_usage
from spanledger.dialects.reader import read_answer
from spanledger.dialects.streams import Decoder, event_decoder
from spanledger.instrumentation.encodings import Decode, decoding
from spanledger.instrumentation.skim import EventSkimmer
from spanledger.instrumentation.wire import content_headers
from spanledger.instrumentation.written import (
    Kept,
    Written,
    written_in_document,
    written_in_events,
)

__all__ = ["BODY_BYTES_MAX", "HELD_BYTES_MAX", "AnswerReader"]

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""The most that is kept of a body that is one JSON document; of a longer one the usage is lost."""

HELD_BYTES_MAX: Final = 256 * 1024
"""The most that is held of a body before it is read: to read at once is cheaper than by chunks."""

_CHUNK_BYTES: Final = 48
"""What holding a chunk takes beside its bytes."""


class AnswerReader:
    """Reads a body event by event where it is an event stream, else as one JSON document.

    Nothing is looked at before the end, or before as much is held as may be.
    """

    __slots__ = ("_decode", "_decoded", "_dialect", "_headers", "_held", "_parser", "_weight")

    def __init__(self, dialect: Dialect, headers: Mapping[str, str]) -> None:
        self._dialect = dialect
        self._headers = headers
        self._decoded = False
        self._decode: Decode | None = None
        self._parser: _Events | _Document | None = None
        self._held: list[bytes] = []  # chunks that nobody has looked at yet
        self._weight = 0

    @property
    def events(self) -> bool:
        """The body is a stream of events, whether or not the request asked for one."""
        return isinstance(self._parser or self._opened(), _Events)

    def hold(self, data: bytes, *, decoded: bool = False) -> bool:
        """Take the next bytes of the body; tells whether so much is held that it must be read.

        Args:
            data: as they came over the wire.
            decoded: the HTTP client has undone their content encoding already. A body comes either
                so or as it came over the wire, never both.
        """
        self._decoded = decoded
        self._held.append(data)
        self._weight += len(data) + _CHUNK_BYTES
        return self._weight > HELD_BYTES_MAX

    def answer(self, *, ended: bool) -> Answer:
        """What was said; `ended` tells whether the body came to its end."""
        parser = self.read()
        answer = Answer(complete=ended) if self._decode is None else parser.answer(ended=ended)
        if answer.usage is not None or self._dialect.read_headers is no_usage:
            return answer
        headers = {name.lower(): value for name, value in self._headers.items()}
        return replace(answer, usage=self._dialect.read_headers(headers))

    def written(self) -> Written:
        """What the model wrote, as far as it was seen and no usage was stated; after `answer`."""
        return self._opened().written()

    @property
    def weight(self) -> int:
        """What is still held, in bytes."""
        return self._weight + self._opened().weight

    def read(self) -> "_Events | _Document":
        """Read what is held, and let go of it."""
        parser = self._parser or self._opened()
        data = b"".join(self._held)
        self._held.clear()
        self._weight = 0
        if self._decode is not None:
            for piece in self._decode(data):
                parser.feed(piece)
        return parser

    def _opened(self) -> "_Events | _Document":
        kind, coding = content_headers(self._headers)
        make_decoder, dialect = event_decoder(kind), self._dialect
        self._parser = _Events(dialect, make_decoder) if make_decoder else _Document(dialect)
        self._decode = _as_it_is if self._decoded else decoding(coding)
        return self._parser


def _as_it_is(data: bytes) -> tuple[bytes]:
    return (data,)


class _Events:
    __slots__ = ("_dialect", "_kept", "_make_decoder", "_skimmer")

    def __init__(self, dialect: Dialect, make_decoder: Callable[[], Decoder]) -> None:
        self._dialect = dialect
        self._make_decoder = make_decoder
        self._skimmer = EventSkimmer(dialect, make_decoder)
        self._kept = Kept()

    @property
    def weight(self) -> int:
        return self._kept.weight

    def feed(self, data: bytes) -> None:
        self._skimmer.feed(data)
        if self._skimmer.stated:
            self._kept.drop()
        else:
            self._kept.add(data)

    def written(self) -> Written:
        return written_in_events(self._dialect, self._make_decoder, self._kept)

    def answer(self, *, ended: bool) -> Answer:  # noqa: ARG002 - a stream says itself when it ends
        return self._skimmer.answer()


class _Document:
    __slots__ = ("_body", "_dialect", "_too_long")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._body = bytearray()
        self._too_long = False

    @property
    def weight(self) -> int:
        return len(self._body)

    def written(self) -> Written:
        return written_in_document(self._dialect, bytes(self._body))

    def feed(self, data: bytes) -> None:
        self._too_long = self._too_long or len(self._body) + len(data) > BODY_BYTES_MAX
        if self._too_long:
            self._body.clear()
        else:
            self._body += data

    def answer(self, *, ended: bool) -> Answer:
        body = bytes(self._body)
        whole = read_answer(self._dialect, body)
        if whole is not None:
            return whole
        if body.lstrip().startswith(b"["):
            return reduce(
                lambda so_far, chunk: self._dialect.read_event(so_far, "", chunk),
                _chunks(body.decode("utf-8", "replace")),
                Answer(),
            )
        return Answer(complete=ended)


def _chunks(array: str) -> Iterator[Json]:
    """The whole objects at the start of a JSON array that was cut."""
    decoder = json.JSONDecoder()
    position = array.find("{")
    while position >= 0:
        try:
            chunk, end = decoder.raw_decode(array, position)
        except (ValueError, RecursionError):
            return
        yield cast("Json", chunk)
        position = array.find("{", end)
