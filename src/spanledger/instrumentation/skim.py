"""Reading a stream of events in bulk: only those that can say something new are parsed.

Most events of a stream differ in the text they carry and in nothing else. With every value that no
dialect reads put to zero they become the same bytes, and bytes that have said nothing once say
nothing again. So the answer is exactly that of parsing each event, at a fraction of the cost.
"""

import re
from collections.abc import Callable
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.reader import follow
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.streams import Decoder

__all__ = ["UNREAD", "EventSkimmer"]

UNREAD: Final = (
    "content",
    "obfuscation",
    "delta",
    "text",
    "arguments",
    "partial_json",
    "thinking",
    "reasoning",
    "reasoning_content",
    "sequence_number",
    "created_at",
)
"""Keys whose texts and numbers no dialect reads for anything but the words of the model."""

_NOISE: Final = re.compile(
    rb'"(?:%s)": ?(?:"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
    rb"|[1-9]\d{0,14}(?![\d.eE]))" % "|".join(UNREAD).encode()
)
_STILL: Final = b'"~":0'
"""What stands in the place of noise: JSON as well, so that broken JSON stays broken."""

_HEAD: Final = b"\x01"
_MIDDLE: Final = b"\x02"
_COMMON_BYTES_MIN: Final = 24
"""What events have in common is worth a place holder from this length on."""

_REST_BYTES_MAX: Final = 1024 * 1024
"""One event longer than this, and the rest of the stream is decoded the plain way."""


class EventSkimmer:
    """The answer in a stream of events, fed in pieces of any size. Its memory is bounded."""

    __slots__ = ("_answer", "_decoder", "_dialect", "_rest", "_separator")

    def __init__(self, dialect: Dialect, make_decoder: Callable[[], Decoder]) -> None:
        self._dialect = dialect
        self._decoder = make_decoder()
        self._answer = Answer()
        self._rest = b""
        self._separator = _SEPARATORS.get(type(self._decoder), b"")

    def feed(self, data: bytes) -> None:
        """Take the next bytes, decoded."""
        if not self._separator:
            self._follow(data)
        elif whole := self._cut(self._rest + data):
            self._skim(whole)

    @property
    def stated(self) -> bool:
        """Some usage has been stated so far."""
        return self._answer.usage is not None

    @property
    def dropped(self) -> int:
        """Events that were too long to be read."""
        return getattr(self._decoder, "dropped", 0)

    def answer(self) -> Answer:
        """What the stream has said, to be asked for once at its end."""
        self._follow(self._rest)
        self._rest = b""
        for event in self._decoder.flush():
            self._answer = follow(self._dialect, self._answer, event)
        return self._answer

    def _cut(self, data: bytes) -> bytes:
        """The whole events in `data`, with plain line ends; what follows them is kept."""
        separators = (self._separator, self._separator.replace(b"\n", b"\r\n"))
        end = max(data.rfind(one) + len(one) if one in data else 0 for one in separators)
        whole, self._rest = data[:end], data[end:]
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n")
        if b"\r" not in whole and len(self._rest) <= _REST_BYTES_MAX:
            return whole
        # A lone carriage return ends a line too.
        self._separator = self._rest = b""
        self._follow(data)
        return b""

    def _skim(self, whole: bytes) -> None:
        """Follow the events in `whole`, but for those that are known to change nothing."""
        head, middle = _common(whole, self._separator)
        if head:
            whole = whole.replace(head, _HEAD)
        if middle:
            whole = whole.replace(middle, _MIDDLE)
        stilled = _NOISE.sub(_STILL, whole).split(self._separator)
        silent: set[bytes] = set()
        for block, key in zip(whole.split(self._separator), stilled, strict=True):
            if key in silent:
                continue
            before = self._answer
            event = block.replace(_MIDDLE, middle) if middle else block
            event = event.replace(_HEAD, head) if head else event
            self._follow(event + self._separator)
            # Usages may be equal as Python counts, where 1 is True.
            if self._answer.usage is before.usage and self._answer == before:
                silent.add(key)
            else:
                silent.clear()

    def _follow(self, data: bytes) -> None:
        for event in self._decoder.feed(data):
            self._answer = follow(self._dialect, self._answer, event)


_SEPARATORS: Final[dict[type[Decoder], bytes]] = {EventDecoder: b"\n\n", LineDecoder: b"\n"}
"""What stands between two events, where that can be told without decoding."""


def _common(whole: bytes, separator: bytes) -> tuple[bytes, bytes]:
    """What the event in the middle has before its first noise, and between that and the next."""
    if _HEAD in whole or _MIDDLE in whole:
        return b"", b""
    start = whole.rfind(separator, 0, len(whole) // 2) + len(separator) if separator in whole else 0
    event = whole[start : whole.find(separator, start)]
    first = _NOISE.search(event)
    if first is None:
        return b"", b""
    second = _NOISE.search(event, first.end())
    head, middle = event[: first.start()], event[first.end() : second.start() if second else None]
    return _worth(head), _worth(middle)


def _worth(part: bytes) -> bytes:
    return part if len(part) >= _COMMON_BYTES_MIN else b""
