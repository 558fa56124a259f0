"""Response bodies that hand on every chunk as it comes, and show it to the exchange on the way."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import cast

from spanledger.instrumentation.exchange import Exchange
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.wire import AsyncBody, HttpResponse, SyncBody

__all__ = ["AsyncTee", "SyncTee", "tee_class", "watch"]


class SyncTee:
    """The body of a synchronous response."""

    def __init__(self, body: SyncBody, exchange: Exchange) -> None:
        self._body = body
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        with self._exchange.reading():
            for chunk in self._body:
                self._exchange.feed(chunk)
                yield chunk

    def close(self) -> None:
        """Close the body; the exchange is over, read or not."""
        try:
            self._body.close()
        finally:
            self._exchange.end(ended=False)

    def __getattr__(self, name: str) -> object:
        # Such as `elapsed`, which httpx2's response reads from its stream.
        return getattr(object.__getattribute__(self, "_body"), name)


class AsyncTee:
    """The body of an asynchronous response."""

    def __init__(self, body: AsyncBody, exchange: Exchange) -> None:
        self._body = body
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._body.__aiter__()
        try:
            with self._exchange.reading():
                async for chunk in chunks:
                    self._exchange.feed(chunk)
                    yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        """Close the body; the exchange is over, read or not."""
        try:
            await self._body.aclose()
        finally:
            self._exchange.end(ended=False)

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "_body"), name)


Tee = type[SyncTee] | type[AsyncTee]


def tee_class(tee: Tee, stream_class: type[object]) -> Tee:
    """`tee` as a kind of `stream_class`, which the HTTP library insists on."""
    return cast("Tee", type(tee.__name__, (tee, stream_class), {}))


def watch(exchange: Exchange, response: HttpResponse, tee: Tee) -> None:
    """Follow the response to its end; at once where there is no more of it to come."""
    with guarded("watch an answer"):
        if exchange.answered(response.status_code, response.headers):
            content: bytes | None = getattr(response, "_content", None)
            if content is None:
                body = tee(response.stream, exchange)  # pyright: ignore[reportArgumentType]
                exchange.ends_with(body)
                response.stream = body
                return
            exchange.feed(content, decoded=True)
            exchange.end(ended=True)
    exchange.end(ended=False)
