"""Amazon's binary event streams (`application/vnd.amazon.eventstream`), however they were cut.

A message is a prelude (its whole length, the length of its headers, the prelude's CRC32), headers,
a payload, and the CRC32 of all that stands before it.
"""

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
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

_WRAPPED: Final = re.compile(rb'"bytes"\s*:\s*"([A-Za-z0-9+/=]*)"')
"""Where InvokeModelWithResponseStream puts the event of the model's maker."""


class MessageDecoder:
    """Turns the chunks of a stream into events. It takes any bytes, and its memory is bounded.

    An exception in the stream is the event `error`, whose data names it at `error.type` as other
    providers do. The name of any other event is its `:event-type`, and its data the payload, out
    of its base64 where it is in it: whoever looks for a word in the data finds it.
    """

    __slots__ = ("_buffer", "_limit", "_skip", "broken", "dropped")

    def __init__(self, *, limit: int = EVENT_BYTES_MAX) -> None:
        self.dropped = 0
        """Messages that were damaged, or longer than the limit; the returned events lack them."""
        self.broken = False
        """A prelude was no prelude: nothing after it can be told apart any more."""
        self._limit = limit
        self._buffer = bytearray()
        self._skip = 0  # bytes of a dropped message that are still to come

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        if self.broken:
            return []
        self._buffer += chunk
        events: list[Event] = []
        while (message := self._next_message()) is not None:
            event = _event(message)
            if event is None:
                self.dropped += 1
            else:
                events.append(event)
        return events

    def flush(self) -> list[Event]:
        """Nothing: of a message that was cut no part can be trusted."""
        self._buffer.clear()
        return []

    def _next_message(self) -> bytes | None:
        """The next message that is whole and short enough, prelude and all."""
        while self._skipped() and len(self._buffer) >= _PRELUDE.size:
            total, headers, stated = _PRELUDE.unpack_from(self._buffer)
            if crc32(self._buffer[:8]) != stated or total < _OVERHEAD + headers:
                self.broken = True
                self._buffer.clear()
            elif total > self._limit:
                self.dropped += 1
                self._skip = total
            elif len(self._buffer) < total:
                break
            else:
                message = bytes(self._buffer[:total])
                del self._buffer[:total]
                return message
        return None

    def _skipped(self) -> bool:
        """Discard what there is of a dropped message; tells whether all of it has come."""
        if self._skip:
            here = min(self._skip, len(self._buffer))
            del self._buffer[:here]
            self._skip -= here
        return not self._skip


def _event(message: bytes) -> Event | None:
    """The event that a message holds; `None` where the message is damaged."""
    (stated,) = _CRC.unpack_from(message, len(message) - _CRC.size)
    if crc32(memoryview(message)[: -_CRC.size]) != stated:
        return None
    start = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    headers = _headers(message[_PRELUDE.size : start])
    if headers is None:
        return None
    if error := _error(headers):
        return Event(name="error", data=json.dumps({"error": {"type": error}}))
    return _plain_event(headers.get(":event-type", ""), message[start : -_CRC.size])


def _plain_event(name: str, payload: bytes) -> Event:
    if name == "chunk" and (wrapped := _WRAPPED.search(payload)):
        try:
            payload = b64decode(wrapped[1])
        except Base64Error:
            payload = b""
    return Event(name=name, data=payload.decode("utf-8", "replace"))


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
