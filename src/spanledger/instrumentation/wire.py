"""What we use of the HTTP libraries, none of which an app needs to have."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

__all__ = [
    "AsyncBody",
    "HttpRequest",
    "HttpResponse",
    "HttpUrl",
    "PlainRequest",
    "PlainUrl",
    "SyncBody",
    "content_headers",
    "telling_headers",
]

_TELLING: Final = {
    "amz-sdk-request",
    "api-key",
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "x-portkey-metadata",
    "x-stainless-retry-count",
}
_TELLING_PREFIX: Final = "helicone-"


class HttpUrl(Protocol):
    """`httpx.URL`."""

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        ...

    @property
    def host(self) -> str:
        """Without the port."""
        ...

    @property
    def port(self) -> int | None:
        """`None` where it is the default of the scheme."""
        ...

    @property
    def path(self) -> str:
        """Decoded, and without the query."""
        ...

    @property
    def query(self) -> bytes:
        """Encoded, without the `?`. A key may stand in it: only its hash is ever told."""
        ...


class HttpRequest(Protocol):
    """`httpx.Request`."""

    @property
    def method(self) -> str:
        """In capitals."""
        ...

    @property
    def url(self) -> HttpUrl:
        """Where to."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, whatever its case."""
        ...


class HttpResponse(Protocol):
    """`httpx.Response`. `stream` is its body, still encoded."""

    stream: object

    @property
    def status_code(self) -> int:
        """Of the response."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, whatever its case."""
        ...


class SyncBody(Protocol):
    """`httpx.SyncByteStream`."""

    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None:
        """Give the connection back, read or not."""
        ...


class AsyncBody(Protocol):
    """`httpx.AsyncByteStream`."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None:
        """Give the connection back, read or not."""
        ...


def telling_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those request headers that say something of a call, by name in lower case."""
    # httpx decodes each name and each value anew for whoever asks.
    raw: Iterable[tuple[str | bytes, str | bytes]] | None = getattr(headers, "raw", None)
    pairs = headers.items() if raw is None else raw
    return {telling: _decoded(value) for name, value in pairs if (telling := _telling(name))}


@lru_cache(maxsize=1024)
def _telling(name: str | bytes) -> str:
    """The name of a header in lower case, if it says something of a call; else ''."""
    lower = _decoded(name).lower()
    return lower if lower in _TELLING or lower.startswith(_TELLING_PREFIX) else ""


def content_headers(headers: Mapping[str, str]) -> tuple[str, str]:
    """The type and the encoding of a response's body; '' where nothing is said."""
    raw: list[tuple[bytes, bytes]] | None = getattr(headers, "raw", None)
    if raw is None:
        return headers.get("content-type", ""), headers.get("content-encoding", "")
    kind = coding = b""
    for name, value in raw:
        match name.lower():
            case b"content-type":
                kind = value
            case b"content-encoding":
                # Said twice it is undone twice, as in a list.
                coding = coding + b"," + value if coding else value
            case _:
                pass
    return kind.decode("latin-1"), coding.decode("latin-1")


def _decoded(raw: str | bytes) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class PlainUrl:
    """A URL of a library that has none of its own, or another one."""

    __slots__ = ("_parts",)

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self._parts.scheme

    @property
    def host(self) -> str:
        """Without the port."""
        return self._parts.hostname or ""

    @property
    def port(self) -> int | None:
        """`None` where it is the default of the scheme."""
        return self._parts.port

    @property
    def path(self) -> str:
        """Decoded, and without the query."""
        return unquote(self._parts.path)

    @property
    def query(self) -> bytes:
        """Encoded, without the `?`."""
        return self._parts.query.encode()


class PlainRequest:
    """A request of requests, botocore or aiohttp, in the members that `HttpRequest` names.

    Nothing is computed before it is asked for, as most requests are none of ours.
    """

    __slots__ = ("_body", "_headers", "_split", "_texts", "_url", "method")

    def __init__(
        self, method: str, url: object, headers: Mapping[Any, Any], body: object = b""
    ) -> None:
        self.method = method
        self._url = url
        self._headers = headers
        self._body = body
        self._split: HttpUrl | None = None
        self._texts: Mapping[str, str] | None = None

    @property
    def url(self) -> HttpUrl:
        """Where to."""
        if self._split is None:
            self._split = PlainUrl(str(self._url))
        return self._split

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in lower case; the libraries keep some of them as bytes."""
        if self._texts is None:
            headers = self._headers.items()
            self._texts = {_text(name).lower(): _text(value) for name, value in headers}
        return self._texts

    @property
    def _content(self) -> bytes:
        # By the name that httpx has for it; empty where it is a stream, which is not ours to read.
        if isinstance(self._body, str):
            return self._body.encode()
        return bytes(self._body) if isinstance(self._body, bytes | bytearray) else b""


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
