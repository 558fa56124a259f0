"""From the bytes of a response, as they pass, to the answer that they hold."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Final, cast

from spanledger.dialects.dialect import Answer, Dialect, Json, no_usage
from spanledger.dialects.reader import read_answer
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.streams import Decoder, event_decoder
from spanledger.instrumentation.encodings import BadEncoding, Decode, decoding
from spanledger.instrumentation.skim import EventSkimmer
from spanledger.instrumentation.text import bounded
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

_NO_JSON: Final = "the body is no JSON document"

_EVENT_START: Final = re.compile(rb"\s*(?:data|event|id|retry)?:")

_CHUNK_BYTES: Final = 48
"""What holding a chunk takes beside its bytes."""


class AnswerReader:
    """Reads a body event by event where it is an event stream, else as one JSON document.

    Nothing is looked at before the end, or before as much is held as may be.
    """

    __slots__ = (
        "_decode",
        "_decoded",
        "_dialect",
        "_headers",
        "_held",
        "_kind_and_coding",
        "_parser",
        "_problem",
        "_weight",
    )

    def __init__(self, dialect: Dialect, headers: Mapping[str, str]) -> None:
        self._dialect = dialect
        self._headers = headers
        self._kind_and_coding: tuple[str, str] | None = None
        self._decoded = False
        self._decode: Decode | None = None
        self._parser: _Events | _Document | None = None
        self._problem = ""
        self._held: list[bytes] = []  # chunks that nobody has looked at yet
        self._weight = 0

    @property
    def events(self) -> bool:
        """The body is a stream of events, whether or not the request asked for one."""
        return isinstance(self._parser or self._opened(b""), _Events)

    @property
    def problem(self) -> str:
        """What was wrong with the body, in a few words; to be asked for after `answer`."""
        return self._problem or self._opened(b"").problem

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
        return self._opened(b"").written()

    @property
    def weight(self) -> int:
        """What is still held, in bytes."""
        return self._weight + self._opened(b"").weight

    def read(self) -> "_Events | _Document":
        """Read what is held, and let go of it."""
        data = b"".join(self._held)
        self._held.clear()
        self._weight = 0
        if self._parser is None:
            coding = self._content()[1]
            self._decode = _as_it_is if self._decoded else decoding(coding)
            if self._decode is None:
                self._problem = f"content-encoding {bounded(coding)} is not known here"
        if self._decode is not None:
            try:
                for piece in self._decode(data):
                    self._opened(piece).feed(piece)
            except BadEncoding:
                self._problem = "the body is not in the encoding that it says"
                self._decode = None
        return self._opened(b"")

    def _content(self) -> tuple[str, str]:
        """The type and the encoding of the body, as its headers say."""
        if self._kind_and_coding is None:
            self._kind_and_coding = content_headers(self._headers)
        return self._kind_and_coding

    def _opened(self, start: bytes) -> "_Events | _Document":
        """What parses the body, by its type, or by its start where that says otherwise."""
        if self._parser is None:
            kind, dialect = self._content()[0], self._dialect
            make_decoder = event_decoder(kind)
            if make_decoder is EventDecoder and start.lstrip().startswith((b"{", b"[")):
                self._problem = "the body is no stream of events, as it says, but JSON"
                make_decoder = None
            elif make_decoder is None and _EVENT_START.match(start):
                self._problem = "the body is a stream of events, and does not say so"
                make_decoder = EventDecoder
            self._parser = (
                _Events(dialect, make_decoder) if make_decoder else _Document(dialect, kind)
            )
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

    @property
    def problem(self) -> str:
        return "an event was too long to be read" if self._skimmer.dropped else ""

    def written(self) -> Written:
        return written_in_events(self._dialect, self._make_decoder, self._kept)

    def answer(self, *, ended: bool) -> Answer:  # noqa: ARG002 - a stream says itself when it ends
        return self._skimmer.answer()


class _Document:
    __slots__ = ("_body", "_dialect", "_json", "_too_long", "problem")

    def __init__(self, dialect: Dialect, kind: str) -> None:
        self._dialect = dialect
        self._json = not kind or "json" in kind  # not speech, say, nor a plain transcript
        self.problem = ""
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
        if ended:
            no_json = _NO_JSON if self._json else ""
            self.problem = "the body is too long to be read" if self._too_long else no_json
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
