"""Asking for the usage of a stream in the app's place, and unseen by it: functions of bytes.

OpenAI's chat and completion streams state their usage only where the request asks for it, and then
in one event more, before the end. The request is changed in that one place, and that event is taken
out of the answer; all other bytes are handed on as they come.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, cast

from spanledger.dialects.hosts import provider_of
from spanledger.dialects.openai import CHAT, COMPLETIONS
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.table import find_dialect
from spanledger.instrumentation.wire import HttpUrl

__all__ = ["Sieve", "asking_body", "can_be_sifted", "is_signed", "is_to_be_asked"]

_OPTIONS: Final = "stream_options"
_WISH: Final = "include_usage"

_SIGNATURES: Final = frozenset(
    {"content-digest", "content-md5", "digest", "signature", "x-amz-content-sha256"}
)

_STATE_UNASKED: Final = frozenset({"groq", "mistral_ai", "moonshot_ai", "openrouter", "perplexity"})
"""Providers who state the usage of every stream; Mistral refuses what it does not know."""

_OK: Final = 200

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_READER: Final = json.JSONDecoder()
_NO_OBJECT: Final = "this is no JSON object"

_EVENT_END: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
"""A blank line: two line ends, of which a line feed after a carriage return is no third."""

_END_BYTES_MAX: Final = 4

_EVENT_BYTES_MAX: Final = 1024 * 1024
"""The event that states the usage is short: a longer one is handed on as it comes."""


def is_to_be_asked(url: HttpUrl, endpoints: Mapping[str, str]) -> bool:
    """Whether OpenAI's format is spoken there, by somebody who states usage only if asked.

    `endpoints` are the user's own hosts.
    """
    dialect = find_dialect(url.path)
    if dialect is None or dialect not in (CHAT, COMPLETIONS):
        return False
    provider = provider_of(url.host, dialect, port=url.port, path=url.path, endpoints=endpoints)
    return provider not in _STATE_UNASKED


def asking_body(body: bytes) -> bytes | None:
    """The body that asks for usage as well; `None` where there is nothing to ask, or to change.

    Everything else in it stays as it is, to the last space.
    """
    try:
        text = body.decode()
        members = {key: (value, start, end) for key, value, start, end in _members(text)}
    except (ValueError, IndexError, RecursionError):
        return None
    if members.get("stream", (None,))[0] is not True:
        return None
    options, start, end = members.get(_OPTIONS, (None, 0, 0))
    if options is not None and not isinstance(options, dict):
        return None
    fields = cast("Mapping[str, object]", options or {})
    if fields.get(_WISH):
        return None
    wished = json.dumps({**fields, _WISH: True})
    if not end:
        start = end = text.index("{") + 1
        wished = f'"{_OPTIONS}":{wished},'
    return f"{text[:start]}{wished}{text[end:]}".encode()


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether the headers speak for a body that may not be changed any more."""
    names = {name.lower() for name in headers}
    return not names.isdisjoint(_SIGNATURES) or "AWS4-" in headers.get("authorization", "")


def can_be_sifted(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the answer is a stream of events whose bytes can be read as they are."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = headers.get("content-encoding", "").strip().lower()
    return status == _OK and kind == "text/event-stream" and coding in {"", "identity"}


def _members(text: str) -> Iterator[tuple[str, object, int, int]]:
    """(key, value, start and end of the value) of each member of the JSON object that `text` is.

    Raises:
        ValueError: it is something else.
        IndexError: it is cut.
    """
    at = _past(text, 0, "{")
    more = text[at] != "}"
    while more:
        key, at = _READER.raw_decode(text, at)
        start = _past(text, at, ":")
        value, end = _READER.raw_decode(text, start)
        yield str(key), value, start, end
        at = _after_space(text, end)
        more = text[at] == ","
        at = _past(text, at, "," if more else "}")
    if at < len(text):
        raise ValueError(_NO_OBJECT)


def _past(text: str, at: int, mark: str) -> int:
    """Where the next thing starts after `mark`, which has to come next itself."""
    at = _after_space(text, at)
    if text[at] != mark:
        raise ValueError(_NO_OBJECT)
    return _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


class Sieve:
    """Gives the bytes of a stream back without the event that states the usage.

    It holds nothing but the event that is under way.
    """

    __slots__ = ("_after_cr", "held")

    def __init__(self) -> None:
        self.held = b""
        """What has come of the event that is under way."""
        self._after_cr: bool | None = None
        """Whether the last event was handed on, where its end may yet get a line feed."""

    def feed(self, data: bytes) -> bytes:
        """What can be handed on now; it may be nothing."""
        kept: list[bytes] = []
        if self._after_cr is not None and data:
            if data.startswith(b"\n"):
                kept += [b"\n"] if self._after_cr else []
                data = data[1:]
            self._after_cr = None
        seen, held = len(self.held), self.held + data
        start = 0
        for end in _EVENT_END.finditer(held, max(seen - _END_BYTES_MAX, 0)):
            event, start = held[start : end.end()], end.end()
            passes = not _states_usage(event)
            kept += [event] if passes else []
            if start == len(held) and event.endswith(b"\r"):
                self._after_cr = passes
        self.held = held[start:]
        if len(self.held) > _EVENT_BYTES_MAX:
            kept.append(self.held)
            self.held = b""
        return b"".join(kept)

    def rest(self) -> bytes:
        """What is left when nothing more comes."""
        held, self.held = self.held, b""
        return b"" if _states_usage(held) else held


def _states_usage(event: bytes) -> bool:
    """Whether it is that event: a usage, and no choice that anything could be said in."""
    if b'"usage"' not in event or b'"choices"' not in event:
        return False
    decoder = EventDecoder()
    events = [*decoder.feed(event), *decoder.flush()]
    try:
        chunk = cast("object", json.loads(events[0].data)) if len(events) == 1 else None
    except (ValueError, RecursionError):
        return False
    if not isinstance(chunk, dict):
        return False
    fields = cast("Mapping[str, object]", chunk)
    return fields.get("choices") == [] and isinstance(fields.get("usage"), dict)
