"""Amazon's binary event streams (`application/vnd.amazon.eventstream`), however they were cut.

A message is a prelude (its whole length, the length of its headers, the prelude's CRC32), headers,
a payload, and the CRC32 of all that stands before it.
"""

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from spanledger.dialects.fields import UNNAMED_ERROR
from spanledger.dialects.sse import EVENT_BYTES_MAX, Event

__all__ = ["MessageDecoder"]

_PRELUDE: Final = Struct(">III")
_CRC: Final = Struct(">I")
_OVERHEAD: Final = _PRELUDE.size + _CRC.size
"""The length of a message that has neither headers nor payload."""

_FIXED_SIZES: Final = (0, 0, 1, 2, 4, 8, None, None, 8, 16)
"""Bytes of a header's value by its type; those of bytes (6) and text (7) are stated before it."""
_TEXT: Final = 7

_KNOWN_MAX: Final = 64
_KNOWN_BYTES_MAX: Final = 1024
"""Blocks of headers that a decoder remembers, and the length of those that it does not."""

_WRAPPED: Final = re.compile(rb'"bytes"\s*:\s*"([A-Za-z0-9+/=]*)"')
"""Where InvokeModelWithResponseStream puts the event of the model's maker."""


class MessageDecoder:
    """Turns the chunks of a stream into events. It takes any bytes, and its memory is bounded.

    An exception in the stream is the event `error`, whose data names it at `error.type` as other
    providers do. The name of any other event is its `:event-type`, and its data the payload, out
    of its base64 where it is in it: whoever looks for a word in the data finds it.
    """

    __slots__ = ("_known", "_limit", "_rest", "_skip", "broken", "dropped")

    def __init__(self, *, limit: int = EVENT_BYTES_MAX) -> None:
        self.dropped = 0
        """Messages that were damaged, or longer than the limit; the returned events lack them."""
        self.broken = False
        """A prelude was no prelude: nothing after it can be told apart any more."""
        self._limit = limit
        self._rest = bytearray()  # the unfinished message
        self._skip = 0  # bytes of a dropped message that are still to come
        self._known: dict[bytes, _Kind | None] = {}  # the same few headers come again and again

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        if self.broken:
            return []
        data = chunk
        if self._rest:
            self._rest += chunk
            data = self._rest
        events: list[Event] = []
        position = self._read(data, events)
        if data is self._rest:
            del self._rest[:position]
        else:
            self._rest += data[position:]
        return events

    def flush(self) -> list[Event]:
        """Nothing: of a message that was cut no part can be trusted."""
        self._rest.clear()
        return []

    def _read(self, data: bytes | bytearray, events: list[Event]) -> int:
        """Read the messages that are whole; tells where what is left begins."""
        position = min(self._skip, len(data))
        self._skip -= position
        while len(data) - position >= _PRELUDE.size:
            total, headers, stated = _PRELUDE.unpack_from(data, position)
            if crc32(data[position : position + 8]) != stated or total < _OVERHEAD + headers:
                self.broken = True
                return len(data)
            here = len(data) - position
            if total > self._limit:
                self.dropped += 1
                self._skip = max(total - here, 0)
                position += min(total, here)
            elif here < total:
                break
            else:
                self._read_message(bytes(data[position : position + total]), headers, events)
                position += total
        return position

    def _read_message(self, message: bytes, length: int, events: list[Event]) -> None:
        start = _PRELUDE.size + length
        (stated,) = _CRC.unpack_from(message, len(message) - _CRC.size)
        kind = None
        if crc32(message[: -_CRC.size]) == stated:
            kind = self._kind(message[_PRELUDE.size : start])
        if kind is None:
            self.dropped += 1
        else:
            events.append(kind.event(message[start : -_CRC.size]))

    def _kind(self, block: bytes) -> "_Kind | None":
        """What a block of headers says; `None` where it does not follow the format."""
        if block in self._known:
            return self._known[block]
        headers = _headers(block)
        kind = None if headers is None else _Kind(headers.get(":event-type", ""), _error(headers))
        if len(self._known) < _KNOWN_MAX and len(block) < _KNOWN_BYTES_MAX:
            self._known[block] = kind
        return kind


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the headers of a message say about it."""

    name: str
    error: str

    def event(self, payload: bytes) -> Event:
        """The event with this payload."""
        if self.error:
            return Event(name="error", data=json.dumps({"error": {"type": self.error}}))
        if self.name == "chunk" and (wrapped := _WRAPPED.search(payload)):
            try:
                payload = b64decode(wrapped[1])
            except Base64Error:
                payload = b""
        return Event(name=self.name, data=payload.decode("utf-8", "replace"))


def _error(headers: Mapping[str, str]) -> str:
    """The name of the exception or error that a message stands for; '' if it is none."""
    match headers.get(":message-type"):
        case "exception":
            return headers.get(":exception-type") or UNNAMED_ERROR
        case "error":
            return headers.get(":error-code") or UNNAMED_ERROR
        case _:
            return ""


def _headers(block: bytes) -> dict[str, str] | None:
    """The headers that are texts; `None` where the block does not follow the format."""
    headers: dict[str, str] = {}
    position = 0
    try:
        while position < len(block):
            end = position + 1 + block[position]
            name, kind = block[position + 1 : end], block[end]
            size, start = _FIXED_SIZES[kind], end + 1
            if size is None:
                size, start = int.from_bytes(block[start : start + 2]), start + 2
            position = start + size
            if kind == _TEXT:
                headers[name.decode("utf-8", "replace")] = block[start:position].decode(
                    "utf-8", "replace"
                )
    except IndexError:
        return None
    return headers if position == len(block) else None
