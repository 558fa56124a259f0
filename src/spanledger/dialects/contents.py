"""Texts out of prompts and answers, however they are nested."""

import json
from collections.abc import Iterable, Iterator
from typing import cast

from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import text

__all__ = ["texts_along"]


def texts_along(body: Json, path: str, *keys: str) -> Iterator[str]:
    """The texts at `keys` of the objects at `path`, a name or names with dots between them.

    Every object of a list is followed. A text at the end of `path` itself counts, for content is
    mostly either a text or a list of objects. An object or list at a key, such as a tool's input,
    is spelled as JSON, which is how a model reads and writes it. Without keys the objects at
    `path` are spelled whole.
    """
    found: Iterable[object] = (body,)
    for name in path.split("."):
        found = [
            piece
            for item in found
            if isinstance(item, dict)
            for piece in _flat(cast("Json", item).get(name))
        ]
    for item in found:
        if isinstance(item, dict) and keys:
            fields = cast("Json", item)
            yield from filter(None, (_spelled(fields, key) for key in keys))
        elif spelled := _spelled({path: cast("object", item)}, path):
            yield spelled


def _flat(value: object) -> Iterator[object]:
    """What stands in a list, or in lists in it; what is no list as it is."""
    pending = [value]
    while pending:
        piece = pending.pop()
        if isinstance(piece, list):
            pending.extend(reversed(cast("list[object]", piece)))
        else:
            yield piece


def _spelled(body: Json, key: str) -> str:
    value = body.get(key)
    if not value or not isinstance(value, dict | list):
        return text(body, key)
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return ""
