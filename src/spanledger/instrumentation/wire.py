"""What we use of httpx and httpx2, neither of which an app needs to have."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Protocol

__all__ = ["AsyncBody", "HttpRequest", "HttpResponse", "HttpUrl", "SyncBody"]


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
