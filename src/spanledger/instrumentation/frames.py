"""Records in a file so that a damaged one takes no other with it.

A frame is a line: the payload's length and CRC-32 in hexadecimal, the payload, a newline. A payload
holds no newline, so after a damaged frame the next line is the next frame.
"""

import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["Frames", "frame", "read_frames"]

_HEAD_BYTES: Final = 16
_LENGTH_BYTES: Final = 8
_HEX: Final = frozenset(b"0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Frames:
    """What stands in a stretch of a file."""

    payloads: tuple[bytes, ...]
    damaged: int
    """Frames, or what is left of them, that were skipped."""
    end: int
    """Where the last of them ends, counted from the start of the stretch."""


def frame(payload: bytes) -> bytes:
    """`payload`, which holds no newline, as a frame."""
    return b"%08x%08x%b\n" % (len(payload), zlib.crc32(payload), payload)


def read_frames(data: bytes, *, limit: int) -> Frames:
    """The first frames of `data`, at most `limit`; `data` ends where the writer stopped."""
    payloads: list[bytes] = []
    damaged = position = 0
    while position < len(data) and len(payloads) + damaged < limit:
        end = _end_of_frame(data, position)
        if end is None:
            damaged += 1
            position = data.find(b"\n", position) + 1 or len(data)
        else:
            payloads.append(data[position + _HEAD_BYTES : end])
            position = end + 1
    return Frames(tuple(payloads), damaged, min(position, len(data)))


def _end_of_frame(data: bytes, start: int) -> int | None:
    """Where the payload of a sound frame ends; the newline after it may be damaged."""
    head = data[start : start + _HEAD_BYTES]
    if len(head) < _HEAD_BYTES or not _HEX.issuperset(head):
        return None
    begin = start + _HEAD_BYTES
    end = begin + int(head[:_LENGTH_BYTES], 16)
    if end > len(data) or zlib.crc32(data[begin:end]) != int(head[_LENGTH_BYTES:], 16):
        return None
    return end
