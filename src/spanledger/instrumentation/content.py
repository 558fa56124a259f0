"""What a prompt and its answer say, for apps that ask for it: bounded, and redacted first."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, cast

from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Dialect, Json
from spanledger.dialects.streams import Decoder, event_decoder
from spanledger.instrumentation.encodings import decoding
from spanledger.instrumentation.guard import guarded

__all__ = ["CONTENT_CHARS_MAX", "Content", "Redact"]

Redact = Callable[[Sequence[str]], Sequence[str]]
"""From the texts of a prompt, or of an answer, to what may be kept of them."""

CONTENT_CHARS_MAX: Final = 65_536
"""Of a prompt and of an answer each; what is longer is cut."""

_COLLECTED_CHARS_MAX: Final = CONTENT_CHARS_MAX + 4096
"""A little more is collected, so that what the redaction looks for is not cut in two before it."""

_BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of a longer document nothing is captured."""


class Content:
    """The texts of one exchange. It costs a parsed event per chunk, so it exists only if wanted."""

    __slots__ = (
        "_body",
        "_chars",
        "_decode",
        "_decoder",
        "_dialect",
        "_output",
        "_prompt",
        "_redact",
    )

    def __init__(self, dialect: Dialect, request_body: bytes, redact: Redact | None) -> None:
        self._dialect = dialect
        self._redact = redact
        self._prompt = request_body
        self._output: list[str] = []
        self._chars = 0
        self._body = bytearray()
        self._decode = decoding("")
        self._decoder: Decoder | None = None

    def answered(self, headers: Mapping[str, str]) -> None:
        """Take note of how the answer is framed and encoded."""
        with guarded("capture content"):
            self._decode = decoding(headers.get("content-encoding", ""))
            make_decoder = event_decoder(headers.get("content-type", ""))
            self._decoder = make_decoder() if make_decoder else None

    def feed(self, data: bytes, *, decoded: bool = False) -> None:
        """Take the next bytes of the answer."""
        with guarded("capture content"):
            if decoded:
                self._take(data)
            elif self._decode is not None:
                for piece in self._decode(data):
                    self._take(piece)

    def facts(self) -> dict[str, AttributeValue]:
        """The messages, as JSON in the form of the conventions."""
        return {
            **self._message(names.INPUT_MESSAGES, "user", self._asked),
            **self._message(names.OUTPUT_MESSAGES, "assistant", self._answered),
        }

    def _asked(self) -> Iterable[str]:
        return self._dialect.read_prompt(_parsed(self._prompt))

    def _answered(self) -> Iterable[str]:
        if self._decoder is None:
            return self._dialect.read_output(_parsed(bytes(self._body)))
        for event in self._decoder.flush():
            self._follow(event.data)
        return ("".join(self._output),)

    def _take(self, data: bytes) -> None:
        if self._decoder is not None:
            for event in self._decoder.feed(data):
                self._follow(event.data)
        elif len(self._body) + len(data) <= _BODY_BYTES_MAX:
            self._body += data

    def _follow(self, data: str) -> None:
        if self._chars < _COLLECTED_CHARS_MAX:
            texts = list(self._dialect.read_output(_parsed(data)))
            self._output += texts
            self._chars += sum(map(len, texts))

    def _message(
        self, name: str, role: str, texts: Callable[[], Iterable[str]]
    ) -> dict[str, AttributeValue]:
        """One message; nothing at all where the redaction fails."""
        kept: list[str] = []
        with guarded("capture content"):
            collected = _cut(texts(), _COLLECTED_CHARS_MAX)
            redacted = self._redact(collected) if self._redact else collected
            kept = _cut(map(str, redacted), CONTENT_CHARS_MAX)
        if not kept:
            return {}
        parts = [{"type": "text", "content": text} for text in kept]
        return {name: json.dumps([{"role": role, "parts": parts}])}


def _cut(texts: Iterable[str], room: int) -> list[str]:
    """The texts that fit, the last one cut to what is left."""
    kept: list[str] = []
    for text in texts:
        if room <= 0:
            break
        if piece := text[:room]:
            kept.append(piece)
            room -= len(piece)
    return kept


def _parsed(data: bytes | str) -> Json:
    try:
        parsed = cast("object", json.loads(data))
    except (ValueError, RecursionError):
        return {}
    return cast("Json", parsed) if isinstance(parsed, dict) else {}
