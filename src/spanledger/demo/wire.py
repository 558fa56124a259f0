"""What the simulated endpoints share: a request as they see it, an answer, and how it is sent."""

import asyncio
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from starlette.types import Receive, Scope, Send

from spanledger.demo.prompt_cache import PromptCache
from spanledger.demo.wording import Json

__all__ = [
    "Ask",
    "Delivery",
    "Endpoint",
    "Habits",
    "Reply",
    "compact",
    "indented",
    "new_id",
    "server_sent",
]

_GZIP: Final = 31
"""The `wbits` that make zlib write a gzip header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that passed the door."""

    model: str
    body: Json
    stream: bool
    array: bool
    """Gemini streams a JSON array unless the URL says `alt=sse`."""
    cache: PromptCache
    now: int
    """Unix time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer as bytes, with what it says of itself."""

    model: str
    response_id: str = ""
    usage: Json | None
    """The usage object as stated; `None` where the format states none unless asked."""
    parts: Sequence[bytes]
    """One body, or the events of a stream."""
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a provider does alike at all its endpoints."""

    provider: str
    """`gen_ai.provider.name`."""
    prefix: str
    """Where the provider lives on this server."""
    key_headers: tuple[str, ...]
    """Any of these, or `?key=` where `key_in_url`, carries the API key."""
    key_in_url: bool = False
    gzip_streams: bool
    headers: Callable[[str, int], Mapping[str, str]]
    """(request id, status) -> the provider's own response headers."""
    error: Callable[[int, str, str], bytes]
    """(status, request id, detail or '') -> the body of an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path that answers."""

    path: str
    answer: Callable[[Ask], Reply]
    stream: bool | None = None
    """Whether it streams; `None`: the request's body says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An ASGI response that can compress part by part, and can break off in the middle."""

    status: int
    parts: Sequence[bytes]
    headers: Mapping[str, str]
    stream: bool = False
    gzip: bool = False
    cut: bool = False
    """Close the connection when about half is sent."""
    gap_seconds: float = 0.0
    """Between the parts of a stream."""
    before_last: Callable[[], None] = field(default=lambda: None)
    """Called when all but the last piece is sent: after that the reader may know everything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        del scope, receive  # the request was read before
        pieces = list(_gzipped(self.parts) if self.gzip else self.parts)
        headers = dict(self.headers)
        if self.gzip:
            headers["content-encoding"] = "gzip"
        if not self.stream:
            pieces = [b"".join(pieces)]
            headers["content-length"] = str(len(pieces[0]))
        if self.cut:
            half = len(pieces) // 2
            pieces = [*pieces[:half], pieces[half][: len(pieces[half]) // 2]]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await self._send_pieces(pieces, send)

    async def _send_pieces(self, pieces: Sequence[bytes], send: Send) -> None:
        for number, piece in enumerate(pieces, start=1):
            last = number == len(pieces) and not self.cut
            if last:
                self.before_last()
            await send({"type": "http.response.body", "body": piece, "more_body": not last})
            await asyncio.sleep(self.gap_seconds if not last else 0)


def _gzipped(parts: Sequence[bytes]) -> Iterator[bytes]:
    """Each of `parts` compressed so far that a reader can decode it at once."""
    compressor = zlib.compressobj(wbits=_GZIP)
    *early, last = parts
    for part in early:
        yield compressor.compress(part) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.compress(last) + compressor.flush(zlib.Z_FINISH)


def compact(value: object) -> str:
    """JSON without spaces, beyond ASCII as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def indented(value: object) -> bytes:
    """JSON over several lines, as OpenAI and Gemini write whole bodies."""
    return f"{json.dumps(value, ensure_ascii=False, indent=2)}\n".encode()


def server_sent(data: str, *, event: str = "", newline: str = "\n") -> bytes:
    """One event of an event stream."""
    name = f"event: {event}{newline}" if event else ""
    return f"{name}data: {data}{newline}{newline}".encode()


def new_id(prefix: str, length: int = 24) -> str:
    """An id that no other answer has, in this run or another."""
    return f"{prefix}{(uuid4().hex + uuid4().hex)[:length]}"
