"""The text fields of a form that is sent with files, as uploads of audio and images are."""

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["is_form", "read_form"]

_EDGE_BYTES: Final = 64 * 1024
"""How much of the start and of the end is looked at: between them is the file."""

_FIELDS_MAX: Final = 128
_LINE_BYTES_MAX: Final = 200
"""RFC 2046 allows a boundary 70 characters."""

_NAME: Final = re.compile(rb';\s*name="?([^";\r\n]+)', re.IGNORECASE)
_FILE: Final = re.compile(rb";\s*filename\*?=", re.IGNORECASE)


def is_form(body: bytes) -> bool:
    """Whether `body` is of the type multipart/form-data: no JSON begins like that."""
    return body.startswith(b"--")


def read_form(body: bytes) -> dict[str, str]:
    """The text fields by name. Files are left out, and of a large body its middle is."""
    delimiter = body[: max(0, body.find(b"\r\n", 0, _LINE_BYTES_MAX))]
    if not delimiter:
        return {}
    edges = body
    if len(body) > 2 * _EDGE_BYTES:
        edges = body[:_EDGE_BYTES] + body[-_EDGE_BYTES:]
    parts = (b"\r\n" + edges).split(b"\r\n" + delimiter, _FIELDS_MAX)
    return dict(_fields(parts))


def _fields(parts: list[bytes]) -> Iterator[tuple[str, str]]:
    for part in parts:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name and not _FILE.search(head):
            yield name[1].decode("utf-8", "replace"), value.decode("utf-8", "replace")
