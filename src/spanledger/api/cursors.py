"""Cursors: where a page ended, tied to the question that it answers.

A cursor is opaque to callers and holds nothing that they could not ask anyway; its checksum finds
one that was cut, edited, or used with another question. It survives a restart of the server.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, cast

from spanledger.api.errors import Refused, invalid

__all__ = ["CURSOR_LENGTH_MAX", "Cursor", "Question", "read_cursor", "write_cursor"]

Question = Mapping[str, object]
"""Whatever must be the same on the next page; anything that JSON can write."""

Cursor = Mapping[str, str]
"""Names to the texts that say where to go on."""

CURSOR_LENGTH_MAX: Final = 1_000
_SUM_LENGTH: Final = 12


def write_cursor(cursor: Cursor, question: Question) -> str:
    """`cursor` as text that only continues `question`."""
    body = json.dumps(cursor, separators=(",", ":")).encode()
    return urlsafe_b64encode(_checksum(body, question) + body).decode().rstrip("=")


def read_cursor(text: str, question: Question) -> Cursor:
    """What `write_cursor` put into `text`.

    Raises:
        Refused: the text is damaged, or was made for another question.
    """
    try:
        content = urlsafe_b64decode(text[:CURSOR_LENGTH_MAX] + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise _refusal() from None
    body = content[_SUM_LENGTH:]
    if content[:_SUM_LENGTH] != _checksum(body, question):
        raise _refusal()
    return cast("Cursor", json.loads(body))


def _checksum(body: bytes, question: Question) -> bytes:
    asked = json.dumps(question, sort_keys=True).encode()
    return sha256(asked + b"\n" + body).digest()[:_SUM_LENGTH]


def _refusal() -> Refused:
    message = (
        "page is not a cursor of this question: pass next_page as it came, and change nothing "
        "but limit."
    )
    return invalid(message, param="page")
