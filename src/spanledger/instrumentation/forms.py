"""What can be known of a request's body without reading it in the app's place."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, cast

from spanledger.instrumentation.wire import HttpRequest

__all__ = ["known_body"]

_FIELDS_MAX: Final = 128


def known_body(request: HttpRequest) -> bytes:
    """The body, where it is in memory; of a form that httpx is to stream, its text fields as JSON.

    Any other stream is the app's, and can perhaps be read only once: of it nothing is known.
    """
    content: bytes | None = getattr(request, "_content", None)
    if content is not None:
        return content
    fields = cast("object", getattr(getattr(request, "stream", None), "fields", None))
    if not isinstance(fields, list):
        return b""
    return json.dumps(dict(_texts(cast("list[object]", fields)))).encode()


def _texts(fields: Iterable[object]) -> Iterator[tuple[str, str]]:
    for field in islice(fields, _FIELDS_MAX):
        name, value = getattr(field, "name", None), getattr(field, "value", None)
        if isinstance(name, str) and isinstance(value, str | bytes):
            yield name, value if isinstance(value, str) else value.decode("utf-8", "replace")
