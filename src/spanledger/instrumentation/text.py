"""How long a text of somebody else's may be on our spans."""

from typing import Final

__all__ = ["TEXT_CHARS_MAX", "bounded"]

TEXT_CHARS_MAX: Final = 1024
"""Identifiers are far shorter; what is longer is cut."""


def bounded(value: object) -> str:
    """`value` as a text that fits on a span and can be encoded."""
    text = str(value)[:TEXT_CHARS_MAX]
    # Half a surrogate pair would fail the export of every span in the batch.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
