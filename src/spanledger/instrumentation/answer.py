"""From the bytes of a response, as they pass, to the answer that they hold."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Final, cast

from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.reader import read_answer
from spanledger.dialects.streams import Decoder, event_decoder
from spanledger.instrumentation.encodings import Decode, decoding
from spanledger.instrumentation.skim import EventSkimmer

__all__ = ["BODY_BYTES_MAX", "HELD_BYTES_MAX", "AnswerReader"]

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""The most that is kept of a body that is one JSON document; of a longer one the usage is lost."""

HELD_BYTES_MAX: Final = 256 * 1024
"""The most that is held of a body before it is read: to read at once is cheaper than by chunks."""

_CHUNK_BYTES: Final = 48
"""What holding a chunk takes beside its bytes."""


class AnswerReader:
    """Reads a body event by event where it is an event stream, else as one JSON document."""

    __slots__ = ("_decode", "_held", "_parser", "_stated", "_weight", "events")

    def __init__(self, dialect: Dialect, headers: Mapping[str, str]) -> None:
        make_decoder = event_decoder(headers.get("content-type", ""))
        self.events = make_decoder is not None
        """The body is a stream of events, whether or not the request asked for one."""
        self._decode: Decode | None = decoding(headers.get("content-encoding", ""))
        self._parser = _Events(dialect, make_decoder) if make_decoder else _Document(dialect)
        self._held: list[bytes] = []  # chunks that nobody has looked at yet
        self._weight = 0
        self._stated = dialect.read_headers(headers)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body, as they came over the wire."""
        self._held.append(data)
        self._weight += len(data) + _CHUNK_BYTES
        if self._weight > HELD_BYTES_MAX:
            self._read_held()

    def feed_decoded(self, data: bytes) -> None:
        """Take bytes whose content encoding the HTTP client has undone already.

        A body comes either so or as it came over the wire, never both.
        """
        self._decode = _as_it_is
        self.feed(data)

    def answer(self, *, ended: bool) -> Answer:
        """What was said; `ended` tells whether the body came to its end."""
        if self._decode is None:
            return Answer(complete=ended, usage=self._stated)
        self._read_held()
        answer = self._parser.answer(ended=ended)
        return answer if answer.usage is not None else replace(answer, usage=self._stated)

    def _read_held(self) -> None:
        data = b"".join(self._held)
        self._held.clear()
        self._weight = 0
        if self._decode is not None:
            for piece in self._decode(data):
                self._parser.feed(piece)


def _as_it_is(data: bytes) -> tuple[bytes]:
    return (data,)


class _Events:
    __slots__ = ("_skimmer",)

    def __init__(self, dialect: Dialect, make_decoder: Callable[[], Decoder]) -> None:
        self._skimmer = EventSkimmer(dialect, make_decoder)

    def feed(self, data: bytes) -> None:
        self._skimmer.feed(data)

    def answer(self, *, ended: bool) -> Answer:  # noqa: ARG002 - a stream says itself when it ends
        return self._skimmer.answer()


class _Document:
    __slots__ = ("_body", "_dialect", "_too_long")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._body = bytearray()
        self._too_long = False

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
