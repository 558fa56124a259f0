"""Deliveries as records in a file, so that a damaged one takes no other with it.

A record is a marker, its lengths, two checksums, the facts of the delivery as JSON, and the body as
it came. The marker is random, and another in each file: nobody who sends a body can put into it
what would be taken for a record, with the project of somebody else, once the record around it is
damaged.
"""

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from spanledger.collector.delivery import Delivery

__all__ = ["MARKER_BYTES", "Gap", "Record", "encode", "read_record"]

MARKER_BYTES: Final = 16

_HEAD: Final = struct.Struct(f">{MARKER_BYTES}sIII")
"""Marker, length of the facts, length of the body, CRC-32 of both."""

_CRC: Final = struct.Struct(">I")
"""Of the head: lengths are believed only if it holds."""

_HEAD_BYTES: Final = _HEAD.size + _CRC.size
_CHUNK: Final = 1 << 20

Read = Callable[[int, int], bytes]
"""Gives so many bytes from an offset on, fewer only where the file ends."""


@dataclass(frozen=True, slots=True)
class Record:
    """A sound record."""

    delivery: Delivery
    end: int
    """Where it ends in its file, in bytes."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a file without a sound record."""

    start: int
    end: int
    torn: bool
    """It is the beginning of a record whose writing was cut off, so it was never acknowledged."""


def encode(delivery: Delivery, marker: bytes) -> bytes:
    """`delivery` as a record of a file with this marker."""
    facts = {
        field.name: getattr(delivery, field.name)
        for field in fields(Delivery)
        if field.name != "body"
    }
    facts["received_at"] = delivery.received_at.isoformat()
    meta = json.dumps(facts, separators=(",", ":")).encode()
    body = delivery.body
    head = _HEAD.pack(marker, len(meta), len(body), zlib.crc32(body, zlib.crc32(meta)))
    return b"".join((head, _CRC.pack(zlib.crc32(head)), meta, body))


def read_record(read: Read, start: int, end: int, marker: bytes) -> Record | Gap:
    """What stands at `start` of a file that ends at `end`: a record, or a gap up to the next one.

    Raises:
        OSError: the file cannot be read.
    """
    head = read(start, min(_HEAD_BYTES, end - start))
    lengths = _lengths(head, marker)
    if lengths is None:
        return _gap(read, start, end, marker)
    meta_bytes, body_bytes, crc = lengths
    begin = start + _HEAD_BYTES
    stop = begin + meta_bytes + body_bytes
    if stop > end:
        # The lengths are sound, so the file ends in the middle of the record.
        return Gap(start, end, torn=True)
    payload = read(begin, stop - begin)
    delivery = _decode(payload, meta_bytes) if zlib.crc32(payload) == crc else None
    if delivery is None:
        return _gap(read, start, end, marker)
    return Record(delivery, stop)


def _lengths(head: bytes, marker: bytes) -> tuple[int, int, int] | None:
    if len(head) < _HEAD_BYTES or not head.startswith(marker):
        return None
    if _CRC.unpack_from(head, _HEAD.size)[0] != zlib.crc32(head[: _HEAD.size]):
        return None
    _, meta_bytes, body_bytes, crc = _HEAD.unpack_from(head)
    return meta_bytes, body_bytes, crc


def _decode(payload: bytes, meta_bytes: int) -> Delivery | None:
    """The delivery; `None` where its facts are none that this program writes."""
    try:
        facts = json.loads(payload[:meta_bytes])
        received_at = datetime.fromisoformat(facts.pop("received_at"))
        return Delivery(body=payload[meta_bytes:], received_at=received_at, **facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _gap(read: Read, start: int, end: int, marker: bytes) -> Gap:
    following = _find(read, start + 1, end, marker)
    if following is not None:
        return Gap(start, following, torn=False)
    return Gap(
        start, end, torn=_is_torn(read(start, min(end - start, _CHUNK)), end - start, marker)
    )


def _is_torn(rest: bytes, length: int, marker: bytes) -> bool:
    """Whether what is left at the end is a head that was cut off, or room without its data.

    After a power cut a file may be longer than what was written to it: the rest are zeros.
    """
    if len(rest) == length and not rest.strip(b"\0"):
        return True
    return length < _HEAD_BYTES and rest[:MARKER_BYTES] == marker[:length]


def _find(read: Read, start: int, end: int, marker: bytes) -> int | None:
    """Where the marker stands next."""
    while end - start >= MARKER_BYTES:
        chunk = read(start, min(_CHUNK, end - start))
        found = chunk.find(marker)
        if found >= 0:
            return start + found
        # The marker may begin in this chunk and end in the next.
        start += max(len(chunk) - MARKER_BYTES + 1, 1)
    return None
