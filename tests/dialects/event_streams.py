"""Amazon's binary event streams, written by hand for the tests."""

import json
from base64 import b64encode
from collections.abc import Mapping
from struct import pack
from typing import Any
from zlib import crc32


def headers(fields: Mapping[str, str]) -> bytes:
    """Headers of texts as the format writes them."""
    return b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
        for name, value in fields.items()
    )


def message(block: bytes, payload: bytes) -> bytes:
    """A message with this block of headers."""
    prelude = pack(">II", 16 + len(block) + len(payload), len(block))
    unsigned = prelude + pack(">I", crc32(prelude)) + block + payload
    return unsigned + pack(">I", crc32(unsigned))


def plain(name: str, payload: bytes) -> bytes:
    """An event as Bedrock sends it."""
    fields = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return message(headers(fields), payload)


def recorded_stream(recorded: bytes) -> bytes:
    """The bytes of a stream that was recorded as a list of (headers, payload).

    A payload that is an object is the event of a model's maker, which travels in base64.
    """
    pairs: list[tuple[dict[str, str], Any]] = json.loads(recorded)
    return b"".join(
        message(
            headers(fields), payload.encode() if isinstance(payload, str) else _wrapped(payload)
        )
        for fields, payload in pairs
    )


def _wrapped(event: Mapping[str, object]) -> bytes:
    inner = b64encode(json.dumps(event, separators=(",", ":")).encode()).decode()
    return json.dumps({"bytes": inner, "p": "abcdefghijk"}, separators=(",", ":")).encode()
