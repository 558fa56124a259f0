"""Texts on our spans: how long one of somebody else's may be, and how a value is spelled."""

import json
from typing import Final

__all__ = ["TEXT_CHARS_MAX", "bounded", "encode_json"]

TEXT_CHARS_MAX: Final = 1024
"""Identifiers are far shorter; what is longer is cut."""


def bounded(value: object) -> str:
    """`value` as a text that fits on a span and can be encoded."""
    text = str(value)[:TEXT_CHARS_MAX]
    # Half a surrogate pair would fail the export of every span in the batch.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: object) -> object:
    """What JSON has no word for, as text."""
    return value.hex() if isinstance(value, bytes) else str(value)


# What is encoded comes out of JSON or off a span: it holds no cycles.
encode_json: Final = json.JSONEncoder(
    separators=(",", ":"), check_circular=False, default=_plain
).encode
"""A value as compact JSON in ASCII."""
