"""Exchanges that may be model calls and fit no dialect: counted and named, so that none is missed.

An exchange is named by its host and the shape of its path, which keeps words and replaces what may
be an id, a model or a secret.
"""

import re
from collections.abc import Mapping
from typing import Final

from opentelemetry.context import get_current

from spanledger.dialects.hosts import looks_like_model_call
from spanledger.instrumentation.neighbours import is_suppressed
from spanledger.instrumentation.tally import Tally
from spanledger.instrumentation.wire import HttpUrl

__all__ = ["note_unknown", "path_shape", "unknown_exchanges"]

_SEGMENTS_MAX: Final = 12
_HOST_CHARS_MAX: Final = 253
"""A longer name is none of the domain name system."""

_ID: Final = "{id}"

_WORD: Final = re.compile(
    # Words joined by - _ or . , words joined as inThis, or a version of an API.
    r"[a-z]{2,16}(?:[-_.][a-z]{2,16}){0,3}|[a-z]{2,16}(?:[A-Z][a-z]{2,15}){1,3}"
    r"|v\d{1,2}(?:p\d{1,2})?(?:(?:alpha|beta)\d{0,2})?",
    re.ASCII,
)

# A warning, once for each kind: nobody would notice otherwise that the costs shown are too low.
_unknown: Final = Tally(
    "an exchange may be a model call, and nothing here can read it: %s. It is counted and not"
    " recorded; see 'spanledger doctor'"
)


def note_unknown(url: HttpUrl, endpoints: Mapping[str, str]) -> None:
    """Count a POST that fits no dialect, if it may yet be a call of a model.

    Args:
        url: where to.
        endpoints: the user's own hosts of models.
    """
    host, path = url.host, url.path
    if not looks_like_model_call(host, path, port=url.port, endpoints=endpoints):
        return
    if not is_suppressed(get_current()):
        _unknown.note(f"POST {host.lower()[:_HOST_CHARS_MAX]}{path_shape(path)}")


def unknown_exchanges() -> dict[str, int]:
    """How many of each kind this process has made, as `POST host/path/{id}`."""
    return _unknown.counts()


def path_shape(path: str) -> str:
    """The path with everything replaced that is not plainly a word."""
    segments = path.split("/")
    shape = "/".join(map(_segment_shape, segments[:_SEGMENTS_MAX]))
    return f"{shape}/..." if len(segments) > _SEGMENTS_MAX else shape


def _segment_shape(segment: str) -> str:
    # Google names a method after the thing that it is done with.
    return ":".join(
        part if not part or _WORD.fullmatch(part) else _ID for part in segment.split(":")[:3]
    )
